/** How a server that does not know its client tells the protocol by the first bytes that come. */
import { isPrefix, probe, startsWith, v2Magic } from './probe.js';

/** How long each part of the rest of a probe may take: a segment that was lost comes after 200 ms and more. An original v1 client may have sent just its first block. */
const restOfProbeMs = 500;

/** So much of a probe is a whole block of v1. */
const firstBlockBytes = probe.indexOf(0x1f) + 1;

export interface FirstWords {
  readonly protocol: 'v1' | 'v2';
  /** Whether the client wants an answer to its probe. */
  readonly asks: boolean;
  readonly bytes: Buffer;
}

export class FirstBytes {
  #start = Buffer.alloc(0);
  #deadlineMs: number | undefined;

  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  get inFrame(): boolean {
    return this.#start.length > 0;
  }

  get bytes(): number {
    return this.#start.length;
  }

  /** Takes bytes in, as a copy; a handful at most before it is known, so that joining them costs nothing. */
  receive(chunk: Buffer, nowMs: number): FirstWords | undefined {
    const start = Buffer.concat([this.#start, chunk]);
    this.#start = start;
    if (isPrefix(start, v2Magic)) return undefined;
    if (startsWith(start, v2Magic)) return { protocol: 'v2', asks: false, bytes: start };
    if (startsWith(start, probe)) return { protocol: 'v2', asks: true, bytes: start.subarray(probe.length) };
    if (!isPrefix(start, probe)) return { protocol: 'v1', asks: false, bytes: start };
    if (start.length >= firstBlockBytes) this.#deadlineMs = nowMs + restOfProbeMs;
    return undefined;
  }

  /** All else is v1, which looks for itself. */
  check(): void {}

  tick(nowMs: number): FirstWords | undefined {
    if (this.#deadlineMs === undefined || nowMs < this.#deadlineMs) return undefined;
    return { protocol: 'v1', asks: false, bytes: this.#start };
  }
}
