/** The v2 protocol on one connection: every message is one frame without an answer, unless a handshake has established a session. */
import {
  type About,
  type AboutOption,
  ConnectionLostError,
  MessageTooLargeError,
  markInUse,
  OptionError,
  type OutboundMessage,
  parseAbout,
  type RequestPart,
  type ResumableSession,
  type Role,
  type SerpyError,
  type Session,
  type SessionHost,
  type SharedEncoding,
  type StreamPart,
} from 'serpy-core';
import { Decoder } from './decoder.js';
import { Handshake } from './handshake/handshake.js';
import { handshakeSettings, type SessionOptions } from './handshake/handshake-options.js';
import { type Greeting, PlainLink } from './handshake/plain-link.js';
import { encodeAboutHead } from './reliable/about-frame.js';
import { encodeRequestHead, encodeRequestText } from './reliable/request-frame.js';
import { detachedBufferError } from './reliable/sender-errors.js';
import { encodeStreamFrame } from './reliable/stream-frame.js';
import { noSessionError } from './session/session-errors.js';
import { SessionRegistry } from './session/session-registry.js';
import { type DecodedMessage, encodeValue, type Payload, type Value } from './values/values.js';
import { checksum } from './wire/checksum.js';
import {
  aboutType,
  copyBelowBytes,
  frameType,
  headerBytes,
  probeAnswer,
  requestType,
  streamType,
} from './wire/constants.js';
import { writeHeader } from './wire/header.js';

export type { SessionOptions } from './handshake/handshake-options.js';

/** What `sendData` may wait for in a session. */
export interface AcknowledgeOption {
  /**
   * Default: `sendData` does not wait. `'received'`: until the message has arrived at the peer; `'consumed'`: until its program has consumed
   * it. `true` is `'received'`. A peer whose queue may drop messages (`receiveQueue.whenFull`, `keep: 'latest'`) also acknowledges those that
   * it drops.
   */
  readonly acknowledge?: 'received' | 'consumed' | true | undefined;
}

/** The options of `sendData` in a session. */
export interface V2SendOptions extends AcknowledgeOption, AboutOption {}

/** What a frame with metadata consists of. The first link that it is sent on decides whether the peer gets them. */
export interface AboutForm {
  readonly head: Buffer;
  readonly type: number;
  readonly prefix: Uint8Array | undefined;
  /** Without the head. */
  readonly sizeBytes: number;
}

/** An outgoing frame. */
export interface Frame extends OutboundMessage {
  /** A number of `frameType`, or the type of a frame that only a session uses. */
  readonly type: number;
  /** Bytes before the payload that count as a part of it. They never change, and exist only before a large payload. */
  readonly prefix: Uint8Array | undefined;
  payload: Uint8Array;
  /** Whether the payload is memory of serpy, which the program cannot change. */
  owned: boolean;
  /** The checksum, if it is known: of a large payload, which is not copied, so that the peer detects if it changes before it is written; and of a shared one. Undefined in a session. */
  readonly sum: number | undefined;
  readonly level: 'received' | 'consumed' | undefined;
  /** The offset of its end in the session's byte stream, once it is in there. */
  endOffset: number;
  /** Present if the frame is a part of a stream or of a request instead of a message. */
  readonly part?: StreamPart | RequestPart;
  /**
   * The session in which the frame was created, if it refers to a stream or request of the peer or cancels one: in another session the ID belongs
   * to another.
   */
  readonly session?: unknown;
  /** Present if the message has metadata. */
  readonly about?: AboutForm;
}

export class V2Session implements Session<Value, V2SendOptions, DecodedMessage, Frame> {
  readonly #options: SessionOptions;
  readonly #output: SessionHost<Frame>;
  readonly #role: Role;
  readonly #sessions: SessionRegistry<Handshake<Frame>>;
  readonly #plain: PlainLink;
  #decoder: Decoder;
  #handshake: Handshake<Frame> | undefined;
  /** The streams that are being sent, each with the session in which it began. Made for the first stream. */
  #streams: Map<number, object> | undefined;

