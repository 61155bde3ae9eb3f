/**
 * What a peer sends that it should not, and its link survives: damaged messages, answers that nobody asked for. A run of them is one
 * warning, and a link that brings hundreds of them ends: each is a few bytes for who sends it, and would be an error and an event here.
 */
import { ProtocolError, type SerpyError } from '../errors.js';
import type { OutboundMessage } from './message.js';
import type { SessionHost } from './session.js';

/** So many more bad frames than good ones are put up with on one link. */
export const maxBadFrames = 256;

export class BadFrames {
  readonly #host: Pick<SessionHost<OutboundMessage>, 'warn'>;
  readonly #what: string;
  /** How many have come on this link, less the good ones. */
  #excess = 0;
  /** How many since the last that was told, and what there is to say of the first of them. */
  #run = 0;
  #describe: ((more: string) => SerpyError) | undefined;

  /** @param what they are, with what to do: the end of a sentence */
  constructor(output: Pick<SessionHost<OutboundMessage>, 'warn'>, what: string) {
    this.#host = output;
    this.#what = what;
  }

  /**
   * Another one.
   * @param describe the warning; `more` goes to the end of its text
   * @throws `ERR_SERPY_PROTOCOL` when it is one too many
   */
  add(describe: (more: string) => SerpyError): void {
    this.#run++;
    this.#describe ??= describe;
    if (++this.#excess <= maxBadFrames) return;
    this.report();
    throw new ProtocolError(`the peer has sent ${maxBadFrames} more ${this.#what}`);
  }

  /** A good one. */
  countGood(): void {
    if (this.#excess > 0) this.#excess--;
  }

  /** The run is over: warns of it, once. */
  report(): void {
    const [describe, run] = [this.#describe, this.#run];
    if (describe === undefined) return;
    this.#describe = undefined;
    this.#run = 0;
    const more = run > 1 ? `; ${run - 1} more like it came with it` : '';
    this.#host.warn(describe(more), 'bad-frame', run);
  }
}
