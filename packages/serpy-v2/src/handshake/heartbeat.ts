/** Whether the peer is there: asked after a silence, given up after a longer one. Any byte from it counts, our own never do. */

/** The times, in milliseconds; 0 for never. */
export interface HeartbeatTimes {
  /** After such a silence the peer is asked for a sign of life. */
  readonly heartbeatMs: number;
  /** After such a silence it is gone. */
  readonly silenceTimeoutMs: number;
}

/** Timers run before the bytes that have come meanwhile are read: after a silence that is too long, these have one more turn. */
const secondLookMs = 1;

export class Heartbeat {
  readonly #times: HeartbeatTimes;
  #heardMs = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  /** Whether it has been silent for too long at the last look. */
  #suspectedAtMs: number | undefined;

  constructor(times: HeartbeatTimes) {
    this.#times = times;
  }

  /** Bytes have come, or a link is up. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#suspectedAtMs = undefined;
  }

  /** When it wants to be looked at. */
  get deadlineMs(): number | undefined {
    const { heartbeatMs, silenceTimeoutMs } = this.#times;
    if (this.#suspectedAtMs !== undefined) return this.#suspectedAtMs + secondLookMs;
    const ask = heartbeatMs > 0 ? Math.max(this.#heardMs, this.#askedMs) + heartbeatMs : Number.POSITIVE_INFINITY;
    const end = silenceTimeoutMs > 0 ? this.#heardMs + silenceTimeoutMs : Number.POSITIVE_INFINITY;
    const next = Math.min(ask, end);
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /** What is to be done: ask, or give the link up. */
  look(nowMs: number): 'ask' | 'dead' | undefined {
    const { heartbeatMs, silenceTimeoutMs } = this.#times;
    if (silenceTimeoutMs > 0 && nowMs >= this.#heardMs + silenceTimeoutMs) {
      if (this.#suspectedAtMs !== undefined && nowMs > this.#suspectedAtMs) return 'dead';
      this.#suspectedAtMs ??= nowMs;
      return undefined;
    }
    if (heartbeatMs > 0 && nowMs >= Math.max(this.#heardMs, this.#askedMs) + heartbeatMs) {
      this.#askedMs = nowMs;
      return 'ask';
    }
    return undefined;
  }
}
