/** Items that move through one direction of a link: bytes, the sender's end or reset, and what faults insert between them. */
import type { CutHow } from '../options/faults.js';

/** Bytes of the sender, or bytes that a fault added. */
export interface Piece {
  readonly kind: 'bytes';
  readonly bytes: Buffer;
  /** The position of the first byte in the sender's data; undefined for bytes that a fault added. */
  readonly at: number | undefined;
}

export type Item =
  | Piece
  /** The sender ends its stream. */
  | { readonly kind: 'end' }
  /** The sender's connection is reset. */
  | { readonly kind: 'reset' }
  /** The link is cut here. */
  | { readonly kind: 'cut'; readonly how: Exclude<CutHow, 'stall'> }
  /** Nothing more passes here for `forMs` milliseconds. */
  | { readonly kind: 'stall'; readonly forMs: number };

/** The bytes of a piece from `start` to `end`, both relative to the piece. */
export function partOf(piece: Piece, start: number, end = piece.bytes.length): Piece {
  if (start === 0 && end === piece.bytes.length) return piece;
  return {
    kind: 'bytes',
    bytes: piece.bytes.subarray(start, end),
    at: piece.at === undefined ? undefined : piece.at + start,
  };
}

/** A piece of bytes that a fault adds. */
export function addedPiece(bytes: Buffer): Piece {
  return { kind: 'bytes', bytes, at: undefined };
}
