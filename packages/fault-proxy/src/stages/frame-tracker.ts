/** Watches the bytes of a direction pass, and tells where the frames begin that faults have asked for. */
import { FaultProxyError } from '../errors.js';
import type { FaultSettings, Place } from '../options/faults.js';
import type { FrameSplitter } from '../options/frame-splitters.js';
import type { Item } from './item.js';
import type { Out, Stage } from './stage.js';

/** Up to this size the beginning of a frame is kept until its length is known; a larger one is taken to have no end. */
const maxStartBytes = 64 * 1024 * 1024;

const empty = Buffer.alloc(0);

/** The first stage: the others ask it for positions, so it must see bytes before they do. */
export class FrameTracker implements Stage {
  #splitter: FrameSplitter | undefined;
  /** Where the frames begin that were asked for, once that is known. */
  readonly #starts = new Map<number, number | undefined>();
  /** The first frame whose length is not known. */
  #frame = 0;
  /** Where it begins, and where the one before it began. */
  #start = 0;
  #startBefore = 0;
  /** How many bytes of the one before it are still to come. */
  #remaining = 0;
  /** What has come of it, until its length is known. */
  #buffered = new GrowingBytes();
  #seen = 0;
  #position = 0;

  apply({ frames }: Partial<FaultSettings>): void {
    if (!frames) return;
    this.#splitter = frames;
    this.#frame = 0;
    this.#start = this.#position;
    this.#startBefore = 0;
    this.#remaining = 0;
    this.#seen = 0;
    this.#buffered = new GrowingBytes();
    this.#starts.clear();
  }

  /** Asks for the beginning of a frame. One that is long over begins at 0: all its places have been passed. */
  request(frame: number): void {
    if (this.#starts.has(frame)) return;
    const before = frame === this.#frame - 1 ? this.#startBefore : 0;
    this.#starts.set(frame, frame === this.#frame ? this.#start : frame < this.#frame ? before : undefined);
  }

  /** Where a frame that was asked for begins, once that is known. */
  startOf(frame: number): number | undefined {
    return this.#starts.get(frame);
  }

  /** How many bytes of the sender come before a place, once that is known. */
  positionOf({ atByte, frame, byte }: Place): number | undefined {
    if (frame === undefined) return atByte;
    const start = this.startOf(frame);
    return start === undefined ? undefined : start + byte;
  }

  push(item: Item, nowMs: number, out: Out): void {
    if (item.kind === 'bytes' && item.at !== undefined) {
      this.#position = item.at + item.bytes.length;
      this.#watch(item.bytes);
    }
    out(item, nowMs);
  }

  #watch(bytes: Buffer): void {
    for (let rest = bytes; rest.length > 0 && this.#splitter; ) {
      if (this.#remaining > 0) {
        const count = Math.min(this.#remaining, rest.length);
        this.#remaining -= count;
        rest = rest.subarray(count);
        continue;
      }
      const soFar = this.#buffered.length > 0 ? this.#buffered.append(rest) : rest;
      const length = this.#ask(this.#splitter, soFar);
      if (length === undefined) {
        this.#keep(soFar, rest);
        return;
      }
      this.#begin(this.#start + length);
      this.#remaining = Math.max(0, length - soFar.length);
      rest = soFar.subarray(length);
      this.#buffered.clear();
      this.#seen = 0;
    }
  }

  #keep(soFar: Buffer, rest: Buffer): void {
    if (this.#buffered.length === 0) this.#buffered.append(rest);
    this.#seen = soFar.length;
    if (soFar.length <= maxStartBytes) return;
    this.#splitter = undefined;
    this.#buffered.clear();
  }

  /** The next frame begins here. */
  #begin(start: number): void {
    this.#frame++;
    this.#startBefore = this.#start;
    this.#start = start;
    if (this.#starts.has(this.#frame)) this.#starts.set(this.#frame, start);
  }

  #ask(splitter: FrameSplitter, soFar: Buffer): number | undefined {
    let length: number | undefined;
    try {
      length = splitter(soFar, this.#seen);
    } catch (cause) {
      throw new FaultProxyError('ERR_FAULT_PROXY_CALLBACK', `the function frames threw: ${cause}`, { cause });
    }
    if (length === undefined || (Number.isSafeInteger(length) && length > 0)) return length;
    throw new FaultProxyError(
      'ERR_FAULT_PROXY_CALLBACK',
      `the function frames gave ${length}: it gives the length of the frame, a whole number from 1, or undefined`,
    );
  }
}

/** Bytes that more are added to. They lie in one piece, of twice the room that they need, so that each is copied but a few times. */
class GrowingBytes {
  #memory = empty;
  length = 0;

  /** Adds bytes and gives all. */
  append(bytes: Buffer): Buffer {
    const length = this.length + bytes.length;
    if (length > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(2 * length);
      this.#memory.copy(larger, 0, 0, this.length);
      this.#memory = larger;
    }
    bytes.copy(this.#memory, this.length);
    this.length = length;
    return this.#memory.subarray(0, length);
  }

  clear(): void {
    this.#memory = empty;
    this.length = 0;
  }
}
