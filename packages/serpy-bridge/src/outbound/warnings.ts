/** Reports what was lost: the first time at once, then at most once in an interval, with counts. */
import { type Clock, MessagesDroppedError, type SerpyError } from 'serpy-core';

const intervalMs = 10_000;

export class Warnings {
  readonly #clock: Clock;
  readonly #report: (error: SerpyError) => void;
  readonly #counts = new Map<string, { messages: number; last: SerpyError }>();
  #timer: unknown;

  constructor(clock: Clock, report: (error: SerpyError) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  add(error: SerpyError, messages = 1): void {
    const known = this.#counts.get(error.code);
    if (known === undefined) {
      this.#counts.set(error.code, { messages: 0, last: error });
      this.#report(error);
    } else this.#counts.set(error.code, { messages: known.messages + messages, last: error });
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, intervalMs);
  }

  /** Reports what was only counted. */
  flush(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { messages, last } of this.#counts.values()) {
      if (messages === 1) this.#report(last);
      else if (messages > 1)
        this.#report(
          new MessagesDroppedError(
            `${messages} more messages were not passed on, the last one because ${last.message}`,
            messages,
          ),
        );
    }
    this.#counts.clear();
  }
}
