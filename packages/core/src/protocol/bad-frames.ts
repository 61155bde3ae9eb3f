/**
 * Counts damaged messages and unexpected answers, which the link survives. A run of them causes one warning, and hundreds of them end the link:
 * each costs the sender a few bytes, but would cost this end an error and an event.
 */
import { ProtocolError, type SerpyError } from '../errors.js';
import type { OutboundMessage } from './message.js';
import type { SessionHost } from './session.js';

/** Maximum number of bad frames beyond the number of good ones, on one link. */
export const maxBadFrames = 256;

export class BadFrames {
  readonly #host: Pick<SessionHost<OutboundMessage>, 'warn'>;
  readonly #what: string;
  /** Bad frames on this link, minus good ones; at least 0. */
  #excess = 0;
  /** Bad frames since the last warning, and the warning about the first of them. */
  #run = 0;
  #describe: ((more: string) => SerpyError) | undefined;

  /** @param what the frames are, and what to do: the end of a sentence */
  constructor(output: Pick<SessionHost<OutboundMessage>, 'warn'>, what: string) {
    this.#host = output;
    this.#what = what;
  }

  /**
   * Counts a bad frame.
   * @param describe makes the warning; `more` belongs at the end of its text
   * @throws `ERR_SERPY_PROTOCOL` beyond `maxBadFrames`
   */
  add(describe: (more: string) => SerpyError): void {
    this.#run++;
    this.#describe ??= describe;
    if (++this.#excess <= maxBadFrames) return;
    this.report();
    throw new ProtocolError(`the peer has sent ${maxBadFrames} more ${this.#what}`);
  }

  /** Counts a good frame. */
  countGood(): void {
    if (this.#excess > 0) this.#excess--;
  }

  /** The run of bad frames is over: emits its warning. */
  report(): void {
    const [describe, run] = [this.#describe, this.#run];
    if (describe === undefined) return;
    this.#describe = undefined;
    this.#run = 0;
    const more = run > 1 ? `; ${run - 1} more like it came with it` : '';
    this.#host.warn(describe(more), 'bad-frame', run);
  }
}
