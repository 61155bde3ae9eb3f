/** A v2 conversation: every message is one frame, and there are no answers, unless a handshake has made a session of it. */
import {
  type LastingSession,
  MessageTooLargeError,
  OptionError,
  type Outgoing,
  type QueueOptions,
  type Role,
  type SerpyError,
  type Session,
  type SessionOutput,
} from 'serpy-core';
import { checksum } from './checksum.js';
import { Decoder } from './decoder.js';
import { greetingKind } from './handshake/greeting.js';
import { Handshake } from './handshake/handshake.js';
import { Sessions } from './handshake/sessions.js';
import type { HandshakeOptions } from './handshake/settings.js';
import { numberedBit } from './handshake/wire.js';
import { writeHeader } from './header.js';
import { type DecodedMessage, decodeValue, encodeValue, type Message, type Value } from './values.js';
import { copiedPayloadBytes, frameType, headerBytes } from './wire.js';

/** What `sendData` may wait for, after a handshake. */
export interface AcknowledgeOption {
  /** `'received'`: the message is in the peer's queue; `'processed'`: the application there has taken it. Default: not waited for. */
  readonly acknowledge?: 'received' | 'processed' | undefined;
}

/** A frame on its way out. */
export interface Frame extends Outgoing {
  /** A number of `frameType`. */
  readonly type: number;
  /** What goes before the payload, and counts as a part of it: never changed, and only there before a big one. */
  readonly head: Uint8Array | undefined;
  payload: Uint8Array;
  /** Whether the payload is memory of ours. */
  owned: boolean;
  /** Of a big payload, which is not copied: if it changes before it has left, the peer notices. Left to be made where a session was on. */
  readonly sum: number | undefined;
  readonly level: 'received' | 'processed' | undefined;
}

/** What a session goes by. */
export interface SessionOptions extends Partial<HandshakeOptions> {
  readonly maxMessageBytes: number;
  readonly autoRestart?: boolean;
  readonly receiveQueue?: QueueOptions;
  readonly handshakeTimeoutMs?: number;
}

export class V2Session implements Session<Value, AcknowledgeOption, DecodedMessage, Frame> {
  readonly #options: SessionOptions;
  readonly #output: SessionOutput<Frame>;
  readonly #role: Role;
  readonly #sessions: Sessions<Handshake<Frame>>;
  #decoder: Decoder;
  #handshake: Handshake<Frame> | undefined;
  /** A greeting that the decoder has come upon. */
  #greeting: { readonly kind: 'hello' | 'welcome'; readonly payload: Buffer } | undefined;
  #nowMs = 0;
  #plainReceived = 0;
  #plainSent = 0;

