/**
 * The state machine of the protocol `auto`: detects the protocol of the peer, and then uses the state machine of v1 or v2.
 *
 * A server detects the protocol by the first bytes of the client. A client sends the probe, 14 bytes that a v1 server answers and a v2 server
 * skips; no answer means v2. A server with `auto` recognizes the probe and answers for v2. A client remembers the protocol of its server as
 * long as the server confirms it.
 */
import {
  ConnectionLostError,
  DeliveryUnknownError,
  PeerTimeoutError,
  type ProgressInfo,
  ProtocolError,
  type RequestPart,
  type ResumableSession,
  type Role,
  type SendWaitOptions,
  type SerpyError,
  type Session,
  type SessionHost,
  type SharedEncoding,
  type StreamPart,
} from 'serpy-core';
import type { PortableValue } from '../portable/portable-value.js';
import type { v1, v2 } from '../protocols.js';
import {
  type AutoOutgoing,
  type AutoSendOptions,
  awaitedMessageFor,
  type EncodedMessage,
  encodeFor,
  messageFor,
  noStreamsError,
} from './auto-outgoing.js';
import type { AutoReceived, AutoSettings } from './auto-types.js';
import { ClientDetection, type ServerAnswer } from './client-detection.js';
import { probeFill, v2Answer } from './probe.js';
import { ProtocolGuess } from './protocol-guess.js';
import { type DetectedClient, ServerDetection } from './server-detection.js';

type V1 = v1.V1;
type V2 = v2.V2;

/** Milliseconds for a v2 server that has sent something to read the probe: a Python server polls every 10 ms, and the probe may be in flight. */
const probeSettleMs = 200;

/** Without `modeChangeTimeoutMs`, a server that is silent for this long never answers a probe. */
const silenceMs = 5000;

/** The result of the detection: for a client the answer of the server, for a server the first bytes of the client. */
type Detected = Pick<ServerAnswer, 'protocol' | 'bytes'> & Partial<ServerAnswer & DetectedClient>;

export class AutoSession implements Session<PortableValue, AutoSendOptions, AutoReceived, AutoOutgoing> {
  readonly #role: Role;
  readonly #output: SessionHost<AutoOutgoing>;
  readonly #settings: AutoSettings;
  /** The messages, the parts of streams and those of requests whose outcome is reported, by their block or frame. */
  readonly #awaited = new WeakMap<object, AutoOutgoing>();
  readonly #v1: v1.V1Session;
  readonly #v2: v2.V2Session;
  /** The protocol of this link; undefined during the detection. */
  #activeProtocol: 'v1' | 'v2' | undefined;
  /** The detection in progress. */
  #detection: ClientDetection | ServerDetection | undefined;
  /** Client: the assumed protocol of the server. */
  readonly #guess: ProtocolGuess | undefined;
  #deadlineMs: number | undefined;
  #answerDueMs: number | undefined;
  /** How long this link waits for the answer to the probe. */
  #probeWaitMs = 0;
  /** When a server that has said nothing counts as one that never answers a probe. */
  #silentUntilMs: number | undefined;
  #nowMs = 0;
  #warned = false;
  /** Whether a v2 server sent something before it answered the probe: a Python server may not have read the probe yet, and skips the bytes that follow it directly. */
  #sendPaused = false;

