/** Detects the protocol of a client by its first bytes. */
import { isPrefix, probe, probeBlockBytes, startsWith, v2Magic } from './probe.js';

/**
 * Milliseconds for each part of the rest of a probe: TCP sends a lost segment again after 200 ms and more. After that the client is a
 * Python v1 client that has sent its first block.
 */
const probeCompletionMs = 500;

export interface DetectedClient {
  readonly protocol: 'v1' | 'v2';
  /** Whether the client sent a probe, which needs an answer. */
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

  /** Adds a copy of received bytes. At most 14 are buffered before the protocol is known, so joining them is cheap. */
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

  /** Nothing to check: all other bytes are v1, whose session rejects invalid ones. */
  check(): void {}

  tick(nowMs: number): DetectedClient | undefined {
    if (this.#deadlineMs === undefined || nowMs < this.#deadlineMs) return undefined;
    return { protocol: 'v1', wantsAnswer: false, bytes: this.#buffered };
  }
}
