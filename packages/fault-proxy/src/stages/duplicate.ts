/** Sends bytes twice: a range, a frame, or chunks as they were read. The copy follows the bytes directly. */

import { type DuplicateSettings, type FaultSettings, maxDuplicateBytes } from '../options/faults.js';
import type { Random } from '../random.js';
import type { FrameTracker } from './frame-tracker.js';
import { addedPiece, type Item, type Piece, partOf } from './item.js';
import type { Out, Stage } from './stage.js';

/** A range or frame to duplicate, and its bytes so far. */
interface Range {
  readonly settings: DuplicateSettings;
  readonly kept: Buffer[];
  keptBytes: number;
}

export class Duplicate implements Stage {
  readonly #frames: FrameTracker;
  readonly #random: Random;
  #ranges: Range[] = [];
  #chunks: readonly DuplicateSettings[] = [];
  /** The number of the next chunk. */
  #chunk = 0;

  constructor(frames: FrameTracker, random: Random) {
    this.#frames = frames;
    this.#random = random;
  }

  apply({ duplicate }: Partial<FaultSettings>): void {
    if (!duplicate) return;
    const isRange = ({ toByte, frame }: DuplicateSettings) => toByte !== undefined || frame !== undefined;
    this.#chunks = duplicate.filter((each) => !isRange(each));
    this.#ranges = duplicate.filter(isRange).map((settings) => ({ settings, kept: [], keptBytes: 0 }));
    for (const { frame } of duplicate) {
      if (frame === undefined) continue;
      this.#frames.request(frame);
      this.#frames.request(frame + 1);
    }
  }

  push(item: Item, nowMs: number, out: Out): void {
    if (item.kind !== 'bytes' || item.at === undefined || item.bytes.length === 0) {
      out(item, nowMs);
      return;
    }
    let done = 0;
    for (const { range, end } of this.#rangesThatEndIn(item, item.at)) {
      out(partOf(item, done, end), nowMs);
      out(addedPiece(Buffer.concat(range.kept)), nowMs);
      done = end;
    }
    if (done < item.bytes.length) out(partOf(item, done), nowMs);
    if (this.#isChosen(this.#chunk++)) out(addedPiece(item.bytes), nowMs);
  }

  /** Keeps the bytes of ranges, and removes the complete ranges. @returns those, in the order of their ends within the piece */
  #rangesThatEndIn(piece: Piece, start: number): { range: Range; end: number }[] {
    if (this.#ranges.length === 0) return [];
    const complete: { range: Range; end: number }[] = [];
    const waiting: Range[] = [];
    for (const range of this.#ranges) {
      const [from = Number.POSITIVE_INFINITY, to = Number.POSITIVE_INFINITY] = this.#bounds(range.settings);
      const [first, end] = [Math.max(from - start, 0), Math.min(to - start, piece.bytes.length)];
      if (first < end) {
        range.kept.push(piece.bytes.subarray(first, end));
        range.keptBytes += end - first;
      }
      if (to > start + piece.bytes.length) {
        if (range.keptBytes <= maxDuplicateBytes) waiting.push(range);
      } else if (range.keptBytes > 0) {
        complete.push({ range, end });
      }
    }
    this.#ranges = waiting;
    return complete.sort((a, b) => a.end - b.end);
  }

  #bounds({ fromByte, toByte, frame }: DuplicateSettings): [number | undefined, number | undefined] {
    if (frame === undefined) return [fromByte, toByte];
    return [this.#frames.startOf(frame), this.#frames.startOf(frame + 1)];
  }

  #isChosen(number: number): boolean {
    let isChosen = false;
    for (const { chunk, probability = 0 } of this.#chunks) {
      // Each consumes a random number for every chunk, so that one does not shift the numbers of the other.
      if (probability > 0 && this.#random() < probability) isChosen = true;
      if (chunk === number) isChosen = true;
    }
    return isChosen;
  }
}
