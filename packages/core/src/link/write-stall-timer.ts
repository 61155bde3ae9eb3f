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
const looks = 4;

/** The link, as far as it is watched. */
export interface Watched {
  readonly transport: Transport;
  destroy(reason: DisconnectReason, error: PeerTimeoutError): void;
}

export class WriteWatch {
  readonly #link: Watched;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #next: Deadline;
  #leftBytes = 0;
  /** When the last byte had left, as far as it was looked. */
  #sinceMs = 0;

  /** @param timeoutMs 0 for no watch */
  constructor(link: Watched, clock: Clock, timeoutMs: number) {
    this.#link = link;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#next = new Deadline(clock, () => this.#look());
  }

  /** Bytes wait. They are watched from now on, until a look finds none: it need not be told when they have left. */
  start(): void {
    if (this.#next.atMs === undefined && this.#timeoutMs > 0) this.#note();
  }

  stop(): void {
    this.#next.set(undefined);
  }

  /** A deadline has let everything come in first that had come: were the process busy, bytes would have left by now. */
  #look(): void {
    const { transport } = this.#link;
    if (transport.unsentBytes === 0) return;
    if (transport.leftBytes !== this.#leftBytes) {
      this.#note();
    } else if (this.#clock.now() < this.#sinceMs + this.#timeoutMs) {
      this.#lookAgain();
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

  #note(): void {
    this.#leftBytes = this.#link.transport.leftBytes;
    this.#sinceMs = this.#clock.now();
    this.#lookAgain();
  }

  #lookAgain(): void {
    const soonMs = this.#clock.now() + this.#timeoutMs / looks;
    this.#next.set(Math.min(soonMs, this.#sinceMs + this.#timeoutMs));
  }
}
