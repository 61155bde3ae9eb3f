/** What goes wrong with a link and not with the session: the link is given up, and the session goes on over the next. */
import { ChecksumError, OptionError, ProtocolError, type SerpyError, ValueError } from 'serpy-core';
import { CorruptFrameError } from './frames/corrupt-frame.js';
import type { FlowLimits } from './session-parameters.js';

/** A number was left out: the peer sends again what is missing. */
export class SequenceGapError extends Error {}

/** Such a fault as the application sees it; undefined for every other error. */
export function toLinkError(error: unknown): SerpyError | undefined {
  const advice = 'the link is given up, and nothing is lost where it can be dialled again';
  if (error instanceof CorruptFrameError) return new ChecksumError(`${error.message}: ${advice}`);
  if (error instanceof SequenceGapError) return new ProtocolError(`${error.message}: ${advice}`);
  return undefined;
}

/** What a peer says of itself, no longer than one reads. */
export function excerpt(text: string): string {
  const maxCharacters = 200;
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}

export function sequenceGapError(number: number, next: number): SequenceGapError {
  return new SequenceGapError(`the peer sent piece ${number} where ${next} was expected`);
}

export function interleavedError(): ProtocolError {
  return new ProtocolError('the peer began a message in the middle of another');
}

export function excessDataError(): ProtocolError {
  return new ProtocolError('the peer sent more of a message than it announced');
}

export function flowControlError({ messages, bytes }: FlowLimits): ProtocolError {
  return new ProtocolError(`the peer sends more than it was allowed to (${messages} messages, ${bytes} bytes)`);
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

/** A message whose memory the program has taken away before it was sent. */
export function detachedBufferError(sizeBytes: number): ValueError {
  return new ValueError(
    `a message of ${sizeBytes} bytes is not sent, or not wholly: the program took its memory away meanwhile (transferred it, or made it smaller), ` +
      'so the peer does not get it: send a copy (Buffer.from(bytes))',
  );
}
