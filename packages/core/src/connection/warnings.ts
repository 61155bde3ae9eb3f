/** What a program may want to know of, and nothing ends for. */
import type { EventEmitter } from 'node:events';
import { tell } from '../diagnostics.js';
import type { Clock } from '../environment.js';
import { ProtocolError, type SerpyErrorLike } from '../errors.js';

/** So many are kept until they can be told; the rest are counted, as a peer may cause any number. */
const mostHeld = 16;

export class Warnings {
  readonly #emitter: EventEmitter;
  readonly #clock: Pick<Clock, 'setImmediate'>;
  #held: SerpyErrorLike[] | undefined;
  /** How many more there were than are held. */
  #leftOut = 0;
  #keeps = false;
  /** Whether a program that awaited the connection has had the time to listen. */
  #hadTurn = false;
  /** Codes of warnings that went to the process because nobody listened here. */
  #toProcess: Set<string> | undefined;

  constructor(emitter: EventEmitter, clock: Pick<Clock, 'setImmediate'>) {
    this.#emitter = emitter;
    this.#clock = clock;
  }

  /** Keeps a warning until `tellHeld`: a listener must not run while a session is at work. */
  hold(error: SerpyErrorLike): void {
    if (this.#held === undefined) {
      this.#held = [];
      queueMicrotask(() => this.tellHeld()); // what is said while a message is sent has no step of the session behind it
    }
    if (this.#held.length === mostHeld) {
      this.#held.pop(); // the last is what a link ended for
      this.#leftOut++;
    }
    this.#held.push(error);
  }

  /** From now on warnings are held until `release`, whatever `tellHeld` says: nobody can listen yet. */
  keep(): void {
    this.#keeps = true;
  }

  release(): void {
    this.#keeps = false;
    this.tellHeld();
  }

  /** Nobody will ever listen: the last that was held. */
  takeLast(): SerpyErrorLike | undefined {
    const last = this.#held?.at(-1);
    this.#held = undefined;
    return last;
  }

  tellHeld(): void {
    const held = this.#held;
    if (held === undefined || this.#keeps) return;
    const leftOut = this.#leftOut;
    this.#held = undefined;
    this.#leftOut = 0;
    for (const error of held) this.tell(error);
    if (leftOut > 0) this.tell(leftOutError(leftOut));
  }

  tell(error: SerpyErrorLike): void {
    if (!this.#keeps && !this.#hadTurn && this.#emitter.listenerCount('warning') === 0) this.#keepForTurn();
    if (this.#keeps) {
      this.hold(error);
      return;
    }
    if (tell(this.#emitter, 'connection', 'warning', error) || this.#toProcess?.has(error.code)) return;
    // Nobody listens: said once per kind where people look, instead of never.
    this.#toProcess ??= new Set();
    this.#toProcess.add(error.code);
    process.emitWarning(error.message, { type: error.name, code: error.code });
  }

  #keepForTurn(): void {
    this.keep();
    this.#clock.setImmediate(() => {
      this.#hadTurn = true;
      this.release();
    });
  }
}

function leftOutError(count: number): ProtocolError {
  return new ProtocolError(`the peer caused ${count} more warnings before any could be told: they are left out`);
}
