/** Follows the bytes of a direction, and finds the positions of the frames that faults request. */
import { FaultProxyError } from '../errors.js';
import type { FaultSettings, Place } from '../options/faults.js';
import type { FrameSplitter } from '../options/frame-splitters.js';
import type { Item } from './item.js';
import type { Out, Stage } from './stage.js';

/** 64 MiB: the largest start of a frame that is buffered until its length is known. A longer one counts as endless. */
const maxStartBytes = 64 * 1024 * 1024;

const empty = Buffer.alloc(0);

/** The first stage. The others ask it for positions, so it must see the bytes before they do. */
export class FrameTracker implements Stage {
  #splitter: FrameSplitter | undefined;
  /** The start of each requested frame; undefined until it is known. */
  readonly #starts = new Map<number, number | undefined>();
  /** The number of the first frame whose length is not known. */
  #frame = 0;
  /** The start of that frame, and of the frame before it. */
  #start = 0;
  #startBefore = 0;
  /** The bytes of the frame before it that have not arrived. */
  #remaining = 0;
  /** The bytes of that frame so far, until its length is known. */
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

  /** Requests the start of a frame. An older frame gets the start 0, so that all its positions count as passed. */
  request(frame: number): void {
    if (this.#starts.has(frame)) return;
    const before = frame === this.#frame - 1 ? this.#startBefore : 0;
    this.#starts.set(frame, frame === this.#frame ? this.#start : frame < this.#frame ? before : undefined);
  }

  /** The start of a requested frame; undefined until it is known. */
  startOf(frame: number): number | undefined {
    return this.#starts.get(frame);
  }

  /** The number of the sender's bytes before a position; undefined until it is known. */
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

  /** The next frame starts here. */
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
      `the function frames returned ${length}: it must return the length of the frame, a whole number from 1, or undefined`,
    );
  }
}

/** A contiguous buffer that grows to twice the size it needs, so that each byte is copied only a few times. */
class GrowingBytes {
  #memory = empty;
  length = 0;

  /** Appends bytes. @returns all bytes */
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
