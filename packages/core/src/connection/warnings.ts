/** What a program may want to know of, and nothing ends for. */
import type { EventEmitter } from 'node:events';
import { emitEvent } from '../diagnostics.js';
import type { Clock } from '../environment.js';
import { ProtocolError, type SerpyErrorLike } from '../errors.js';

/** So many are kept until they can be told; the rest are counted, as a peer may cause any number. */
const maxDeferred = 16;

export class Warnings {
  readonly #emitter: EventEmitter;
  readonly #clock: Pick<Clock, 'setImmediate'>;
  #deferred: SerpyErrorLike[] | undefined;
  /** How many more there were than are held. */
  #omitted = 0;
  #holding = false;
  /** Whether a program that awaited the connection has had the time to listen. */
  #hadTurn = false;
  /** Codes of warnings that went to the process because nobody listened here. */
  #emittedOnProcess: Set<string> | undefined;

  constructor(emitter: EventEmitter, clock: Pick<Clock, 'setImmediate'>) {
    this.#emitter = emitter;
    this.#clock = clock;
  }

  /** Keeps a warning until `tellHeld`: a listener must not run while a session is at work. */
  defer(error: SerpyErrorLike): void {
    if (this.#deferred === undefined) {
      this.#deferred = [];
      queueMicrotask(() => this.flush()); // what is said while a message is sent has no step of the session behind it
    }
    if (this.#deferred.length === maxDeferred) {
      this.#deferred.pop(); // the last is what a link ended for
      this.#omitted++;
    }
    this.#deferred.push(error);
  }

  /** From now on warnings are held until `release`, whatever `tellHeld` says: nobody can listen yet. */
  hold(): void {
    this.#holding = true;
  }

  release(): void {
    this.#holding = false;
    this.flush();
  }

  /** Nobody will ever listen: the last that was held. */
  takeLast(): SerpyErrorLike | undefined {
    const last = this.#deferred?.at(-1);
    this.#deferred = undefined;
    return last;
  }

  flush(): void {
    const held = this.#deferred;
    if (held === undefined || this.#holding) return;
    const leftOut = this.#omitted;
    this.#deferred = undefined;
    this.#omitted = 0;
    for (const error of held) this.warn(error);
    if (leftOut > 0) this.warn(omittedError(leftOut));
  }

  warn(error: SerpyErrorLike): void {
    if (!this.#holding && !this.#hadTurn && this.#emitter.listenerCount('warning') === 0) this.#holdForTurn();
    if (this.#holding) {
      this.defer(error);
      return;
    }
    if (emitEvent(this.#emitter, 'connection', 'warning', error) || this.#emittedOnProcess?.has(error.code)) return;
    // Nobody listens: said once per kind where people look, instead of never.
    this.#emittedOnProcess ??= new Set();
    this.#emittedOnProcess.add(error.code);
    process.emitWarning(error.message, { type: error.name, code: error.code });
  }

  #holdForTurn(): void {
    this.hold();
    this.#clock.setImmediate(() => {
      this.#hadTurn = true;
      this.release();
    });
  }
}

function omittedError(count: number): ProtocolError {
  return new ProtocolError(`the peer caused ${count} more warnings before any could be told: they are left out`);
}
