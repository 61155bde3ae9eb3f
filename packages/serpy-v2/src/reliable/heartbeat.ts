/** Whether the peer is there: asked after a silence, given up after a longer one. Any byte from it counts, our own never do. */

/** The times, in milliseconds; 0 for never. */
export interface HeartbeatTimes {
  /** After such a silence the peer is asked for a sign of life. */
  readonly pingIntervalMs: number;
  /** After such a silence it is gone. */
  readonly peerTimeoutMs: number;
}

export class Heartbeat {
  readonly #times: HeartbeatTimes;
  #receivedMs = 0;
  #pingedMs = Number.NEGATIVE_INFINITY;
  /** When it was first asked for a sign of life that has not come. */
  #unansweredMs: number | undefined;

  constructor(times: HeartbeatTimes) {
    this.#times = times;
  }

  /** Bytes have come, or a link is up. */
  onReceived(nowMs: number): void {
    this.#receivedMs = nowMs;
    this.#unansweredMs = undefined;
  }

  /** When it wants to be looked at. */
  get deadlineMs(): number | undefined {
    const { pingIntervalMs } = this.#times;
    const ask =
      pingIntervalMs > 0 ? Math.max(this.#receivedMs, this.#pingedMs) + pingIntervalMs : Number.POSITIVE_INFINITY;
    const next = Math.min(ask, this.#deadMs());
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /** What is to be done: ask, or give the link up. */
  check(nowMs: number): 'ask' | 'dead' | undefined {
    const { pingIntervalMs } = this.#times;
    if (nowMs >= this.#deadMs()) return 'dead';
    if (pingIntervalMs > 0 && nowMs >= Math.max(this.#receivedMs, this.#pingedMs) + pingIntervalMs) {
      this.#pingedMs = nowMs;
      this.#unansweredMs ??= nowMs;
      return 'ask';
    }
    return undefined;
  }

  /** A peer that is asked has its time from the question on: in a program that was busy, that may have been late. */
  #deadMs(): number {
    const { pingIntervalMs, peerTimeoutMs } = this.#times;
    if (peerTimeoutMs === 0) return Number.POSITIVE_INFINITY;
    const silentMs = this.#receivedMs + peerTimeoutMs;
    if (pingIntervalMs === 0 || pingIntervalMs >= peerTimeoutMs) return silentMs;
    if (this.#unansweredMs === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(silentMs, this.#unansweredMs + peerTimeoutMs - pingIntervalMs);
  }
}
