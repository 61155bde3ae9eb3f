/** What a program may want to know of, and nothing ends for. */
import type { EventEmitter } from 'node:events';
import { tell } from './diagnostics.js';
import type { SerpyErrorLike } from './errors.js';

export class Warnings {
  readonly #emitter: EventEmitter;
  #held: SerpyErrorLike[] = [];
  /** Codes of warnings that went to the process because nobody listened here. */
  readonly #toProcess = new Set<string>();

  constructor(emitter: EventEmitter) {
    this.#emitter = emitter;
  }

  /** Keeps a warning until `tellHeld`: a listener must not run while a session is at work. */
  hold(error: SerpyErrorLike): void {
    this.#held.push(error);
  }

  tellHeld(): void {
    if (this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    for (const error of held) this.tell(error);
  }

  tell(error: SerpyErrorLike): void {
    if (tell(this.#emitter, 'connection', 'warning', error) || this.#toProcess.has(error.code)) return;
    // Nobody listens: said once per kind where people look, instead of never.
    this.#toProcess.add(error.code);
    process.emitWarning(error.message, { type: error.name, code: error.code });
  }
}