  /** @param sessions those of the server; a client needs none */
  constructor(
    options: SessionOptions,
    output: SessionOutput<Frame>,
    role: Role = 'client',
    sessions = new Sessions<Handshake<Frame>>(),
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

  get lasting(): LastingSession | undefined {
    return this.#handshake?.lasting;
  }

  /**
   * The frame of a value.
   * @throws `ERR_SERPY_VALUE`, `ERR_SERPY_INTEGER_RANGE`, `ERR_SERPY_TOO_LARGE`, `ERR_SERPY_OPTION`
   */
  encode(value: Value, options: AcknowledgeOption = {}): Frame {
    const { type, head, bytes } = encodeValue(value);
    const payloadBytes = (head?.length ?? 0) + bytes.length;
    const level = options.acknowledge;
    if (level !== undefined) this.#checkLevel(level);
    const most = this.#handshake
      ? Math.min(this.#options.maxMessageBytes, this.#handshake.peerMaxMessageBytes)
      : this.#options.maxMessageBytes;
    if (payloadBytes > most) throw new MessageTooLargeError('the message', payloadBytes, most);
    return {
      type: frameType[type],
      head,
      payload: bytes,
      owned: bytes !== value && head === undefined,
      sum: payloadBytes < copiedPayloadBytes || this.#handshake?.on ? undefined : sumOf(head, bytes),
      sizeBytes: headerBytes + payloadBytes,
      level,
      acknowledged: level !== undefined,
    };
  }

  /** A small payload may change as soon as `sendData` has returned. */
  hold(frame: Frame): void {
    if (frame.owned || frame.payload.length >= copiedPayloadBytes) return;
    frame.payload = Buffer.from(frame.payload);
    frame.owned = true;
  }

  send(frame: Frame): void {
    if (this.#handshake?.on) {
      this.#handshake.send(frame);
      return;
    }
    if (frame.level !== undefined) {
      this.#output.rejected(frame, noSession('the peer is a plain v2 program'));
      return;
    }
    this.#plainSent++;
    const { type, head, payload, sum, sizeBytes } = frame;
    if (payload.length < copiedPayloadBytes) {
      const { memory, start } = this.#output.reserve(sizeBytes);
      writeHeader(memory, start, type, checksum(payload), payload.length);
      memory.set(payload, start + headerBytes);
    } else {
      const { memory, start } = this.#output.reserve(sizeBytes - payload.length);
      writeHeader(memory, start, type, sum ?? sumOf(head, payload), sizeBytes - headerBytes);
      if (head !== undefined) memory.set(head, start + headerBytes);
      this.#output.write(payload);
    }
  }

  forget(): void {}

  up(nowMs = 0): void {
    this.#nowMs = nowMs;
    if (this.#needsHandshake()) this.#handshake ??= this.#newHandshake();
    this.#handshake?.up(nowMs);
  }

  lost(): void {
    this.#decoder = this.#newDecoder();
    this.#greeting = undefined;
    this.#plainReceived = 0;
    this.#plainSent = 0;
    this.#handshake?.lost();
  }

  receive(chunk: Buffer, nowMs = 0): void {
    this.#nowMs = nowMs;
    if (this.#handshake === undefined || this.#handshake.readsPlain) this.#decoder.push(chunk);
    else this.#handshake.receive(chunk, nowMs);
  }

  keep(): void {
    this.#decoder.keep();
    this.#handshake?.keep();
  }

  read(): DecodedMessage | undefined {
    for (;;) {
      const handshake = this.#handshake;
      if (handshake !== undefined && !handshake.readsPlain) {
        const whole = handshake.read();
        if (whole !== undefined)
          return handshake.judged(() => decodeValue(whole.type & ~numberedBit, whole.payload, whole.end));
        if (!handshake.readsPlain) return undefined;
      }
      const message = this.#decoder.read();
      if (message !== undefined) {
        handshake?.heardPlain();
        this.#plainReceived++;
        return message;
      }
      if (this.#greeting === undefined) return undefined;
      this.#greeted(this.#greeting);
    }
  }

  ended(): SerpyError | undefined {
    return this.#handshake && !this.#handshake.readsPlain ? undefined : this.#decoder.ended();
  }

  tick(nowMs: number): void {
    this.#handshake?.tick(nowMs);
  }

  #greeted({ kind, payload }: { readonly kind: 'hello' | 'welcome'; readonly payload: Buffer }): void {
    this.#greeting = undefined;
    if (kind === 'hello' && this.#role === 'server' && this.#handshake === undefined && this.#plainReceived === 0) {
      this.#handshake = this.#newHandshake();
      this.#handshake.up(this.#nowMs);
    }
    const understood = this.#handshake?.greeted(kind, payload, () => this.#decoder.takeRest());
    if (!understood) this.#decoder.warnOfGreeting(payload);
  }

  #needsHandshake(): boolean {
    const { handshake } = this.#options;
    if (handshake === undefined || handshake === 'off') return false;
    return this.#role === 'client' || handshake === 'require' || this.#sessions.any;
  }

  #checkLevel(level: string): void {
    if (level !== 'received' && level !== 'processed') {
      throw new OptionError(`the option acknowledge takes 'received' or 'processed', not ${JSON.stringify(level)}`);
    }
    if (this.#handshake?.mayAcknowledge) return;
    const why =
      this.#options.handshake === undefined || this.#options.handshake === 'off'
        ? "this connection has handshake: 'off'"
        : 'the peer has not begun one';
    throw noSession(why);
  }

  #newHandshake(): Handshake<Frame> {
    const { maxMessageBytes, receiveQueue, autoRestart = false, handshakeTimeoutMs = 5_000 } = this.#options;
    const settings = {
      handshake: this.#options.handshake ?? 'off',
      helloTimeoutMs: this.#options.helloTimeoutMs ?? 500,
      handshakeTimeoutMs,
      pingIntervalMs: this.#options.pingIntervalMs ?? 5_000,
      silenceTimeoutMs: this.#options.silenceTimeoutMs ?? 15_000,
      resumeWindowMs: this.#options.resumeWindowMs ?? 120_000,
      replay: this.#options.replayQueue ?? { maxMessages: 4096, maxBytes: 64 * 1024 * 1024 },
      maxMessageBytes,
      autoRestart,
      window: {
        maxMessages: receiveQueue?.maxMessages ?? 1000,
        maxBytes: receiveQueue?.maxBytes ?? 16 * 1024 * 1024,
        drops: receiveQueue !== undefined && receiveQueue.whenFull !== 'block',
      },
    };
    const session = this;
    const owner = {
      get plainReceived() {
        return session.#plainReceived;
      },
      get plainSent() {
        return session.#plainSent;
      },
      pushPlain: (bytes: Buffer) => this.#decoder.push(bytes),
      valueOf: messageOf,
    };
    return new Handshake<Frame>(this.#role, settings, this.#output, owner, this.#sessions);
  }

  #newDecoder(): Decoder {
    return new Decoder(this.#options.maxMessageBytes, this.#output, (stated, sum, payload) => {
      if (this.#options.handshake === undefined || this.#options.handshake === 'off') return false;
      const kind = greetingKind(stated, sum, payload);
      if (kind === undefined) return false;
      this.#greeting = { kind, payload: Buffer.from(payload) };
      return true;
    });
  }
}

function noSession(why: string): OptionError {
  return new OptionError(
    `the option acknowledge needs a session, and ${why}: use handshake: 'prefer' or 'require' at both ends`,
  );
}

function sumOf(head: Uint8Array | undefined, payload: Uint8Array): number {
  return checksum(payload, head === undefined ? 0 : checksum(head));
}

function messageOf({ type, head, payload }: Frame): Message {
  const bytes = head
    ? Buffer.concat([head, payload])
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const { type: name, value } = decodeValue(type, bytes);
  return { type: name, value } as Message;
}
