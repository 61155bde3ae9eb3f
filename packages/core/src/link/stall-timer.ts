/** Closes a link on which nothing moves for a time although something should. Nothing runs while nothing should. */
import type { Clock } from '../environment.js';
import type { PeerTimeoutError } from '../errors.js';
import type { Transport } from '../transport/transport.js';
import { Deadline } from './deadline.js';
import type { DisconnectReason } from './link-end.js';

/** Checks per timeout. A stall is detected at most 1/4 of the timeout late, never early. */
const checksPerTimeout = 4;

/** What a stall timer needs of its link. */
export interface WatchedLink {
  readonly transport: Transport;
  /** Whether this end has stopped reading for now. */
  readonly paused: boolean;
  destroy(reason: DisconnectReason, error: PeerTimeoutError): void;
}

/**
 * - `idle`: nothing should move; the timer ends
 * - `moving`: something has moved since the period began; a new period begins
 * - `stalled`: nothing has moved since then; the link is closed when this lasts for the timeout
 */
export type Movement = 'idle' | 'moving' | 'stalled';

export abstract class StallTimer {
  protected readonly link: WatchedLink;
  protected readonly timeoutMs: number;
  readonly #clock: Clock;
  readonly #deadline: Deadline;
  /** When the period began. */
  #sinceMs = 0;

  /** @param timeoutMs 0 disables the timer */
  constructor(link: WatchedLink, clock: Clock, timeoutMs: number) {
    this.link = link;
    this.#clock = clock;
    this.timeoutMs = timeoutMs;
    this.#deadline = new Deadline(clock, () => this.#check());
  }

  /** Whether a check is planned. */
  protected get running(): boolean {
    return this.#deadline.atMs !== undefined;
  }

  /** Begins a new period. */
  restart(): void {
    if (this.timeoutMs === 0) return;
    this.#sinceMs = this.#clock.now();
    this.periodBegins();
    if (!this.running) this.#scheduleCheck();
  }

  stop(): void {
    this.#deadline.set(undefined);
  }

  /** Notes where things stand, for `movement`. */
  protected abstract periodBegins(): void;

  protected abstract movement(): Movement;

  /** The error of a link on which nothing has moved for the timeout. */
  protected abstract stallError(): PeerTimeoutError;

  /** The deadline lets arrived data be processed first: a program that was busy causes no false timeout. */
  #check(): void {
    const movement = this.movement();
    if (movement === 'idle') return;
    if (movement === 'moving') this.restart();
    else if (this.#clock.now() < this.#sinceMs + this.timeoutMs) this.#scheduleCheck();
    else this.link.destroy('timeout', this.stallError());
  }

  #scheduleCheck(): void {
    const nextMs = this.#clock.now() + this.timeoutMs / checksPerTimeout;
    this.#deadline.set(Math.min(nextMs, this.#sinceMs + this.timeoutMs));
  }
}
