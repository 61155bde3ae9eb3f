/**
 * The protocol that a client assumes for its server, because the server did not answer or spoke it on an earlier link. The assumption holds
 * until bytes of the server contradict it. Messages sent in the wrong protocol are sent again in the other one, or reported as dropped.
 */
import type { SessionHost } from 'serpy-core';
import type { AutoOutgoing } from './auto-outgoing.js';
import { isPrefix, startsWith, v1Answer, v2Answer, v2Magic } from './probe.js';
import type { ServerRecord } from './server-memory.js';
import { UnconfirmedMessages } from './unconfirmed-messages.js';

/**
 * After this number of consecutive links without bytes from the server, the server may be another program. A client with a session then sends the
 * probe. A client whose server spoke v1 then assumes v2 from silence; not earlier, since v2 frames make a Python v1 server fail.
 */
const maxUnconfirmedLinks = 3;

const nothing = Buffer.alloc(0);

export class ProtocolGuess {
  readonly #output: Pick<SessionHost<AutoOutgoing>, 'putBack' | 'warn'>;
  readonly #onLateAnswer: () => void;
  readonly #record: ServerRecord | undefined;
  /** Whether the assumption is that of another connection, and nothing has confirmed it here. */
  #recalled = false;
  #nowMs = 0;
  #remembered: 'v1' | 'v2' | undefined;
  #last: 'v1' | 'v2' | undefined;
  /** The protocol of this link. */
  #spoken: 'v1' | 'v2' | undefined;
  #probed = false;
  #confirmed = false;
  /** The first bytes since an unconfirmed protocol was assumed, and the bytes that are buffered. */
  #firstBytes = nothing;
  #buffered = nothing;
  #passThrough = false;
  #unconfirmedInRow = 0;
  /** Whether this server answered a probe as a server with `auto` does, which speaks both protocols. */
  #answersProbes = false;
  #unconfirmed: UnconfirmedMessages | undefined;
  /** The unconfirmed messages of the previous link. */
  #previousUnconfirmed: UnconfirmedMessages | undefined;

  /** @param onLateAnswer the server has answered the probe after v2 was assumed */
  constructor(
    output: Pick<SessionHost<AutoOutgoing>, 'putBack' | 'warn'>,
    onLateAnswer: () => void = () => {},
    record?: ServerRecord,
  ) {
    this.#output = output;
    this.#record = record;
    this.#onLateAnswer = onLateAnswer;
  }

  /** The protocol of the last link, unless bytes of the server contradict it. */
  get remembered(): 'v1' | 'v2' | undefined {
    return this.#remembered;
  }

  /** Whether bytes of the server confirmed the protocol on this link. */
  get confirmed(): boolean {
    return this.#confirmed;
  }

  /** The last assumed protocol that was not contradicted. Messages are encoded for it while there is no link. */
  get lastProtocol(): 'v1' | 'v2' | undefined {
    return this.#last;
  }

  /** Whether a new link uses v2 without a probe. A v1 server answers the probe at once, so it gets one on each link. */
  get skipsProbe(): boolean {
    return this.#remembered === 'v2' && (this.#unconfirmedInRow < maxUnconfirmedLinks || !this.#answersProbes);
  }

  /** Whether the first bytes are buffered until more arrive. */
  get isBuffering(): boolean {
    return this.#buffered.length > 0;
  }

  /** Whether the assumption was wrong: the messages are sent again or reported when the link ends. */
  get willResend(): boolean {
    return this.#unconfirmed !== undefined && this.#spoken !== undefined && this.#isWrong(this.#spoken);
  }

