/** A byte that a Python peer cannot process: its place in the stream, and the reason. */

/** The first harm on one link; later bytes are not checked. */
export interface Harm {
  /** The number of bytes on the link before the harmful one. */
  readonly offset: number;
  readonly why: string;
}

/** A byte as text in a message. */
export function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0').toUpperCase();
}

/** The harm as one line, or undefined. */
export function harmIn(who: string, harm: Harm | undefined): string[] {
  return harm ? [`${who}, byte ${harm.offset}: ${harm.why}`] : [];
}
