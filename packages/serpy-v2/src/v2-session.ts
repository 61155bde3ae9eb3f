/** A v2 conversation: every message is one frame, and there are no answers, unless a handshake has made a session of it. */
import {
  ConnectionLostError,
  MessageTooLargeError,
  OptionError,
  type OutboundMessage,
  type ResumableSession,
  type Role,
  type SerpyError,
  type Session,
  type SessionHost,
  type StreamPart,
} from 'serpy-core';
import { Decoder } from './decoder.js';
import { Handshake } from './handshake/handshake.js';
import { handshakeSettings, type SessionOptions } from './handshake/handshake-options.js';
import { detectGreeting, maxGreetingBytes } from './handshake/hello-welcome.js';
import type { UnknownMessage } from './reliable/sender.js';
import { detachedBufferError } from './reliable/sender-errors.js';
import { encodeStreamFrame } from './reliable/stream-frame.js';
import { noSessionError } from './session/session-errors.js';
import { SessionRegistry } from './session/session-registry.js';
import { type DecodedMessage, encodeValue, messageOf, type Value } from './values/values.js';
import { checksum } from './wire/checksum.js';
import { copyBelowBytes, frameType, headerBytes, streamType } from './wire/constants.js';
import { writeHeader } from './wire/header.js';

export type { SessionOptions } from './handshake/handshake-options.js';

/** What `sendData` may wait for, after a handshake. */
export interface AcknowledgeOption {
  /**
   * `'received'`: the message has arrived at the peer; `'consumed'`: the program there has consumed it. A peer whose queue was told to drop
   * (`receiveQueue.whenFull`, `keep: 'latest'`) acknowledges what it has dropped as well. Default: not waited for.
   */
  readonly acknowledge?: 'received' | 'consumed' | undefined;
}

/** A frame on its way out. */
export interface Frame extends OutboundMessage {
  /** A number of `frameType`. */
  readonly type: number;
  /** What goes before the payload, and counts as a part of it: never changed, and only there before a big one. */
  readonly prefix: Uint8Array | undefined;
  payload: Uint8Array;
  /** Whether the payload is memory of ours. */
  owned: boolean;
  /** Of a big payload, which is not copied: if it changes before it has left, the peer notices. Left to be made where a session was on. */
  readonly sum: number | undefined;
  readonly level: 'received' | 'consumed' | undefined;
  /** Where it ends in the session's stream, once it is in it. */
  endOffset: number;
  /** It is no message, but a part of a stream. */
  readonly part?: StreamPart;
  /** The session in which it was made, of a word to the sender of a stream: in another one, that number is another stream's. */
  readonly session?: unknown;
}

export class V2Session implements Session<Value, AcknowledgeOption, DecodedMessage, Frame> {
  readonly #options: SessionOptions;
  readonly #output: SessionHost<Frame>;
  readonly #role: Role;
  readonly #sessions: SessionRegistry<Handshake<Frame>>;
  #decoder: Decoder;
  #handshake: Handshake<Frame> | undefined;
  /** A greeting that the decoder has come upon. */
  #greeting: { readonly kind: 'hello' | 'welcome'; readonly payload: Buffer } | undefined;
  /** The streams that are being sent, each with the session that it has begun in. */
  readonly #streams = new Map<number, object>();
  #nowMs = 0;
  #plainReceived = 0;
  #plainSent = 0;

  /** @param sessions those of the server; a client needs none */
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
    this.#decoder = this.#newDecoder();
    if (role === 'client' && this.#needsHandshake()) this.#handshake = this.#newHandshake();
  }

  get canSend(): boolean {
    return this.#handshake === undefined || this.#handshake.canSend;
  }

  get deadlineMs(): number | undefined {
    return this.#handshake?.deadlineMs;
  }

  get resumable(): ResumableSession | undefined {
    return this.#handshake?.resumable;
  }

  get midFrame(): boolean {
    const handshake = this.#handshake;
    return handshake === undefined || handshake.decodesPlain ? this.#decoder.midFrame : handshake.midFrame;
  }

  /** Plain v2 has no answers, so nothing is ever proved. */
  get unacknowledgedMessages(): number {
    return this.#handshake?.established ? 0 : this.#plainSent;
  }

  get partialBytes(): number {
    return this.#decoder.partialBytes + (this.#handshake?.partialBytes ?? 0);
  }

