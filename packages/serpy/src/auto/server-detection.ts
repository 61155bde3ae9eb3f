/** How a server that does not know its client tells the protocol by the first bytes that come. */
import { isPrefix, probe, probeBlockBytes, startsWith, v2Magic } from './probe.js';

/** How long each part of the rest of a probe may take: a segment that was lost comes after 200 ms and more. An original v1 client may have sent just its first block. */
const probeCompletionMs = 500;

export interface DetectedClient {
  readonly protocol: 'v1' | 'v2';
  /** Whether the client wants an answer to its probe. */
  readonly wantsAnswer: boolean;
  readonly bytes: Buffer;
}

export class ServerDetection {
  #buffered = Buffer.alloc(0);
  #deadlineMs: number | undefined;

  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  get midFrame(): boolean {
    return this.#buffered.length > 0;
  }

  get bufferedBytes(): number {
    return this.#buffered.length;
  }

  /** Takes bytes in, as a copy; a handful at most before it is known, so that joining them costs nothing. */
  receive(chunk: Buffer, nowMs: number): DetectedClient | undefined {
    const start = Buffer.concat([this.#buffered, chunk]);
    this.#buffered = start;
    if (isPrefix(start, v2Magic)) return undefined;
    if (startsWith(start, v2Magic)) return { protocol: 'v2', wantsAnswer: false, bytes: start };
    if (startsWith(start, probe)) return { protocol: 'v2', wantsAnswer: true, bytes: start.subarray(probe.length) };
    if (!isPrefix(start, probe)) return { protocol: 'v1', wantsAnswer: false, bytes: start };
    if (start.length >= probeBlockBytes) this.#deadlineMs = nowMs + probeCompletionMs;
    return undefined;
  }

  /** All else is v1, which looks for itself. */
  check(): void {}

  tick(nowMs: number): DetectedClient | undefined {
    if (this.#deadlineMs === undefined || nowMs < this.#deadlineMs) return undefined;
    return { protocol: 'v1', wantsAnswer: false, bytes: this.#buffered };
  }
}
