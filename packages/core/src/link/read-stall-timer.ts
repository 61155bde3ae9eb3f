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
export const leastBytes = 16 * 1024;

/** How often within the time-out it is looked: a peer that stops is found out this part of it too late at most, and never too soon. */
const looks = 4;

/** The link, as far as it is watched. */
export interface Reading {
  readonly transport: Transport;
  /** Whether this end does not read at the moment. */
  readonly paused: boolean;
  destroy(reason: DisconnectReason, error: PeerTimeoutError): void;
}

export class FrameWatch {
  readonly #link: Reading;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #next: Deadline;
  /** Whether a message is unfinished. */
  #active = false;
  #sinceMs = 0;
  /** How many bytes have come since then. */
  #bytes = 0;

  /** @param timeoutMs 0 for no watch */
  constructor(link: Reading, clock: Clock, timeoutMs: number) {
    this.#link = link;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#next = new Deadline(clock, () => this.#look());
  }

  /** So many bytes have come, and they end in the middle of a message. */
  came(bytes: number): void {
    this.#bytes += bytes;
    if (!this.#active) this.restart();
  }

  /** A message is whole, or none is unfinished. The timer is left to find that out: to move it for each message takes longer. */
  rest(): void {
    this.#active = false;
  }

  /** The time begins anew: this end reads again. */
  restart(): void {
    if (this.#timeoutMs === 0) return;
    this.#active = true;
    this.#bytes = 0;
    this.#sinceMs = this.#clock.now();
    if (this.#next.atMs === undefined) this.#lookAgain();
  }

  stop(): void {
    this.#active = false;
    this.#next.set(undefined);
  }

  /** A deadline has let everything come in first that had come, so that a program that was busy condemns nobody. */
  #look(): void {
    if (!this.#active) return;
    if (this.#link.paused || this.#bytes >= leastBytes) {
      this.restart();
    } else if (this.#clock.now() < this.#sinceMs + this.#timeoutMs) {
      this.#lookAgain();
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

  #lookAgain(): void {
    const soonMs = this.#clock.now() + this.#timeoutMs / looks;
    this.#next.set(Math.min(soonMs, this.#sinceMs + this.#timeoutMs));
  }
}