  /**
   * The frame of a value.
   * @throws `ERR_SERPY_VALUE`, `ERR_SERPY_INTEGER_RANGE`, `ERR_SERPY_TOO_LARGE`, `ERR_SERPY_OPTION`
   */
  encode(value: Value, options: AcknowledgeOption = {}): Frame {
    const { type, prefix, bytes } = encodeValue(value);
    const payloadBytes = (prefix?.length ?? 0) + bytes.length;
    const level = options.acknowledge;
    if (level !== undefined) this.#checkLevel(level);
    const maxBytes = this.#handshake
      ? Math.min(this.#options.maxMessageBytes, this.#handshake.peerMaxMessageBytes)
      : this.#options.maxMessageBytes;
    if (payloadBytes > maxBytes) throw new MessageTooLargeError('the message', payloadBytes, maxBytes);
    return {
      type: frameType[type],
      prefix,
      payload: bytes,
      owned: bytes !== value && prefix === undefined,
      sum: payloadBytes < copyBelowBytes || this.#handshake?.established ? undefined : sumOf(prefix, bytes),
      sizeBytes: headerBytes + payloadBytes,
      level,
      endOffset: 0,
      awaitsAck: level !== undefined,
    };
  }

  /** The frame of a part of a stream. Throws `ERR_SERPY_OPTION` where there is no session. */
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
      part,
      session: part.kind === 'stop' ? this.#handshake?.resumable.epoch : undefined,
    };
  }

  /** A small payload may change as soon as `sendData` has returned. */
  snapshot(frame: Frame): void {
    if (frame.owned || frame.payload.length >= copyBelowBytes) return;
    frame.payload = Buffer.from(frame.payload);
    frame.owned = true;
  }

  send(frame: Frame): void {
    if (payloadBytesOf(frame) !== frame.sizeBytes - headerBytes) {
      const error = detachedBufferError(frame.sizeBytes - headerBytes);
      this.#output.rejected(frame, error);
      this.#output.warn(error);
      return;
    }
    if (this.#handshake?.established) {
      if (frame.part === undefined || this.#isInSession(frame.part, frame.session)) this.#handshake.send(frame);
      else
        this.#output.rejected(
          frame,
          new ConnectionLostError('the session was lost in the middle of the stream: send it again'),
        );
      return;
    }
    if (frame.level !== undefined) {
      const what = frame.part ? 'a stream' : 'the option acknowledge';
      this.#output.rejected(frame, noSessionError(what, 'the peer is a plain v2 program'));
      return;
    }
    this.#plainSent++;
    const { type, prefix, payload, sum, sizeBytes } = frame;
    if (payload.length < copyBelowBytes) {
      const { buffer, offset } = this.#output.reserve(sizeBytes);
      writeHeader(buffer, offset, type, checksum(payload), payload.length);
      buffer.set(payload, offset + headerBytes);
    } else {
      const { buffer: memory, offset: start } = this.#output.reserve(sizeBytes - payload.length);
      writeHeader(memory, start, type, sum ?? sumOf(prefix, payload), sizeBytes - headerBytes);
      if (prefix !== undefined) memory.set(prefix, start + headerBytes);
      this.#output.write(payload);
    }
  }

  cancelAck(frame: Frame): void {
    this.#handshake?.cancelAck(frame);
  }

  get gathered(): boolean {
    return this.#handshake?.hasBatched ?? false;
  }

  flush(): void {
    this.#handshake?.flush();
  }

  reconnects(is: boolean): void {
    this.#handshake?.reconnects(is);
  }

  linkUp(nowMs = 0): void {
    this.#nowMs = nowMs;
    if (this.#needsHandshake()) this.#handshake ??= this.#newHandshake();
    this.#handshake?.linkUp(nowMs);
  }

  linkDown(): void {
    this.#decoder = this.#newDecoder();
    this.#greeting = undefined;
    this.#plainReceived = 0;
    this.#plainSent = 0;
    this.#handshake?.linkDown();
  }

  receive(chunk: Buffer, nowMs = 0): void {
    this.#nowMs = nowMs;
    if (this.#handshake === undefined || this.#handshake.decodesPlain) this.#decoder.push(chunk);
    else this.#handshake.receive(chunk, nowMs);
  }

  target(leastBytes: number): Buffer | undefined {
    const handshake = this.#handshake;
    const decodesPlain = handshake === undefined || handshake.decodesPlain;
    return decodesPlain ? this.#decoder.target(leastBytes) : handshake.target(leastBytes);
  }

  filled(count: number, nowMs = 0): boolean {
    this.#nowMs = nowMs;
    const handshake = this.#handshake;
    const decodesPlain = handshake === undefined || handshake.decodesPlain;
    return decodesPlain ? this.#decoder.filled(count) : handshake.filled(count, nowMs);
  }

  retainUnread(): void {
    this.#decoder.retainUnread();
    this.#handshake?.retainUnread();
  }

  read(): DecodedMessage | undefined {
    for (;;) {
      const handshake = this.#handshake;
      const held = handshake?.readHeld();
      if (held !== undefined) return held;
      if (handshake !== undefined && !handshake.decodesPlain) {
        const message = handshake.read();
        if (message !== undefined || !handshake.decodesPlain) return message;
      }
      const message = this.#readPlain(handshake);
      if (message !== undefined) {
        handshake?.onPlainMessage();
        this.#plainReceived++;
        return message;
      }
      if (this.#greeting === undefined) return undefined;
      this.#onGreeting(this.#greeting);
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
    this.#handshake?.tick(nowMs);
  }

  #onGreeting({ kind, payload }: { readonly kind: 'hello' | 'welcome'; readonly payload: Buffer }): void {
    this.#greeting = undefined;
    if (kind === 'hello' && this.#role === 'server' && this.#handshake === undefined && this.#canStartSession) {
      this.#handshake = this.#newHandshake();
      this.#handshake.linkUp(this.#nowMs);
    }
    const understood = this.#handshake?.onGreeting(kind, payload, () => this.#decoder.drain());
    if (!understood) this.#decoder.warnOfGreeting(payload);
  }

  #needsHandshake(): boolean {
    const { session } = this.#options;
    return session !== undefined && session !== 'off';
  }

  #checkLevel(level: string): void {
    if (level !== 'received' && level !== 'consumed') {
      throw new OptionError(`the option acknowledge takes 'received' or 'consumed', not ${JSON.stringify(level)}`);
    }
    this.#requireSession('the option acknowledge');
  }

  /** Throws where there is no session, nor can be one yet. */
  #requireSession(what: string): void {
    if (this.#handshake === undefined && this.#role === 'server' && this.#canStartSession) {
      this.#handshake = this.#newHandshake();
      this.#handshake.linkUp(this.#nowMs);
    }
    this.#handshake?.requireSession(this.#nowMs);
    if (!this.#handshake?.canAcknowledge) throw this.#noSessionError(what);
  }

  /** Whether a client may yet begin a session on this link. */
  get #canStartSession(): boolean {
    const { session } = this.#options;
    return session !== undefined && session !== 'off' && this.#plainReceived === 0;
  }

  #noSessionError(what: string): OptionError {
    const isOff = this.#options.session === undefined || this.#options.session === 'off';
    return noSessionError(what, isOff ? "this connection has session: 'off'" : 'the peer has not begun one');
  }

  /** A stream that has begun in another session is not gone on with: the peer would not know it. */
  #isInSession({ kind, id }: StreamPart, createdIn: unknown): boolean {
    const session = this.#handshake?.resumable.epoch as object;
    if (kind === 'stop') return session === createdIn;
    if (kind === 'begin') this.#streams.set(id, session);
    const isSame = this.#streams.get(id) === session;
    if (kind === 'end' || kind === 'abort') this.#streams.delete(id);
    return isSame;
  }

  #newHandshake(): Handshake<Frame> {
    const settings = handshakeSettings(this.#options);
    const session = this;
    const host = {
      get plainReceived() {
        return session.#plainReceived;
      },
      get plainSent() {
        return session.#plainSent;
      },
      pushPlain: (bytes: Buffer) => this.#decoder.push(bytes),
      toValue: (message: UnknownMessage) => (message.type === streamType ? undefined : messageOf(message)),
    };
    return new Handshake<Frame>(this.#role, settings, this.#output, host, this.#sessions);
  }

  #newDecoder(): Decoder {
    const { maxMessageBytes, session: mode = 'off' } = this.#options;
    if (mode === 'off') return new Decoder(maxMessageBytes, this.#output);
    const session = this;
    return new Decoder(maxMessageBytes, this.#output, {
      get maxBytes() {
        const mayCome = session.#role === 'server' ? session.#canStartSession : session.#plainSent === 0;
        return mayCome ? maxGreetingBytes : 0;
      },
      detect: (stated, sum, payload) => {
        const kind = detectGreeting(stated, sum, payload);
        if (kind !== undefined) this.#greeting = { kind, payload: Buffer.from(payload) };
        return kind !== undefined;
      },
    });
  }
}

function payloadBytesOf({ prefix, payload }: Frame): number {
  return (prefix?.length ?? 0) + payload.length;
}

function sumOf(prefix: Uint8Array | undefined, payload: Uint8Array): number {
  return checksum(payload, prefix === undefined ? 0 : checksum(prefix));
}
