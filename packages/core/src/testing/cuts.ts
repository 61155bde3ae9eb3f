/**
 * Every way to cut bytes: what a decoder must read alike, because TCP keeps no boundaries.
 *
 * ```ts
 * for (const { name, chunks } of everyCut(frame)) expect(decodeAll(chunks), name).toEqual([message]);
 * ```
 */
import { seededRandom } from './random.js';

/** Bytes, cut in one way. */
export interface CutBytes {
  /** How, for the message of a test that fails; it tells the seed where chance had a part. */
  readonly name: string;
  /** The pieces in order, never empty. Each has memory of its own, as chunks from a socket have, unless the name says otherwise. */
  readonly chunks: Buffer[];
}

/** Up to this size an input is cut byte by byte and in two everywhere; above, near both ends and at samples between them. */
const shortBytes = 512;

/** How far from both ends of a long input it is cut everywhere: a header with what precedes and follows it. */
const marginBytes = 40;
const sampledSplits = 12;
const randomCuts = 6;

/**
 * The bytes whole, byte by byte, split in two, cut at random (always the same for one seed), and as a view into the
 * middle of a larger buffer.
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

/** The bytes in pieces of one byte, however many that are. */
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

/** A copy whose memory holds nothing else. */
function owned(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** The bytes around it are none of the input's. At an odd offset nothing can rely on alignment. */
function viewIntoLarger(bytes: Uint8Array, offset: number): Buffer {
  const larger = Buffer.alloc(bytes.length + 64, 0xa5);
  larger.set(bytes, offset);
  return larger.subarray(offset, offset + bytes.length);
}
