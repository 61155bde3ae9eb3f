/** Counts the failed authentications of the last minute for each address group. */
import type { Clock } from '../environment.js';
import { addressGroup } from '../transport/address.js';

const windowMs = 60_000;

/** At most 1,024 groups are kept, those with the latest failures: the memory must not grow with the number of attackers. */
const maxSources = 1024;

export class AuthFailureLog {
  readonly #limit: number;
  readonly #clock: Clock;
  /** The times of the last failures of each group, at most `limit`. The group that failed last is the last entry. */
  readonly #times = new Map<string, number[]>();

  /** @param limit the number of failures in a minute from which a group is blocked */
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

  /** Whether the group of an address has reached the limit in the last minute. */
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