  /** Uses what an earlier connection has detected, if this one knows nothing. */
  recall(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#recalled = false;
    if (this.#remembered !== undefined || this.#last !== undefined) return;
    const facts = this.#record?.recall(nowMs);
    if (facts === undefined) return;
    this.#recalled = true;
    this.#remembered = facts.protocol;
    this.#answersProbes = facts.answersProbes;
  }

  /** Whether the server is known to be a Python v2 server: it answers no probe, and makes no sessions. */
  get isPython(): boolean {
    return this.#recalled && this.#remembered === 'v2' && !this.#answersProbes;
  }

  /** Whether what an earlier connection detected is wrong by now. */
  get isOutdated(): boolean {
    return this.#recalled && this.#spoken !== undefined && this.#isWrong(this.#spoken);
  }

  /** The server was silent long enough to be sure of it. */
  rememberSilent(nowMs: number): void {
    if (this.#confirmed || this.#spoken !== 'v2' || this.#firstBytes.length > 0) return;
    this.#record?.remember({ protocol: 'v2', answersProbes: false }, nowMs);
  }

  #remember(protocol: 'v1' | 'v2'): void {
    this.#recalled = false;
    this.#record?.remember({ protocol, answersProbes: this.#answersProbes }, this.#nowMs);
  }

  /** A link is up. */
  linkUp(probed: boolean): void {
    this.#probed = probed;
    this.#confirmed = false;
    this.#firstBytes = nothing;
    this.#passThrough = false;
  }

  /**
   * Sets the protocol of the link.
   * @param heard whether bytes of the server confirm it
   * @param answered whether these bytes answer the probe
   */
  assume(protocol: 'v1' | 'v2', heard: boolean, answered = false): void {
    this.#spoken = protocol;
    this.#confirmed = heard;
    if (answered && protocol === 'v2') this.#answersProbes = true;
    if (heard) this.#remember(protocol);
    const previous = this.#previousUnconfirmed;
    this.#previousUnconfirmed = undefined;
    const continued = previous?.protocol === 'v1' && protocol === 'v1' ? previous : undefined;
    this.#unconfirmed = heard ? undefined : (continued ?? new UnconfirmedMessages(protocol));
    if (previous !== undefined && previous.protocol !== protocol) this.#resend(previous);
  }

  /** A message was written. */
  onSent(outgoing: AutoOutgoing): void {
    this.#unconfirmed?.onSent(outgoing);
  }

  /** Bytes arrived. @returns the bytes to read; none while they may become a late answer to the probe */
  onReceived(chunk: Buffer): Buffer {
    if (this.#confirmed) return chunk;
    this.#firstBytes = Buffer.concat([this.#firstBytes, chunk.subarray(0, v2Answer.length)]).subarray(
      0,
      v2Answer.length,
    );
    let bytes = chunk;
    if (!this.#passThrough) {
      const all = Buffer.concat([this.#buffered, chunk]); // a copy: the chunk is borrowed
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
    this.#remember('v2');
    this.#onLateAnswer();
    return bytes.subarray(v2Answer.length);
  }

  /** The buffered bytes, when no more arrive. */
  drain(): Buffer {
    const buffered = this.#buffered;
    this.#buffered = nothing;
    return buffered;
  }

  /** v1 has read the received bytes. @param isBlock whether there was a complete message */
  onV1Read(isBlock: boolean): void {
    if (!this.#confirmed && (isBlock || startsWith(this.#firstBytes, v1Answer))) this.#confirm();
  }

  /**
   * The link ended.
   * @param inSession whether there is a session, which outlives links without bytes from the server
   * @param paused whether reading was paused, so that bytes of the server may be unread
   */
  linkDown(inSession: boolean, paused: boolean): void {
    const spoken = this.#spoken;
    this.#spoken = undefined;
    this.#buffered = nothing;
    if (spoken === undefined) return;
    const unconfirmed = this.#unconfirmed;
    this.#unconfirmed = undefined;
    this.#last = spoken;
    if (this.#confirmed) {
      this.#remembered = spoken;
      this.#unconfirmedInRow = 0;
      return;
    }
    const isWrong = this.#isWrong(spoken);
    if (isWrong) this.#record?.forget();
    if (paused && !isWrong) {
      this.#previousUnconfirmed = unconfirmed;
      return;
    }
    this.#unconfirmedInRow++;
    if (!isWrong) this.#previousUnconfirmed = unconfirmed;
    else if (unconfirmed) this.#resend(unconfirmed);
    const mayBeV1 = this.#remembered === 'v1' && !isWrong && this.#unconfirmedInRow < maxUnconfirmedLinks;
    if (inSession || mayBeV1) return;
    this.#remembered = isWrong && startsWith(this.#firstBytes, v1Answer) ? 'v1' : undefined;
    if (isWrong) this.#last = this.#remembered;
  }

  /** Whether bytes of the server contradict this protocol. */
  #isWrong(spoken: 'v1' | 'v2'): boolean {
    const isV2 = isPrefix(this.#firstBytes, v2Magic) || startsWith(this.#firstBytes, v2Magic);
    return !this.#confirmed && this.#firstBytes.length > 0 && isV2 === (spoken === 'v1');
  }

  #confirm(): void {
    this.#confirmed = true;
    this.#unconfirmed = undefined;
    if (this.#spoken !== undefined) this.#remember(this.#spoken);
  }

  /** Sends messages again that the server cannot have understood, or reports them. */
  #resend({ resendable, droppedError }: UnconfirmedMessages): void {
    if (resendable.length > 0) this.#output.putBack?.(resendable);
    if (droppedError) this.#output.warn(droppedError);
  }
}