  constructor(
    role: Role,
    output: SessionHost<AutoOutgoing>,
    first: Pick<ReturnType<typeof v1.v1Protocol>, 'createSession'>,
    second: Pick<ReturnType<typeof v2.v2Protocol>, 'createSession'>,
    settings: AutoSettings,
  ) {
    this.#role = role;
    this.#output = output;
    this.#settings = settings;
    if (role === 'client') this.#guess = new ProtocolGuess(output, () => this.#v2.probeAnsweredLate(), settings.record);
    const write = (piece: Uint8Array) => output.write(piece);
    const reserve = (bytes: number) => output.reserve(bytes);
    const allocate = (sizeBytes: number) => output.allocate(sizeBytes);
    const warn = (error: SerpyError, about?: 'bad-frame', count?: number) => output.warn(error, about, count);
    const randomBytes = (count: number) => output.randomBytes(count);
    const both = {
      write,
      reserve,
      allocate,
      warn,
      acknowledged: (frame: V1['outgoing'] | V2['outgoing']) =>
        this.#settled(frame, (each) => output.acknowledged(each)),
      rejected: (frame: V1['outgoing'] | V2['outgoing'], error: SerpyError) =>
        this.#settled(frame, (each) => output.rejected(each, error)),
      progress: (info: ProgressInfo) => output.progress(info),
      randomBytes,
      linkHolder: output.linkHolder,
    };
    this.#v1 = first.createSession(role, both);
    this.#v2 = second.createSession(role, both);
  }

  get protocol(): 'v1' | 'v2' | undefined {
    return this.#activeProtocol ?? this.#guess?.lastProtocol;
  }

  get canSend(): boolean {
    return this.#activeProtocol !== undefined && !this.#sendPaused && this.#session.canSend;
  }

  get resumable(): ResumableSession | undefined {
    return this.#activeProtocol === 'v1' ? undefined : this.#v2.resumable;
  }

