/**
 * Watches over a message that has begun to come: a peer that does not go on with it, or only by drips, is hung up on. Nothing runs while
 * no message is unfinished.
 */

import type { Clock } from '../environment.js';
import { PeerTimeoutError } from '../errors.js';
import type { Transport } from '../transport/transport.js';
import { Deadline } from './deadline.js';
import type { DisconnectReason } from './link-end.js';

/** So much more of it must come within each time-out, or its end: what a line of 4,800 baud carries within the default. */
export const minBytesPerTimeout = 16 * 1024;

/** How often within the time-out it is looked: a peer that stops is found out this part of it too late at most, and never too soon. */
const checksPerTimeout = 4;

/** The link, as far as it is watched. */
export interface WatchedLink {
  readonly transport: Transport;
  /** Whether this end does not read at the moment. */
  readonly paused: boolean;
  destroy(reason: DisconnectReason, error: PeerTimeoutError): void;
}

export class ReadStallTimer {
  readonly #link: WatchedLink;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #deadline: Deadline;
  /** Whether a message is unfinished. */
  #active = false;
  #sinceMs = 0;
  /** How many bytes have come since then. */
  #bytes = 0;

  /** @param timeoutMs 0 for no watch */
  constructor(link: WatchedLink, clock: Clock, timeoutMs: number) {
    this.#link = link;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#deadline = new Deadline(clock, () => this.#check());
  }

  /** So many bytes have come, and they end in the middle of a message. */
  bytesArrived(bytes: number): void {
    this.#bytes += bytes;
    if (!this.#active) this.restart();
  }

  /** A message is whole, or none is unfinished. The timer is left to find that out: to move it for each message takes longer. */
  idle(): void {
    this.#active = false;
  }

  /** The time begins anew: this end reads again. */
  restart(): void {
    if (this.#timeoutMs === 0) return;
    this.#active = true;
    this.#bytes = 0;
    this.#sinceMs = this.#clock.now();
    if (this.#deadline.atMs === undefined) this.#scheduleCheck();
  }

  stop(): void {
    this.#active = false;
    this.#deadline.set(undefined);
  }

  /** A deadline has let everything come in first that had come, so that a program that was busy condemns nobody. */
  #check(): void {
    if (!this.#active) return;
    if (this.#link.paused || this.#bytes >= minBytesPerTimeout) {
      this.restart();
    } else if (this.#clock.now() < this.#sinceMs + this.#timeoutMs) {
      this.#scheduleCheck();
    } else {
      const { host, port } = this.#link.transport.remote;
      this.#link.destroy(
        'timeout',
        new PeerTimeoutError(
          `${host}:${port} has begun a message and sent only ${this.#bytes} bytes more of it in ${this.#timeoutMs} ms (frameTimeoutMs): ` +
            'the cable is out, or its program hangs. If its line is as slow as that, raise frameTimeoutMs',
        ),
      );
    }
  }

  #scheduleCheck(): void {
    const soonMs = this.#clock.now() + this.#timeoutMs / checksPerTimeout;
    this.#deadline.set(Math.min(soonMs, this.#sinceMs + this.#timeoutMs));
  }
}