  /** @param sessions the sessions of the server; a client needs none */
  constructor(
    options: SessionOptions,
    output: SessionHost<Frame>,
    role: Role = 'client',
    sessions = new SessionRegistry<Handshake<Frame>>(),
  ) {
    this.#options = options;
    this.#output = output;
    this.#role = role;
    this.#sessions = sessions;
    this.#plain = new PlainLink(options.session ?? 'off', role, this);
    this.#decoder = this.#newDecoder();
    if (role === 'client' && this.#needsHandshake()) this.#handshake = this.#newHandshake();
  }

  get canSend(): boolean {
    const session = this.#handshake?.active;
    return session === undefined ? (this.#handshake?.canSendPlain ?? true) : session.sender.canStart;
  }

  get deadlineMs(): number | undefined {
    const session = this.#handshake?.active;
    return session === undefined ? this.#handshake?.deadlineMs : session.deadlineMs;
  }

  get resumable(): ResumableSession | undefined {
    return this.#handshake;
  }

  get midFrame(): boolean {
    const handshake = this.#handshake;
    if (handshake?.active) return handshake.active.reader.inRecord;
    return handshake === undefined || handshake.decodesPlain ? this.#decoder.midFrame : handshake.midFrame;
  }

  /** Without a session there are no acknowledgements, so every sent message counts. */
  get unacknowledgedMessages(): number {
    return this.#handshake?.active ? 0 : this.#plain.plainSent;
  }

  get partialBytes(): number {
    return this.#decoder.partialBytes + (this.#handshake?.partialBytes ?? 0);
  }

  /**
   * Encodes a value as a frame.
   * @throws `ERR_SERPY_VALUE`, `ERR_SERPY_INTEGER_RANGE`, `ERR_SERPY_TOO_LARGE`, `ERR_SERPY_OPTION`
   */
  encode(value: Value, options: V2SendOptions = {}, shared?: SharedEncoding): Frame {
    const common = shared?.get('v2', () => new SharedPayload(value));
    const { type, prefix, bytes } = common ?? encodeValue(value);
    const payloadBytes = (prefix?.length ?? 0) + bytes.length;
    const level = options.acknowledge === true ? 'received' : options.acknowledge;
    if (level !== undefined) this.#checkLevel(level);
    const own = this.#options.maxMessageBytes;
    const maxBytes = Math.min(own, this.#handshake?.peer?.maxMessageBytes ?? own);
    if (payloadBytes > maxBytes) throw new MessageTooLargeError('the message', payloadBytes, maxBytes);
    const frame: Frame = {
      type: frameType[type],
      prefix,
      payload: bytes,
      owned: common !== undefined || (bytes !== value && prefix === undefined),
      sum: this.#sumOf(payloadBytes, prefix, bytes, common),
      sizeBytes: headerBytes + payloadBytes,
      level,
      endOffset: 0,
      awaitsAck: level !== undefined,
      awaited: undefined,
    };
    return options.about === undefined ? frame : describedFrame(frame, parseAbout(options.about));
  }

  #sumOf(payloadBytes: number, prefix: Uint8Array | undefined, bytes: Uint8Array, common: SharedPayload | undefined) {
    if (this.#handshake?.active) return undefined;
    return common?.sum ?? (payloadBytes < copyBelowBytes ? undefined : sumOf(prefix, bytes));
  }

  /** Encodes a part of a stream as a frame. Throws `ERR_SERPY_OPTION` without a session. */
  encodePart(part: StreamPart): Frame {
    this.#requireSession('a stream');
    const payload = encodeStreamFrame(part);
    const level = 'received';
    const sizeBytes = headerBytes + payload.length;
    return {
      type: streamType,
      prefix: undefined,
      payload,
      owned: true,
      sum: undefined,
      sizeBytes,
      level,
      endOffset: 0,
      awaitsAck: true,
      awaited: undefined,
      part,
      session: part.kind === 'stop' ? this.#handshake?.epoch : undefined,
    };
  }

  correlation(): boolean | undefined {
    this.#awaitSession();
    return this.#handshake === undefined ? false : this.#handshake.correlation;
  }

  encodeRequestPart(part: RequestPart, message: Frame | undefined): Frame {
    const head = encodeRequestHead(part, message?.type ?? 0);
    const payload = message?.payload ?? encodeRequestText(part);
    const prefix = message?.prefix ? Buffer.concat([head, message.prefix]) : head;
    return {
      type: requestType,
      prefix,
      payload,
      owned: message?.owned ?? true,
      sum: undefined,
      sizeBytes: headerBytes + prefix.length + payload.length,
      level: undefined,
      endOffset: 0,
      awaitsAck: false,
      part,
      session: part.kind === 'request' ? undefined : this.#handshake?.epoch,
      undroppable: true,
    };
  }

  /** Copies a small payload, which the program may change as soon as `sendData` has returned. */
  snapshot(frame: Frame): void {
    if (frame.owned || frame.payload.length >= copyBelowBytes) return;
    frame.payload = Buffer.from(frame.payload);
    frame.owned = true;
  }

  send(frame: Frame): void {
    if (frame.about !== undefined) setForm(frame, frame.about, this.#carriesAbout);
    if (payloadBytesOf(frame) !== frame.sizeBytes - headerBytes) {
      const error = detachedBufferError(frame.sizeBytes - headerBytes);
      this.#output.rejected(frame, error);
      this.#output.warn(error);
      return;
    }
    const session = this.#handshake?.active;
    if (session !== undefined) {
      if (frame.part === undefined || this.#isInSession(frame.part, frame.session)) session.sender.send(frame);
      else
        this.#output.rejected(
          frame,
          new ConnectionLostError('the session was lost before the stream was sent completely. Send the stream again'),
        );
      return;
    }
    if (frame.level !== undefined || frame.part !== undefined) {
      const what = frame.part ? 'a stream' : 'the option acknowledge';
      this.#output.rejected(frame, noSessionError(what, 'the peer uses v2 without a session'));
      return;
    }
    this.#plain.plainSent++;
    const { type, prefix, payload, sum, sizeBytes } = frame;
    if (payload.length < copyBelowBytes) {
      const { buffer, offset } = this.#output.reserve(sizeBytes);
      writeHeader(buffer, offset, type, sum ?? checksum(payload), payload.length);
      buffer.set(payload, offset + headerBytes);
    } else {
      const { buffer, offset } = this.#output.reserve(sizeBytes - payload.length);
      writeHeader(buffer, offset, type, sum ?? sumOf(prefix, payload), sizeBytes - headerBytes);
      if (prefix !== undefined) buffer.set(prefix, offset + headerBytes);
      this.#output.write(payload);
    }
  }

  get #carriesAbout(): boolean {
    return this.#handshake?.active?.peer?.readsAbout === true;
  }

  cancelAck(frame: Frame): void {
    this.#handshake?.session?.sender.cancelAck(frame);
  }

  get gathered(): boolean {
    return this.#handshake?.active?.hasBatched ?? false;
  }

  flush(): void {
    this.#handshake?.active?.flush();
  }

  reconnects(is: boolean): void {
    this.#handshake?.reconnects(is);
  }

  linkUp(nowMs = 0): void {
    this.#plain.nowMs = nowMs;
    if (this.#needsHandshake()) this.#handshake ??= this.#newHandshake();
    this.#handshake?.linkUp(nowMs);
  }

  /** As `linkUp`, at a client whose server has not answered a probe for this time, which counts as a part of `sessionTimeoutMs`. */
  linkUpSilent(nowMs: number, silentMs: number): void {
    this.linkUp(nowMs);
    this.#handshake?.hurry(silentMs);
  }

  /** As `linkUp`, at a client whose server is known to make no sessions: requests none. */
  linkUpPlain(nowMs: number): void {
    if (this.#needsHandshake()) this.#handshake ??= this.#newHandshake();
    this.#handshake?.expectPlain(nowMs);
    this.linkUp(nowMs);
  }

  /** Whether messages travel without a session on this link. */
  get isPlain(): boolean {
    return this.#handshake === undefined || !this.#handshake.canAcknowledge;
  }

  linkDown(): void {
    this.#decoder = this.#newDecoder();
    this.#plain.reset();
    this.#handshake?.linkDown();
  }

  receive(chunk: Buffer, nowMs = 0): void {
    const handshake = this.#handshake;
    if (handshake?.active) {
      handshake.active.push(chunk, nowMs);
      return;
    }
    this.#plain.nowMs = nowMs;
    if (handshake === undefined || handshake.decodesPlain) this.#decoder.push(chunk);
    else handshake.receive(chunk, nowMs);
  }

  target(leastBytes: number): Buffer | undefined {
    return (this.#handshake?.active?.reader ?? this.#decoder).target(leastBytes);
  }

  filled(count: number, nowMs = 0): boolean {
    const session = this.#handshake?.active;
    if (session !== undefined) return session.filled(count, nowMs);
    this.#plain.nowMs = nowMs;
    return this.#decoder.filled(count);
  }

  retainUnread(): void {
    const session = this.#handshake?.active;
    if (session !== undefined) {
      session.retainUnread();
      return;
    }
    this.#decoder.retainUnread();
    this.#handshake?.session?.retainUnread();
  }

  read(): DecodedMessage | undefined {
    if (this.#handshake?.active && !this.#handshake.hasLeftover) return this.#handshake.read();
    for (;;) {
      const handshake = this.#handshake;
      const buffered = handshake?.readHeld();
      if (buffered !== undefined) return buffered;
      if (handshake !== undefined && !handshake.decodesPlain) {
        const message = handshake.read();
        if (message !== undefined || !handshake.decodesPlain) return message;
      }
      const message = this.#readPlain(handshake);
      if (message !== undefined) {
        handshake?.onPlainMessage();
        this.#plain.plainReceived++;
        return message;
      }
      if (this.#plain.greeting === undefined) return undefined;
      this.#onGreeting(this.#plain.greeting);
    }
  }

  #readPlain(handshake: Handshake<Frame> | undefined): DecodedMessage | undefined {
    try {
      return this.#decoder.read();
    } catch (error) {
      handshake?.onUndecodable();
      throw error;
    }
  }

  ended(): SerpyError | undefined {
    return this.#handshake && !this.#handshake.decodesPlain ? undefined : this.#decoder.ended();
  }

  tick(nowMs: number): void {
    const session = this.#handshake?.active;
    if (session === undefined) this.#handshake?.tick(nowMs);
    else session.tick(nowMs);
  }

  /** Answers a probe, and offers a session with the answer, or says that there are none. */
  answerProbe(nowMs: number): void {
    this.#output.write(probeAnswer);
    if (this.#needsHandshake()) this.#handshake?.offer(nowMs);
    else this.#output.write(probeAnswer); // no session is to be requested
  }

  /** At a client: the server has answered the probe after the client had decided for v2. Declines an offer that no frame has declined. */
  probeAnsweredLate(): void {
    if (this.#needsHandshake()) return;
    this.#plain.declinesOffer = true;
    if (this.#plain.plainSent === 0) this.#output.write(probeAnswer);
  }

  /**
   * At a client: the server has answered the probe. Requests a session, or declines the one that the server offers.
   * @param rest the bytes that arrived with the answer
   */
  probeAnswered(nowMs: number, rest: Buffer): void {
    if (rest.length >= probeAnswer.length && probeAnswer.compare(rest, 0, probeAnswer.length) === 0) {
      this.#plain.declinesOffer = true; // swallows the frame
      if (this.#options.session !== 'require') {
        this.linkUpPlain(nowMs);
        return;
      }
    }
    if (!this.#needsHandshake()) {
      this.#plain.declinesOffer = true;
      this.#output.write(probeAnswer);
    }
    this.#handshake?.serverAnswered();
    this.linkUp(nowMs);
  }

  #onGreeting({ kind, payload }: Greeting): void {
    this.#plain.greeting = undefined;
    if (kind !== 'hello' && this.#plain.declinesOffer) {
      this.#plain.declinesOffer = false;
      return;
    }
    if (kind === 'hello' && this.#role === 'server' && this.#handshake === undefined && this.#plain.canStartSession) {
      this.#handshake = this.#newHandshake();
      this.#handshake.linkUp(this.#plain.nowMs);
    }
    const isAccepted = this.#handshake?.onGreeting(kind, payload, () => this.#decoder.drain());
    if (!isAccepted) this.#decoder.warnOfGreeting(payload);
  }

  #needsHandshake(): boolean {
    const { session } = this.#options;
    return session !== undefined && session !== 'off';
  }

  #checkLevel(level: string): void {
    if (level !== 'received' && level !== 'consumed') {
      throw new OptionError(
        `the option acknowledge takes 'received', 'consumed' or true, not ${JSON.stringify(level)}`,
      );
    }
    this.#requireSession('the option acknowledge');
  }

  /** Throws if there is no session and none can start on this link any more. */
  #requireSession(what: string): void {
    this.#awaitSession();
    if (!this.#handshake?.canAcknowledge) throw this.#noSessionError(what);
  }

  /** The program uses a feature of sessions: a server sends nothing until its client had time to start one. */
  #awaitSession(): void {
    if (this.#handshake === undefined && this.#role === 'server' && this.#plain.canStartSession) {
      this.#handshake = this.#newHandshake();
      this.#handshake.linkUp(this.#plain.nowMs);
    }
    this.#handshake?.requireSession(this.#plain.nowMs);
  }

  #noSessionError(what: string): OptionError {
    const isOff = this.#options.session === undefined || this.#options.session === 'off';
    return noSessionError(what, isOff ? "this connection has session: 'off'" : 'the peer uses v2 without a session');
  }

  /** Whether a part belongs to this session. A stream that began in another session cannot continue, because the peer does not know it. */
  #isInSession({ kind, id }: StreamPart | RequestPart, createdIn: unknown): boolean {
    const session = this.#handshake?.epoch as object;
    if (kind === 'request') return true;
    if (kind !== 'begin' && kind !== 'data' && kind !== 'end' && kind !== 'abort') return session === createdIn;
    this.#streams ??= new Map();
    if (kind === 'begin') this.#streams.set(id, session);
    const isSame = this.#streams.get(id) === session;
    if (kind === 'end' || kind === 'abort') this.#streams.delete(id);
    return isSame;
  }

  #newHandshake(): Handshake<Frame> {
    const settings = handshakeSettings(this.#options);
    return new Handshake<Frame>(this.#role, settings, this.#output, this.#plain, this.#sessions);
  }

  #newDecoder(): Decoder {
    const decoder = new Decoder(this.#options.maxMessageBytes, this.#output, this.#plain);
    this.#plain.decoder = decoder;
    return decoder;
  }
}

/** The payload of a broadcast: one copy and one checksum for all connections. */
class SharedPayload implements Payload {
  readonly type: Payload['type'];
  readonly prefix?: Uint8Array;
  readonly bytes: Uint8Array;
  #sum: number | undefined;

  constructor(value: Value) {
    const { type, prefix, bytes } = encodeValue(value);
    this.type = type;
    if (prefix !== undefined) this.prefix = prefix;
    this.bytes = bytes === value || prefix !== undefined ? Buffer.from(bytes) : bytes;
    markInUse(this.bytes); // a session that is lost reports it to the program
  }

  get sum(): number {
    this.#sum ??= sumOf(this.prefix, this.bytes);
    return this.#sum;
  }
}

/** Adds metadata to a frame. Until it is sent, its size includes them. */
function describedFrame(frame: Frame, about: About): Frame {
  const { type, prefix, sizeBytes } = frame;
  const head = encodeAboutHead(about, type);
  return { ...frame, sizeBytes: sizeBytes + head.length, about: { head, type, prefix, sizeBytes } };
}

/** Makes a frame one with or without its metadata. The object stays the same, as others refer to it. */
function setForm(frame: Frame, { head, type, prefix, sizeBytes }: AboutForm, isCarried: boolean): void {
  const carried = { type: aboutType, prefix: prefix ? Buffer.concat([head, prefix]) : head };
  Object.assign(frame, isCarried ? { ...carried, sizeBytes: sizeBytes + head.length } : { type, prefix, sizeBytes });
}

function payloadBytesOf({ prefix, payload }: Frame): number {
  return (prefix?.length ?? 0) + payload.length;
}

function sumOf(prefix: Uint8Array | undefined, payload: Uint8Array): number {
  return checksum(payload, prefix === undefined ? 0 : checksum(prefix));
}
