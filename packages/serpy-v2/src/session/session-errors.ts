/** The errors of sessions: those that close the link while the session resumes on the next, and those of a missing session. */
import { ChecksumError, OptionError, ProtocolError, type SerpyError } from 'serpy-core';
import { CorruptRecordError } from '../reliable/record-reader.js';

/** The application's error for a fault of the link; undefined for every other error. */
export function toLinkError(error: unknown): SerpyError | undefined {
  const effect = 'The link is closed, and the session resumes without loss if the client reconnects';
  return error instanceof CorruptRecordError ? new ChecksumError(`${error.message}. ${effect}`) : undefined;
}

/** At most 200 characters of a text from the peer. */
export function excerpt(text: string): string {
  const maxCharacters = 200;
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}

/** The program used a feature that only a session has. */
export function noSessionError(what: string, why: string): OptionError {
  return new OptionError(`${what} needs a session, but ${why}. Use session: 'prefer' or 'require' at both ends`);
}

/** A required session is missing. */
export function handshakeRequiredError(what: string): ProtocolError {
  return new ProtocolError(
    `${what}, and this end has session: 'require'. The peer may be a Python peer, or have session: 'off'. Use session: 'prefer' to talk to it without a session`,
  );
}
