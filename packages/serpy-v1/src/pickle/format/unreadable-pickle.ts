/** How the reader stops: thrown inside it, caught by `readPickle`, never seen outside. */

/** Why a pickle is not read on. `malformed` tells damage from what is merely not for us. */
export class UnreadablePickle extends Error {
  override readonly name = 'Refusal';
  readonly malformedError: boolean;

  constructor(reason: string, malformed: boolean) {
    super(reason);
    this.malformedError = malformed;
  }
}

/** The pickle may be sound, but its value is not plain data, or is too much of it. */
export function opaqueError(what: string): UnreadablePickle {
  return new UnreadablePickle(`The pickle ${what}`, false);
}

/** The bytes are no pickle that Python would read. */
export function malformed(what: string): UnreadablePickle {
  return new UnreadablePickle(`The pickle is malformed: ${what}; it was damaged on its way, or is no pickle`, true);
}

/** A name that the peer chose, made fit to stand in a message. */
export function printable(name: string): string {
  const safe = name.replaceAll(/[^\x20-\x7e]/g, '?');
  return safe.length > 80 ? `${safe.slice(0, 80)}...` : safe;
}
