/** What goes wrong with a link and not with the session: the link is given up, and the session goes on over the next. */
import { ChecksumError, ProtocolError, type SerpyError } from 'serpy-core';

/** Bytes were damaged, doubled or lost on the way. */
export class DamageError extends Error {}

/** A number was left out: the peer sends again what is missing. */
export class GapError extends Error {}

/** Such a fault as the application sees it; undefined for every other error. */
export function linkFault(error: unknown): SerpyError | undefined {
  const advice = 'the link is given up, and nothing is lost where it can be dialled again';
  if (error instanceof DamageError) return new ChecksumError(`${error.message}: ${advice}`);
  if (error instanceof GapError) return new ProtocolError(`${error.message}: ${advice}`);
  return undefined;
}
