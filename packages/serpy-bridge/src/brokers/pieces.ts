/** Messages that are larger than a message of NATS may be: cut into pieces, and joined again. */
import { OptionError } from 'serpy-core';

/** The headers of a piece. A message in one piece has none of them. */
export const pieceHeaders = {
  id: 'Serpy-Id',
  piece: 'Serpy-Piece',
  pieces: 'Serpy-Pieces',
  size: 'Serpy-Size',
} as const;

/** The largest piece. */
export const maxPieceBytes = 2 ** 20;

/** Cuts a message into pieces, which share its memory. */
export function piecesOf(payload: Uint8Array, pieceBytes: number): Uint8Array[] {
  const count = Math.max(1, Math.ceil(payload.length / pieceBytes));
  return Array.from({ length: count }, (_, at) => payload.subarray(at * pieceBytes, (at + 1) * pieceBytes));
}

/** A piece as it arrives: `headers.get(name)` is an empty text if there is no such header. */
export interface Piece {
  readonly data: Uint8Array;
  readonly headers?: { get(name: string): string } | undefined;
}

export interface PieceReaderOptions {
  /** The largest message. Default 256 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** Messages whose pieces arrive at the same time. Above it, the one that waits longest is dropped. Default 8. */
  readonly maxOpen?: number | undefined;
}

interface Open {
  /** By number, because an array of a length that is only announced takes memory. */
  readonly pieces: Map<number, Uint8Array>;
  readonly count: number;
  readonly sizeBytes: number;
  bytes: number;
}

/** Joins pieces, in any order and with repetitions. Memory is bounded by `maxOpen` messages of `maxMessageBytes`. */
export class PieceReader {
  readonly #maxMessageBytes: number;
  readonly #maxOpen: number;
  readonly #open = new Map<string, Open>();
  #dropped = 0;

  constructor(options: PieceReaderOptions = {}) {
    const { maxMessageBytes = 256 * 2 ** 20, maxOpen = 8 } = options;
    for (const [name, value] of Object.entries({ maxMessageBytes, maxOpen })) {
      if (!Number.isSafeInteger(value) || value < 1)
        throw new OptionError(`${name} is a whole number from 1, not ${String(value)}`);
    }
    this.#maxMessageBytes = maxMessageBytes;
    this.#maxOpen = maxOpen;
  }

  /** Messages that were dropped: damaged, too large, or never complete. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The whole message with its last piece; undefined before. A message without headers is whole. */
  add({ data, headers }: Piece): Uint8Array | undefined {
    const id = headers?.get(pieceHeaders.id) ?? '';
    if (id === '') return data;
    const [at, count, sizeBytes] = [pieceHeaders.piece, pieceHeaders.pieces, pieceHeaders.size].map((name) =>
      whole(headers?.get(name) ?? ''),
    ) as [number, number, number];
    const open = this.#open.get(id) ?? this.#begin(id, count, sizeBytes);
    if (!open || count !== open.count || sizeBytes !== open.sizeBytes || !(at >= 1 && at <= count)) return undefined;
    if (open.pieces.has(at)) return undefined; // repeated
    if (open.bytes + data.length > sizeBytes) return this.#drop(id);
    open.pieces.set(at, data);
    open.bytes += data.length;
    if (open.pieces.size < count) return undefined;
    if (open.bytes !== sizeBytes) return this.#drop(id);
    this.#open.delete(id);
    return Buffer.concat(Array.from({ length: count }, (_, index) => open.pieces.get(index + 1) as Uint8Array));
  }

  #begin(id: string, count: number, sizeBytes: number): Open | undefined {
    // A piece has at least one byte, but for an empty message.
    if (!(count >= 1) || !(sizeBytes >= 0) || sizeBytes > this.#maxMessageBytes || count > Math.max(1, sizeBytes)) {
      this.#dropped++;
      return undefined;
    }
    if (this.#open.size >= this.#maxOpen) this.#drop(this.#open.keys().next().value as string);
    const open: Open = { pieces: new Map(), count, sizeBytes, bytes: 0 };
    this.#open.set(id, open);
    return open;
  }

  #drop(id: string): undefined {
    this.#open.delete(id);
    this.#dropped++;
  }
}

function whole(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}
