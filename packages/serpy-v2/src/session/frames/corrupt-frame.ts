/** The error of a frame that arrived damaged, twice or out of order. */

/** Bytes were damaged, doubled or lost on the way. */
export class CorruptFrameError extends Error {}