  get deadlineMs(): number | undefined {
    const below = this.#activeProtocol === 'v1' ? this.#v1.deadlineMs : this.#v2.deadlineMs;
    const times = [this.#deadlineMs, this.#answerDueMs, this.#silentUntilMs, this.#detection?.deadlineMs, below].filter(
      (each) => each !== undefined,
    );
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  get midFrame(): boolean {
    if (this.#detection !== undefined) return this.#detection.midFrame;
    return this.#guess?.isBuffering || (this.#activeProtocol !== undefined && this.#session.midFrame);
  }

  get unacknowledgedMessages(): number {
    if (this.#activeProtocol === undefined || this.#guess?.willResend) return 0;
    return this.#session.unacknowledgedMessages ?? 0;
  }

  get partialBytes(): number {
    return this.#detection?.bufferedBytes ?? (this.#activeProtocol === undefined ? 0 : this.#session.partialBytes);
  }

  /** While the protocol is not known, both protocols must be able to carry the value. */
  encode(value: PortableValue, options: AutoSendOptions & SendWaitOptions = {}, shared?: SharedEncoding): AutoOutgoing {
    const outgoing = encodeFor(this.protocol, value, this.#encoders, options, shared);
    this.#warnLater();
    return options.expiresMs === undefined ? outgoing : { ...outgoing, expires: true };
  }

  encodePart(part: StreamPart): AutoOutgoing {
    if (this.protocol === 'v1') throw noStreamsError();
    const v2 = this.#v2.encodePart(part);
    this.#warnLater();
    const outgoing = { v1: undefined, v2, value: undefined, sizeBytes: v2.sizeBytes, awaitsAck: true, part };
    this.#awaited.set(v2, outgoing);
    return outgoing;
  }

  /** Whether answers refer to their requests; undefined during the detection, and while nothing may be sent. */
  correlation(): boolean | undefined {
    this.#warnLater();
    if (this.#activeProtocol === undefined || this.#sendPaused) return undefined;
    return this.#activeProtocol === 'v2' && this.#v2.correlation();
  }

  encodeRequestPart(part: RequestPart, message: AutoOutgoing | undefined): AutoOutgoing {
    const frame = message && (message.v2 ?? this.#v2.encode(message.value as PortableValue));
    const v2 = this.#v2.encodeRequestPart(part, frame);
    const { sizeBytes } = v2;
    const outgoing = { v1: undefined, v2, value: undefined, sizeBytes, awaitsAck: false, part, undroppable: true };
    this.#awaited.set(v2, outgoing);
    return outgoing;
  }

  /** Schedules the warning of a server that has something to send and waits for the first bytes of its client. */
  #warnLater(): void {
    if (this.#activeProtocol !== undefined || this.#role === 'client' || this.#warned) return;
    this.#deadlineMs ??= this.#nowMs + this.#settings.probeTimeoutMs;
  }

  /** Sends a message, which may have been accepted before the protocol was detected. */
  send(outgoing: AutoOutgoing): void {
    const protocol = this.#activeProtocol;
    if (protocol === 'v1' && outgoing.part !== undefined) {
      this.#output.rejected(outgoing, noStreamsError());
      return;
    }
    if (outgoing.level !== undefined) {
      this.#sendAwaited(outgoing);
      return;
    }
    const encoded = messageFor(protocol, outgoing, this.#encoders);
    if (encoded instanceof Error) {
      if (outgoing.undroppable) this.#output.rejected(outgoing, encoded);
      else this.#output.warn(encoded);
      this.#deadlineMs ??= this.#nowMs; // requests a step, after which the warning is emitted
      return;
    }
    if (outgoing.undroppable) this.#awaited.set(encoded.message, outgoing);
    if (encoded.protocol === 'v1') this.#v1.send(encoded.message);
    else this.#v2.send(encoded.message);
    if (outgoing.part === undefined) this.#guess?.onSent(outgoing);
  }

  /** Sends a message whose acknowledgement is awaited, or rejects it if this protocol cannot acknowledge it. */
  #sendAwaited(outgoing: AutoOutgoing): void {
    let encoded: EncodedMessage;
    try {
      encoded = awaitedMessageFor(this.#activeProtocol, outgoing);
    } catch (error) {
      this.#output.rejected(outgoing, error as SerpyError);
      return;
    }
    this.#awaited.set(encoded.message, outgoing);
    if (encoded.protocol === 'v1') this.#v1.send(encoded.message);
    else this.#v2.send(encoded.message);
  }

  snapshot({ v2 }: AutoOutgoing): void {
    if (v2) this.#v2.snapshot(v2);
  }

  cancelAck({ v1, v2 }: AutoOutgoing): void {
    if (v2) this.#v2.cancelAck(v2);
    if (v1 && this.#awaited.has(v1)) this.#v1.cancelAck(v1);
  }

  get gathered(): boolean {
    return this.#v2.gathered;
  }

  flush(): void {
    this.#v2.flush();
  }

  reconnects(is: boolean): void {
    this.#v2.reconnects(is);
  }

  linkUp(nowMs: number, connectMs = 0): void {
    this.#nowMs = nowMs;
    this.#v1.begin(nowMs);
    this.#guess?.recall(nowMs);
    const probes = this.#guess !== undefined && !this.#guess.skipsProbe;
    this.#guess?.linkUp(probes);
    if (probes) {
      this.#probe(nowMs, connectMs);
      return;
    }
    if (this.#guess) this.#useProtocol('v2', false);
    else if (this.#activeProtocol === undefined) this.#detection = new ServerDetection(); // not for a client that resumes a session: it speaks v2
    if (this.#guess?.isPython) this.#v2.linkUpPlain(nowMs);
    else this.#v2.linkUp(nowMs);
  }

  /** Sends the probe. A client sends nothing of v2 before it knows that the server speaks v2. */
  #probe(nowMs: number, connectMs: number): void {
    this.#v1.requestAck();
    this.#output.write(probeFill);
    const { modeChangeTimeoutMs, maxMessageBytes } = this.#settings;
    // The answer of a distant server takes longer.
    const probeTimeoutMs = this.#settings.probeTimeoutMs + 2 * connectMs;
    this.#probeWaitMs = probeTimeoutMs;
    const maxBytes = 2 * maxMessageBytes + 65_536; // a message in base85, and control blocks before it
    this.#detection = new ClientDetection({ probeTimeoutMs, modeChangeTimeoutMs, maxBytes: maxBytes }, nowMs);
  }

  linkDown(paused: boolean): void {
    this.#deadlineMs = undefined;
    this.#answerDueMs = undefined;
    this.#silentUntilMs = undefined;
    this.#sendPaused = false;
    this.#detection = undefined;
    this.#v1.linkDown();
    this.#v2.linkDown();
    if (this.#guess === undefined) return;
    this.#activeProtocol = undefined;
    this.#guess.linkDown(this.#v2.resumable?.epoch !== undefined, paused);
  }

  receive(chunk: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#detection === undefined) {
      const bytes = this.#guess?.onReceived(chunk) ?? chunk;
      if (bytes.length > 0) this.#session.receive(bytes, nowMs);
      return;
    }
    const detected = this.#detection.receive(chunk, nowMs);
    if (detected) this.#onDetected(detected);
  }

  target(leastBytes: number): Buffer | undefined {
    const isKnown = this.#detection === undefined && this.#guess === undefined;
    return isKnown && this.#activeProtocol === 'v2' ? this.#v2.target(leastBytes) : undefined;
  }

  filled(count: number, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return this.#v2.filled(count, nowMs);
  }

  retainUnread(): void {
    if (this.#activeProtocol !== undefined) this.#session.retainUnread();
  }

  read(): AutoReceived | undefined {
    try {
      return this.#read();
    } catch (error) {
      if (!this.#guess?.isOutdated) throw error;
      throw new ConnectionLostError(outdatedText, { cause: error });
    }
  }

  #read(): AutoReceived | undefined {
    const protocol = this.#activeProtocol;
    this.#detection?.check();
    if (protocol === 'v1') {
      const received = this.#v1.read();
      this.#guess?.onV1Read(received !== undefined);
      return received && { protocol: 'v1', received, sizeBytes: received.sizeBytes };
    }
    const received = protocol && this.#v2.read();
    if (!received) return undefined;
    const { sizeBytes, end, part } = received;
    return { protocol: 'v2', received, sizeBytes, end, part };
  }

  ended(): SerpyError | undefined {
    if (this.#guess?.isBuffering) this.#session.receive(this.#guess.drain(), this.#nowMs);
    return this.#activeProtocol && this.#session.ended();
  }

  tick(nowMs: number, paused: boolean): void {
    this.#nowMs = nowMs;
    if (this.#activeProtocol !== undefined) this.#session.tick(nowMs, paused);
    else if (this.#role === 'server') this.#v2.tick(nowMs);
    this.#checkAnswer(nowMs, paused);
    this.#checkSilence(nowMs, paused);
    const isKnown = this.#guess?.remembered !== undefined;
    const detected = this.#detection?.tick(nowMs, paused && !isKnown);
    if (detected === 'silent') this.#assumeProtocol();
    else if (detected) this.#onDetected(detected);
    if (this.#deadlineMs === undefined || nowMs < this.#deadlineMs) return;
    this.#deadlineMs = undefined;
    if (this.#sendPaused) this.#v2.linkUp(nowMs);
    this.#sendPaused = false;
    if (this.#activeProtocol !== undefined || this.#role === 'client' || this.#detection?.midFrame) return;
    this.#warned = true;
    this.#output.warn(
      new ProtocolError(
        `the client sent nothing for ${this.#settings.probeTimeoutMs} ms, so the server does not know its protocol and cannot send to it. ` +
          "Set protocol: 'v1' or 'v2' at the server, or let the client send first",
      ),
    );
  }

  #settled(frame: V1['outgoing'] | V2['outgoing'], report: (outgoing: AutoOutgoing) => void): void {
    const outgoing = this.#awaited.get(frame);
    this.#awaited.delete(frame);
    if (outgoing) report(outgoing);
  }

  get #session(): v1.V1Session | v2.V2Session {
    return this.#activeProtocol === 'v1' ? this.#v1 : this.#v2;
  }

  get #encoders() {
    return { v1: this.#v1, v2: this.#v2 };
  }

  /** No answer: a Python v2 server does not answer the probe, nor does a busy server. Assumes the remembered protocol, or v2. */
  #assumeProtocol(): void {
    this.#useProtocol(this.#guess?.remembered ?? 'v2', false);
    const { probeTimeoutMs, modeChangeTimeoutMs } = this.#settings;
    if (this.#activeProtocol === 'v2') {
      this.#v2.linkUpSilent(this.#nowMs, this.#probeWaitMs);
      this.#silentUntilMs = this.#nowMs + (modeChangeTimeoutMs || silenceMs);
    } else if (modeChangeTimeoutMs > 0)
      this.#answerDueMs = this.#nowMs + Math.max(1, modeChangeTimeoutMs - probeTimeoutMs);
  }

  /** Times out a server that is assumed to speak v1 and does not answer. */
  #checkAnswer(nowMs: number, paused: boolean): void {
    if (this.#answerDueMs === undefined || nowMs < this.#answerDueMs) return;
    this.#answerDueMs = undefined;
    if (!paused && !this.#guess?.confirmed) throw noAnswerError(this.#settings.modeChangeTimeoutMs);
  }

  /** A v1 server would have answered the probe by now, and one of serpy for Node as well. */
  #checkSilence(nowMs: number, paused: boolean): void {
    if (this.#silentUntilMs === undefined || nowMs < this.#silentUntilMs) return;
    const isKnown = this.#guess?.confirmed === true || this.#v2.isPlain;
    this.#silentUntilMs = isKnown ? undefined : nowMs + silenceMs; // the HELLO may still be answered
    if (!paused && this.#v2.isPlain) this.#guess?.rememberSilent(nowMs);
  }

  /** The detection is complete. */
  #onDetected({ protocol, bytes, answered = false, wantsAnswer = false }: Detected): void {
    const untilMs = Math.min(this.#detection?.deadlineMs ?? Number.POSITIVE_INFINITY, this.#nowMs + probeSettleMs);
    this.#useProtocol(protocol, true, answered);
    if (wantsAnswer) this.#v2.answerProbe(this.#nowMs);
    this.#sendPaused = this.#role === 'client' && protocol === 'v2' && !answered;
    this.#deadlineMs = this.#sendPaused ? untilMs : undefined;
    const isAnswerOfV2 = answered && protocol === 'v2';
    const rest = isAnswerOfV2 ? bytes.subarray(v2Answer.length) : bytes;
    if (isAnswerOfV2) this.#v2.probeAnswered(this.#nowMs, rest);
    if (rest.length > 0) this.#session.receive(rest, this.#nowMs);
  }

  #useProtocol(protocol: 'v1' | 'v2', heard: boolean, answered = false): void {
    this.#detection = undefined;
    this.#activeProtocol = protocol;
    this.#guess?.assume(protocol, heard, answered);
    if (protocol === 'v1') this.#v1.resend();
    else this.#v1.abandon(new ConnectionLostError(changedText));
    if (this.#role === 'server' || protocol === 'v2') return;
    const unknown = this.#v2.resumable?.abort() ?? [];
    if (unknown.length > 0) this.#output.warn(new DeliveryUnknownError('the server speaks v1 now', unknown));
  }
}

const outdatedText =
  'the server speaks another protocol than when this program connected to it last. Connect again: its protocol is detected anew';

const changedText =
  'the server speaks v2 now, and spoke v1 when the message was sent, which may or may not have arrived: ask the peer, or send it again';

function noAnswerError(modeChangeTimeoutMs: number): PeerTimeoutError {
  return new PeerTimeoutError(
    `the server spoke v1 before, and did not answer a mode change within ${modeChangeTimeoutMs} ms (modeChangeTimeoutMs). Check that its program is not blocked, and that no other program uses this port`,
  );
}
