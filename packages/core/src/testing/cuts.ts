/**
 * Every way to cut bytes. A decoder must read all of them alike, because TCP keeps no boundaries.
 *
 * ```ts
 * for (const { name, chunks } of everyCut(frame)) expect(decodeAll(chunks), name).toEqual([message]);
 * ```
 */
import { seededRandom } from './random.js';

/** Bytes, cut in one way. */
export interface CutBytes {
  /** Describes the cut, for the message of a failing test. A random cut names its seed. */
  readonly name: string;
  /** The pieces in order, none of them empty. Each has memory of its own, like a chunk from a socket, except where the name says otherwise. */
  readonly chunks: Buffer[];
}

/** Up to 512 bytes, an input is cut byte by byte and in two at every position. A longer one is cut near both ends and at samples in between. */
const shortBytes = 512;

/** A long input is cut at each of the first and last 40 positions: a header with its surroundings. */
const marginBytes = 40;
const sampledSplits = 12;
const randomCuts = 6;

/**
 * The bytes in one piece, byte by byte, split in two, cut at random (the same for one seed), and as a view into the middle of a larger buffer.
 */
export function* everyCut(bytes: Uint8Array, seed = 1): Iterable<CutBytes> {
  if (bytes.length === 0) return;
  yield { name: 'whole', chunks: cutAt(bytes, []) };
  yield { name: 'as a view into the middle of a larger buffer', chunks: [viewIntoLarger(bytes, 33)] };
  yield { name: 'as the start of a larger buffer', chunks: [viewIntoLarger(bytes, 0)] };
  if (bytes.length === 1) return;

  const random = seededRandom(seed);
  const positions = [...cutPositions(bytes.length, random)];
  const where = bytes.length > shortBytes ? ' at both ends' : '';
  yield { name: `byte by byte${where}`, chunks: cutAt(bytes, positions.filter(isNear(bytes.length))) };
  for (const position of positions) yield { name: `in two at ${position}`, chunks: cutAt(bytes, [position]) };
  for (let i = 0; i < randomCuts; i++) {
    const longestPiece = 1 << Math.floor(random() * (Math.log2(bytes.length) + 1));
    yield { name: `at random (seed ${seed}, number ${i})`, chunks: [...randomPieces(bytes, longestPiece, random)] };
  }
}

/** The bytes in pieces of one byte. */
export function byteByByte(bytes: Uint8Array): Buffer[] {
  return Array.from(bytes, (byte) => Buffer.of(byte));
}

/** The bytes in pieces of random lengths from 1 to `longestPiece`. */
export function* randomPieces(bytes: Uint8Array, longestPiece: number, random: () => number): Iterable<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const end = Math.min(bytes.length, start + 1 + Math.floor(random() * longestPiece));
    yield owned(bytes.subarray(start, end));
    start = end;
  }
}

function* cutPositions(length: number, random: () => number): Iterable<number> {
  const near = isNear(length);
  for (let position = 1; position < Math.min(length, marginBytes); position++) yield position;
  if (length <= shortBytes) {
    for (let position = marginBytes; position < length; position++) yield position;
    return;
  }
  const between = new Set<number>();
  while (between.size < sampledSplits) between.add(marginBytes + Math.floor(random() * (length - 2 * marginBytes)));
  yield* [...between].filter((position) => !near(position)).sort((a, b) => a - b);
  for (let position = length - marginBytes; position < length; position++) yield position;
}

function isNear(length: number): (position: number) => boolean {
  return (position) => length <= shortBytes || position < marginBytes || position >= length - marginBytes;
}

function cutAt(bytes: Uint8Array, positions: readonly number[]): Buffer[] {
  const ends = [...positions, bytes.length];
  return ends.map((end, i) => owned(bytes.subarray(ends[i - 1] ?? 0, end)));
}

/** A copy in memory of its own. */
function owned(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** A view with other bytes around it. At an odd offset a decoder cannot rely on alignment. */
function viewIntoLarger(bytes: Uint8Array, offset: number): Buffer {
  const larger = Buffer.alloc(bytes.length + 64, 0xa5);
  larger.set(bytes, offset);
  return larger.subarray(offset, offset + bytes.length);
}
