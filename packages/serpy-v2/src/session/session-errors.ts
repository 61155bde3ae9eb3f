/** What goes wrong with a link and not with the session: the link is given up, and the session goes on over the next. */
import { ChecksumError, OptionError, ProtocolError, type SerpyError } from 'serpy-core';
import { CorruptRecordError } from '../reliable/record-reader.js';

/** Such a fault as the application sees it; undefined for every other error. */
export function toLinkError(error: unknown): SerpyError | undefined {
  const advice = 'the link is given up, and nothing is lost where it can be dialled again';
  return error instanceof CorruptRecordError ? new ChecksumError(`${error.message}: ${advice}`) : undefined;
}

/** What a peer says of itself, no longer than one reads. */
export function excerpt(text: string): string {
  const maxCharacters = 200;
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}

/** Something was asked for that only a session can do. */
export function noSessionError(what: string, why: string): OptionError {
  return new OptionError(`${what} needs a session, and ${why}: use session: 'prefer' or 'require' at both ends`);
}

/** There is no session where one is required. */
export function handshakeRequiredError(what: string): ProtocolError {
  return new ProtocolError(
    `${what}, which session: 'require' asks for: the peer is a plain v2 program, or has session: 'off'. Use session: 'prefer' to talk to it without a session`,
  );
}
