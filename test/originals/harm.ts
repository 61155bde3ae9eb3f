/** What an original peer could not take: where in its stream, and why. */

/** The first harm on one link; what follows it is not looked at. */
export interface Harm {
  /** How many bytes of the link came before the one that did it. */
  readonly offset: number;
  readonly why: string;
}

/** A byte as messages show it. */
export function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0').toUpperCase();
}

/** The harm as one line, or undefined. */
export function harmIn(who: string, harm: Harm | undefined): string[] {
  return harm ? [`${who}, byte ${harm.offset}: ${harm.why}`] : [];
}
