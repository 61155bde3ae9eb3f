/**
 * What a client takes its server for, and for how long: a guess from silence, or what was true of an earlier link, counts as
 * long as nothing speaks against it. Messages that were sent by a wrong one are sent again in the other protocol, or told.
 */
import type { SessionHost } from 'serpy-core';
import type { AutoOutgoing } from './auto-outgoing.js';
import { isPrefix, startsWith, v1Answer, v2Answer, v2Magic } from './probe.js';
import { UnconfirmedMessages } from './unconfirmed-messages.js';

/**
 * After so many links in a row on which a server was not heard it may be another program: a client in a session asks, and one whose server
 * spoke v1 takes its silence for v2, which an original v1 server could not bear.
 */
const maxUnconfirmedLinks = 3;

const nothing = Buffer.alloc(0);

export class ProtocolGuess {
  readonly #output: Pick<SessionHost<AutoOutgoing>, 'putBack' | 'warn'>;
  #remembered: 'v1' | 'v2' | undefined;
  #last: 'v1' | 'v2' | undefined;
  /** On this link. */
  #spoken: 'v1' | 'v2' | undefined;
  #probed = false;
  #confirmed = false;
  /** The first bytes since it was taken for something that it had not said; those that are held back. */
  #firstBytes = nothing;
  #buffered = nothing;
  #passThrough = false;
  #unconfirmedInRow = 0;
  /** Whether this server has answered a probe as one of ours does, which speaks either. */
  #answersProbes = false;
  #unconfirmed: UnconfirmedMessages | undefined;
  /** Of the link before. */
  #previousUnconfirmed: UnconfirmedMessages | undefined;

  constructor(output: Pick<SessionHost<AutoOutgoing>, 'putBack' | 'warn'>) {
    this.#output = output;
  }

  /** What was spoken on the last link, as long as there is reason to take it for true. */
  get remembered(): 'v1' | 'v2' | undefined {
    return this.#remembered;
  }

  /** Whether the server has shown on this link that it speaks this. */
  get confirmed(): boolean {
    return this.#confirmed;
  }

  /** What it was taken for last, where nothing spoke against it: messages are encoded for that meanwhile. */
  get lastProtocol(): 'v1' | 'v2' | undefined {
    return this.#last;
  }

  /** Whether a new link is gone on with in v2 without a question. A v1 server answers at once, so it is asked each time. */
  get skipsProbe(): boolean {
    return this.#remembered === 'v2' && (this.#unconfirmedInRow < maxUnconfirmedLinks || !this.#answersProbes);
  }

  /** Whether first bytes wait for more. */
  get isBuffering(): boolean {
    return this.#buffered.length > 0;
  }

  /** Whether it was taken for what it is not: what was sent to it so is sent again, or told, when the link has ended. */
  get willResend(): boolean {
    return this.#unconfirmed !== undefined && this.#spoken !== undefined && this.#isWrong(this.#spoken);
  }

  /** A link is up. */
  linkUp(asked: boolean): void {
    this.#probed = asked;
    this.#confirmed = false;
    this.#firstBytes = nothing;
    this.#passThrough = false;
  }

  /** From here on the link speaks this. @param heard whether the server has shown it; answered: by the answer to a probe */
  assume(protocol: 'v1' | 'v2', heard: boolean, answered = false): void {
    this.#spoken = protocol;
    this.#confirmed = heard;
    if (answered && protocol === 'v2') this.#answersProbes = true;
    const doubtful = this.#previousUnconfirmed;
    this.#previousUnconfirmed = undefined;
    const goesOn = doubtful?.protocol === 'v1' && protocol === 'v1' ? doubtful : undefined;
    this.#unconfirmed = heard ? undefined : (goesOn ?? new UnconfirmedMessages(protocol));
    if (doubtful !== undefined && doubtful.protocol !== protocol) this.#resend(doubtful);
  }

  /** A message was put on the wire. */
  onSent(outgoing: AutoOutgoing): void {
    this.#unconfirmed?.onSent(outgoing);
  }

  /** Bytes have come. @returns what of them is to be read; nothing while they may become the answer to the probe, which comes late */
  onReceived(chunk: Buffer): Buffer {
    if (this.#confirmed) return chunk;
    this.#firstBytes = Buffer.concat([this.#firstBytes, chunk.subarray(0, v2Answer.length)]).subarray(
      0,
      v2Answer.length,
    );
    let bytes = chunk;
    if (!this.#passThrough) {
      const all = Buffer.concat([this.#buffered, chunk]); // a copy: the chunk is only lent
      this.#buffered = nothing;
      if (isPrefix(all, v2Answer) || isPrefix(all, v1Answer)) {
        this.#buffered = all;
        return nothing;
      }
      this.#passThrough = true;
      bytes = all;
    }
    if (this.#spoken !== 'v2' || !startsWith(this.#firstBytes, v2Magic)) return bytes;
    this.#confirm();
    if (!this.#probed || !startsWith(bytes, v2Answer)) return bytes;
    this.#answersProbes = true;
    return bytes.subarray(v2Answer.length);
  }

  /** What was held back, as nothing more comes. */
  drain(): Buffer {
    const held = this.#buffered;
    this.#buffered = nothing;
    return held;
  }

  /** v1 has read what there was of it. @param isBlock whether a message was whole */
  onV1Read(isBlock: boolean): void {
    if (!this.#confirmed && (isBlock || startsWith(this.#firstBytes, v1Answer))) this.#confirm();
  }

  /**
   * The link is gone.
   * @param inSession whether there is a session, which outlives links on which its server was not heard
   * @param paused whether its server may have said what nobody has heard
   */
  linkDown(inSession: boolean, paused: boolean): void {
    const spoken = this.#spoken;
    this.#spoken = undefined;
    this.#buffered = nothing;
    if (spoken === undefined) return;
    const unproven = this.#unconfirmed;
    this.#unconfirmed = undefined;
    this.#last = spoken;
    if (this.#confirmed) {
      this.#remembered = spoken;
      this.#unconfirmedInRow = 0;
      return;
    }
    const isWrong = this.#isWrong(spoken);
    if (paused && !isWrong) {
      this.#previousUnconfirmed = unproven;
      return;
    }
    this.#unconfirmedInRow++;
    if (!isWrong) this.#previousUnconfirmed = unproven;
    else if (unproven) this.#resend(unproven);
    const mayBeV1 = this.#remembered === 'v1' && !isWrong && this.#unconfirmedInRow < maxUnconfirmedLinks;
    if (inSession || mayBeV1) return;
    this.#remembered = isWrong && startsWith(this.#firstBytes, v1Answer) ? 'v1' : undefined;
    if (isWrong) this.#last = this.#remembered;
  }

  /** Whether the server has shown on this link that it speaks something else. */
  #isWrong(spoken: 'v1' | 'v2'): boolean {
    const isV2 = isPrefix(this.#firstBytes, v2Magic) || startsWith(this.#firstBytes, v2Magic);
    return !this.#confirmed && this.#firstBytes.length > 0 && isV2 === (spoken === 'v1');
  }

  #confirm(): void {
    this.#confirmed = true;
    this.#unconfirmed = undefined;
  }

  /** The server cannot have understood these messages. */
  #resend({ resendable, droppedError }: UnconfirmedMessages): void {
    if (resendable.length > 0) this.#output.putBack?.(resendable);
    if (droppedError) this.#output.warn(droppedError);
  }
}
