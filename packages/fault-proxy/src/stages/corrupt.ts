/** Changes bytes: those at given positions, or each with a probability. */

import type { CorruptSettings, FaultSettings } from '../options/faults.js';
import type { Random } from '../random.js';
import type { FrameTracker } from './frame-tracker.js';
import type { Item, Piece } from './item.js';
import type { Out, Stage } from './stage.js';

interface Corruption {
  readonly settings: CorruptSettings;
  /** The position of the next byte to change; undefined if it is not known yet, or if there is none. */
  next(): number | undefined;
  /** Moves to the byte after that. */
  advance(): void;
}

export class Corrupt implements Stage {
  readonly #frames: FrameTracker;
  readonly #random: Random;
  #corruptions: readonly Corruption[] = [];
  #position = 0;

  constructor(frames: FrameTracker, random: Random) {
    this.#frames = frames;
    this.#random = random;
  }

  apply({ corrupt }: Partial<FaultSettings>): void {
    this.#corruptions = corrupt?.map((each) => this.#create(each)) ?? this.#corruptions;
  }

  push(item: Item, nowMs: number, out: Out): void {
    if (item.kind !== 'bytes' || item.at === undefined) {
      out(item, nowMs);
      return;
    }
    const end = item.at + item.bytes.length;
    this.#position = end;
    let piece: Piece = item;
    for (const corruption of this.#corruptions) {
      for (let at = corruption.next(); at !== undefined && at < end; at = corruption.next()) {
        corruption.advance();
        // Each such byte consumes a random number, so that a swallowed byte does not change the corruption of the others.
        const xor = corruption.settings.xor ?? this.#randomXor();
        if (at < item.at) continue;
        if (piece === item) piece = { ...item, bytes: Buffer.from(item.bytes) }; // the sender's endpoint owns the bytes that it read
        const index = at - item.at;
        piece.bytes[index] = (piece.bytes[index] as number) ^ xor;
      }
    }
    out(piece, nowMs);
  }

  #create(settings: CorruptSettings): Corruption {
    const { probability, frame } = settings;
    if (frame !== undefined) this.#frames.request(frame);
    if (probability !== undefined) return this.#createRandom(settings, probability);
    let done = false;
    return {
      settings,
      next: () => (done ? undefined : this.#frames.positionOf(settings)),
      advance: () => {
        done = true;
      },
    };
  }

  /** Chooses the distance to the next byte, not for each byte: so the same bytes change however they are cut into chunks. */
  #createRandom(settings: CorruptSettings, probability: number): Corruption {
    const gap = () => Math.floor(Math.log(1 - this.#random()) / Math.log(1 - probability));
    let next = probability === 0 ? undefined : this.#position + gap();
    return {
      settings,
      next: () => next,
      advance: () => {
        next = (next ?? 0) + 1 + gap();
      },
    };
  }

  #randomXor(): number {
    return 1 + Math.floor(this.#random() * 255);
  }
}
