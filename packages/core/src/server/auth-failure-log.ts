/** Who has failed to prove himself how often lately, by address. */
import type { Clock } from '../environment.js';
import { addressGroup } from '../transport/address.js';

const windowMs = 60_000;

/** Of more addresses the oldest are forgotten: this must not grow with the number of attackers. */
const maxSources = 1024;

export class AuthFailureLog {
  readonly #limit: number;
  readonly #clock: Clock;
  /** When, at most `limit` times for each; the source that failed last is the last. */
  readonly #times = new Map<string, number[]>();

  /** @param limit how many in a minute are too many */
  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  add(host: string): void {
    if (this.#limit === Number.POSITIVE_INFINITY) return;
    const source = addressGroup(host);
    const times = this.#recent(source);
    times.push(this.#clock.now());
    this.#times.delete(source);
    this.#times.set(source, times.slice(-this.#limit));
    if (this.#times.size > maxSources) this.#times.delete(this.#times.keys().next().value as string);
  }

  /** Whether an address has used up its failures of this minute. */
  exceeds(host: string): boolean {
    const source = addressGroup(host);
    if (!this.#times.has(source)) return false;
    const times = this.#recent(source);
    if (times.length === 0) this.#times.delete(source);
    return times.length >= this.#limit;
  }

  #recent(source: string): number[] {
    const after = this.#clock.now() - windowMs;
    return (this.#times.get(source) ?? []).filter((time) => time > after);
  }
}
