/** What a program may want to know of, and nothing ends for. */
import type { EventEmitter } from 'node:events';
import { tell } from './diagnostics.js';
import type { SerpyErrorLike } from './errors.js';

export class Warnings {
  readonly #emitter: EventEmitter;
  #held: SerpyErrorLike[] | undefined;
  #keeps = false;
  /** Codes of warnings that went to the process because nobody listened here. */
  #toProcess: Set<string> | undefined;

  constructor(emitter: EventEmitter) {
    this.#emitter = emitter;
  }

  /** Keeps a warning until `tellHeld`: a listener must not run while a session is at work. */
  hold(error: SerpyErrorLike): void {
    this.#held ??= [];
    this.#held.push(error);
  }

  /** From now on warnings are held until `release`, whatever `tellHeld` says. */
  keep(): void {
    this.#keeps = true;
  }

  release(): void {
    this.#keeps = false;
    this.tellHeld();
  }

  tellHeld(): void {
    const held = this.#held;
    if (held === undefined || this.#keeps) return;
    this.#held = undefined;
    for (const error of held) this.tell(error);
  }

  tell(error: SerpyErrorLike): void {
    if (tell(this.#emitter, 'connection', 'warning', error) || this.#toProcess?.has(error.code)) return;
    // Nobody listens: said once per kind where people look, instead of never.
    this.#toProcess ??= new Set();
    this.#toProcess.add(error.code);
    process.emitWarning(error.message, { type: error.name, code: error.code });
  }
}
