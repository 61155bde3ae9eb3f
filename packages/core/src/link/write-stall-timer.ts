/**
 * Watches over bytes that wait to leave this process: a link on which none has left for long is dead, however long TCP goes on
 * trying. Nothing runs while nothing waits.
 */

import type { Clock } from '../environment.js';
import { PeerTimeoutError } from '../errors.js';
import type { Transport } from '../transport/transport.js';
import { Deadline } from './deadline.js';
import type { DisconnectReason } from './link-end.js';

/** How often within the time-out it is looked: a dead link is found out this part of it too late at most, and never too soon. */
const checksPerTimeout = 4;

/** The link, as far as it is watched. */
export interface WatchedLink {
  readonly transport: Transport;
  destroy(reason: DisconnectReason, error: PeerTimeoutError): void;
}

export class WriteStallTimer {
  readonly #link: WatchedLink;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #deadline: Deadline;
  #flushedBytes = 0;
  /** When the last byte had left, as far as it was looked. */
  #sinceMs = 0;

  /** @param timeoutMs 0 for no watch */
  constructor(link: WatchedLink, clock: Clock, timeoutMs: number) {
    this.#link = link;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#deadline = new Deadline(clock, () => this.#check());
  }

  /** Bytes wait. They are watched from now on, until a look finds none: it need not be told when they have left. */
  start(): void {
    if (this.#deadline.atMs === undefined && this.#timeoutMs > 0) this.#progressed();
  }

  stop(): void {
    this.#deadline.set(undefined);
  }

  /** A deadline has let everything come in first that had come: were the process busy, bytes would have left by now. */
  #check(): void {
    const { transport } = this.#link;
    if (transport.unsentBytes === 0) return;
    if (transport.flushedBytes !== this.#flushedBytes) {
      this.#progressed();
    } else if (this.#clock.now() < this.#sinceMs + this.#timeoutMs) {
      this.#scheduleCheck();
    } else {
      const { host, port } = transport.remote;
      this.#link.destroy(
        'timeout',
        new PeerTimeoutError(
          `no byte has left for ${host}:${port} for ${this.#timeoutMs} ms (writeTimeoutMs): the cable is out, or the peer's ` +
            'program does not read. If it may rest for so long, raise writeTimeoutMs',
        ),
      );
    }
  }

  #progressed(): void {
    this.#flushedBytes = this.#link.transport.flushedBytes;
    this.#sinceMs = this.#clock.now();
    this.#scheduleCheck();
  }

  #scheduleCheck(): void {
    const soonMs = this.#clock.now() + this.#timeoutMs / checksPerTimeout;
    this.#deadline.set(Math.min(soonMs, this.#sinceMs + this.#timeoutMs));
  }
}
