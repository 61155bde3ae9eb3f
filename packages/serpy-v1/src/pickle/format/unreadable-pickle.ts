/** The error that stops the reader. `readPickle` catches it; a program never sees it. */

/** The reason why a pickle is not read. `malformedError`: Python could not read it either. */
export class UnreadablePickle extends Error {
  override readonly name = 'UnreadablePickle';
  readonly malformedError: boolean;

  constructor(reason: string, malformed: boolean) {
    super(reason);
    this.malformedError = malformed;
  }
}

/** The pickle may be valid, but its value is not plain data, or exceeds a limit. */
export function opaqueError(what: string): UnreadablePickle {
  return new UnreadablePickle(`The pickle ${what}`, false);
}

/** The bytes are not a pickle that Python would read. */
export function malformed(what: string): UnreadablePickle {
  return new UnreadablePickle(
    `The pickle is malformed: ${what}. The message was corrupted, or its sender did not send a pickle`,
    true,
  );
}

/** Makes a name that the peer chose safe to show in a message. */
export function printable(name: string): string {
  const safe = name.replaceAll(/[^\x20-\x7e]/g, '?');
  return safe.length > 80 ? `${safe.slice(0, 80)}...` : safe;
}
