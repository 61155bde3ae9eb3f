/**
 * What a client takes its server for, and for how long: a guess from silence, or what was true of an earlier link, counts as
 * long as nothing speaks against it. Messages that were sent by a wrong one are sent again in the other protocol, or told.
 */
import type { SessionHost } from 'serpy-core';
import type { AutoOutgoing } from './auto-outgoing.js';
import { isPrefix, startsWith, v1Answer, v2Answer, v2Magic } from './probe.js';
import { Unproven } from './unproven.js';

/**
 * After so many links in a row on which a server was not heard it may be another program: a client in a session asks, and one whose server
 * spoke v1 takes its silence for v2, which an original v1 server could not bear.
 */
const unheardLinks = 3;

const nothing = Buffer.alloc(0);

export class Belief {
  readonly #output: Pick<SessionHost<AutoOutgoing>, 'putBack' | 'warn'>;
  #remembered: 'v1' | 'v2' | undefined;
  #last: 'v1' | 'v2' | undefined;
  /** On this link. */
  #spoken: 'v1' | 'v2' | undefined;
  #asked = false;
  #heard = false;
  /** The first bytes since it was taken for something that it had not said; those that are held back. */
  #first = nothing;
  #held = nothing;
  #passes = false;
  #unheardInRow = 0;
  /** Whether this server has answered a probe as one of ours does, which speaks either. */
  #answersProbes = false;
  #unproven: Unproven | undefined;
  /** Of the link before. */
  #doubtful: Unproven | undefined;

  constructor(output: Pick<SessionHost<AutoOutgoing>, 'putBack' | 'warn'>) {
    this.#output = output;
  }

  /** What was spoken on the last link, as long as there is reason to take it for true. */
  get remembered(): 'v1' | 'v2' | undefined {
    return this.#remembered;
  }

  /** Whether the server has shown on this link that it speaks this. */
  get heard(): boolean {
    return this.#heard;
  }

  /** What it was taken for last, where nothing spoke against it: messages are encoded for that meanwhile. */
  get last(): 'v1' | 'v2' | undefined {
    return this.#last;
  }

  /** Whether a new link is gone on with in v2 without a question. A v1 server answers at once, so it is asked each time. */
  get goesOn(): boolean {
    return this.#remembered === 'v2' && (this.#unheardInRow < unheardLinks || !this.#answersProbes);
  }

  /** Whether first bytes wait for more. */
  get holds(): boolean {
    return this.#held.length > 0;
  }

  /** Whether it was taken for what it is not: what was sent to it so is sent again, or told, when the link has ended. */
  get sendsAgain(): boolean {
    return this.#unproven !== undefined && this.#spoken !== undefined && this.#isWrong(this.#spoken);
  }

  /** A link is up. */
  up(asked: boolean): void {
    this.#asked = asked;
    this.#heard = false;
    this.#first = nothing;
    this.#passes = false;
  }

  /** From here on the link speaks this. @param heard whether the server has shown it; answered: by the answer to a probe */
  speak(protocol: 'v1' | 'v2', heard: boolean, answered = false): void {
    this.#spoken = protocol;
    this.#heard = heard;
    if (answered && protocol === 'v2') this.#answersProbes = true;
    const doubtful = this.#doubtful;
    this.#doubtful = undefined;
    const goesOn = doubtful?.protocol === 'v1' && protocol === 'v1' ? doubtful : undefined;
    this.#unproven = heard ? undefined : (goesOn ?? new Unproven(protocol));
    if (doubtful !== undefined && doubtful.protocol !== protocol) this.#sendAgain(doubtful);
  }

  /** A message was put on the wire. */
  sent(outgoing: AutoOutgoing): void {
    this.#unproven?.sent(outgoing);
  }

  /** Bytes have come. @returns what of them is to be read; nothing while they may become the answer to the probe, which comes late */
  hear(chunk: Buffer): Buffer {
    if (this.#heard) return chunk;
    this.#first = Buffer.concat([this.#first, chunk.subarray(0, v2Answer.length)]).subarray(0, v2Answer.length);
    let bytes = chunk;
    if (!this.#passes) {
      const all = Buffer.concat([this.#held, chunk]); // a copy: the chunk is only lent
      this.#held = nothing;
      if (isPrefix(all, v2Answer) || isPrefix(all, v1Answer)) {
        this.#held = all;
        return nothing;
      }
      this.#passes = true;
      bytes = all;
    }
    if (this.#spoken !== 'v2' || !startsWith(this.#first, v2Magic)) return bytes;
    this.#prove();
    if (!this.#asked || !startsWith(bytes, v2Answer)) return bytes;
    this.#answersProbes = true;
    return bytes.subarray(v2Answer.length);
  }

  /** What was held back, as nothing more comes. */
  takeHeld(): Buffer {
    const held = this.#held;
    this.#held = nothing;
    return held;
  }

  /** v1 has read what there was of it. @param isBlock whether a message was whole */
  readV1(isBlock: boolean): void {
    if (!this.#heard && (isBlock || startsWith(this.#first, v1Answer))) this.#prove();
  }

  /**
   * The link is gone.
   * @param inSession whether there is a session, which outlives links on which its server was not heard
   * @param paused whether its server may have said what nobody has heard
   */
  lost(inSession: boolean, paused: boolean): void {
    const spoken = this.#spoken;
    this.#spoken = undefined;
    this.#held = nothing;
    if (spoken === undefined) return;
    const unproven = this.#unproven;
    this.#unproven = undefined;
    this.#last = spoken;
    if (this.#heard) {
      this.#remembered = spoken;
      this.#unheardInRow = 0;
      return;
    }
    const isWrong = this.#isWrong(spoken);
    if (paused && !isWrong) {
      this.#doubtful = unproven;
      return;
    }
    this.#unheardInRow++;
    if (!isWrong) this.#doubtful = unproven;
    else if (unproven) this.#sendAgain(unproven);
    const mayBeV1 = this.#remembered === 'v1' && !isWrong && this.#unheardInRow < unheardLinks;
    if (inSession || mayBeV1) return;
    this.#remembered = isWrong && startsWith(this.#first, v1Answer) ? 'v1' : undefined;
    if (isWrong) this.#last = this.#remembered;
  }

  /** Whether the server has shown on this link that it speaks something else. */
  #isWrong(spoken: 'v1' | 'v2'): boolean {
    const isV2 = isPrefix(this.#first, v2Magic) || startsWith(this.#first, v2Magic);
    return !this.#heard && this.#first.length > 0 && isV2 === (spoken === 'v1');
  }

  #prove(): void {
    this.#heard = true;
    this.#unproven = undefined;
  }

  /** The server cannot have understood these messages. */
  #sendAgain({ again, lost }: Unproven): void {
    if (again.length > 0) this.#output.putBack?.(again);
    if (lost) this.#output.warn(lost);
  }
}
