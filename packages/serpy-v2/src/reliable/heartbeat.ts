/**
 * Heartbeat of a link: requests a PING after a silence, and reports a timeout after a longer one. Each received byte ends the silence; sent
 * bytes do not.
 */

/** Times in milliseconds; 0 disables. */
export interface HeartbeatTimes {
  /** Silence after which a PING is sent. */
  readonly pingIntervalMs: number;
  /** Silence after which the link counts as dead. */
  readonly peerTimeoutMs: number;
}

export class Heartbeat {
  readonly #times: HeartbeatTimes;
  #receivedMs = 0;
  #pingedMs = Number.NEGATIVE_INFINITY;
  /** Time of the first PING that no byte has followed. */
  #unansweredMs: number | undefined;

  constructor(times: HeartbeatTimes) {
    this.#times = times;
  }

  /** Bytes were received, or the link is up. */
  onReceived(nowMs: number): void {
    this.#receivedMs = nowMs;
    this.#unansweredMs = undefined;
  }

  /** Time of the next `check`; undefined if both times are disabled. */
  get deadlineMs(): number | undefined {
    const { pingIntervalMs } = this.#times;
    const ask =
      pingIntervalMs > 0 ? Math.max(this.#receivedMs, this.#pingedMs) + pingIntervalMs : Number.POSITIVE_INFINITY;
    const next = Math.min(ask, this.#deadMs());
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /** @returns `ask`: the caller sends a PING; `dead`: the caller closes the link */
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

  /** The time to answer begins with the PING, since a busy program may have sent it late. */
  #deadMs(): number {
    const { pingIntervalMs, peerTimeoutMs } = this.#times;
    if (peerTimeoutMs === 0) return Number.POSITIVE_INFINITY;
    const silentMs = this.#receivedMs + peerTimeoutMs;
    if (pingIntervalMs === 0 || pingIntervalMs >= peerTimeoutMs) return silentMs;
    if (this.#unansweredMs === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(silentMs, this.#unansweredMs + peerTimeoutMs - pingIntervalMs);
  }
}
