/**
 * A session's course: both halves, and what the ends tell each other about them. It lives through any number of links; frames go in,
 * messages come out, and what is to be said is written when there is a link.
 */
import { PeerTimeoutError, type SessionHost } from 'serpy-core';
import { BatchReader } from './frames/batch.js';
import { batchType, controlType, readNumber, writeNumber } from './frames/constants.js';
import { controlFrame } from './frames/control-frame.js';
import { type Frame, FrameReader, maxControlBytes } from './frames/frame-reader.js';
import type { WholeMessage } from './frames/segment.js';
import { Heartbeat, type HeartbeatTimes } from './heartbeat.js';
import { ackDelayMs, Receiver, type Window } from './receiver.js';
import type { ResumeCredentials } from './resume-credentials.js';
import { type ReplayLimits, type Segmentable, Sender } from './sender.js';
import { SequenceGapError } from './session-errors.js';
import type { FlowLimits, SessionParameters } from './session-parameters.js';

export interface ReliableSessionSettings extends HeartbeatTimes {
  readonly maxMessageBytes: number;
  readonly window: Window;
  readonly replay: ReplayLimits;
}

/** Next expected, first not taken, and the limits: four numbers. */
const stateBytes = 32;

/** Behind them, where that has changed: how long the client may come back. */
const resumeTimeBytes = 8;
const pingBytes = 8;
const maxReasonBytes = 1024;

/** So many bytes of a frame are progress; fewer, for so many times the silence that ends a link, are signs of life that a damaged length has swallowed. */
const minProgressBytes = 1024;
const stallTimeoutFactor = 2;

/** No timer waits longer: one that should would fire at once. */
const maxTimerMs = 2 ** 31 - 1;

export class ReliableSession<Out extends Segmentable> {
  readonly credentials: ResumeCredentials;
  readonly sender: Sender<Out>;
  readonly receiver: Receiver;
  /** The largest message that the peer takes. */
  peerMaxMessageBytes = Number.POSITIVE_INFINITY;
  /** What the peer said when it closed. */
  peerClose: { readonly reason: string } | undefined;
  /** How long the client may come back, in milliseconds, where it has said so since its HELLO. */
  peerResumeMs: number | undefined;
  readonly #output: SessionHost<Out>;
  readonly #settings: ReliableSessionSettings;
  #reader: FrameReader;
  readonly #batch = new BatchReader();
  #heartbeat: Heartbeat;
  #nowMs = 0;
  #stateAtMs: number | undefined;
  #pings = 0;
  /** The answer to the last PING, where it is not on the wire yet: of many that come at once only the last is answered. */
  #pong: Buffer | undefined;
  /** When a frame was last whole, or came a good deal further, and how many bytes have come since. */
  #progressMs = 0;
  #progressBytes = 0;

  /** @param earlier how far the numbers of messages went in sessions before */
  constructor(
    credentials: ResumeCredentials,
    settings: ReliableSessionSettings,
    output: SessionHost<Out>,
    earlier = 0,
  ) {
    this.credentials = credentials;
    this.#settings = settings;
    this.#output = output;
    this.sender = new Sender(output, settings.replay);
    this.receiver = new Receiver(output, settings.maxMessageBytes, settings.window, earlier);
    this.#reader = new FrameReader(this.receiver);
    this.#heartbeat = new Heartbeat(settings);
  }

  /** A link is up, and both ends know where they are. */
  linkUp(peer: SessionParameters, nowMs: number): void {
    const { pingIntervalMs, peerTimeoutMs } = this.#settings;
    // The slower wish counts, so that nobody is asked more often than he likes; but everybody is asked before he is given up.
    const maxPingIntervalMs = peerTimeoutMs > 0 ? peerTimeoutMs / 2 : maxTimerMs;
    const pingMs = pingIntervalMs > 0 ? Math.min(Math.max(pingIntervalMs, peer.pingIntervalMs), maxPingIntervalMs) : 0;
    this.#heartbeat = new Heartbeat({ pingIntervalMs: pingMs, peerTimeoutMs });
    this.#heartbeat.onReceived(nowMs);
    this.#nowMs = nowMs;
    this.#progressMs = nowMs;
    this.#reader = new FrameReader(this.receiver);
    this.#batch.clear();
    this.#pong = undefined;
    this.#stateAtMs = undefined;
    this.peerResumeMs = undefined;
    this.peerMaxMessageBytes = peer.maxMessageBytes;
    this.raiseLimits(peer.limits);
  }

  raiseLimits(limits: FlowLimits): void {
    this.sender.raiseLimits(limits);
  }

  linkDown(): void {
    this.sender.linkDown();
    this.receiver.linkDown();
    this.#reader = new FrameReader(this.receiver); // what it held came over that link
    this.#stateAtMs = undefined;
  }

  push(bytes: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#heartbeat.onReceived(nowMs);
    this.#progressBytes += bytes.length;
    if (this.#progressBytes >= minProgressBytes) this.#progressed();
    this.#reader.push(bytes);
  }

  retainUnread(): void {
    this.#batch.retain();
    this.#reader.retainUnread();
  }

  get reader(): FrameReader {
    return this.#reader;
  }

  /** Memory that is held for what has come in part. */
  get partialBytes(): number {
    return this.#reader.partialBytes + this.receiver.partialBytes;
  }

  /** The next message that is whole. Throws as the reader and the halves do. */
  read(): WholeMessage | undefined {
    for (;;) {
      while (this.#batch.more) {
        const message = this.receiver.acceptBatched(this.#batch);
        if (message !== undefined) return message;
      }
      const frame = this.#reader.read();
      if (frame === undefined) return undefined;
      const message = this.#handle(frame);
      if (message !== undefined) return message;
    }
  }

  /** Whether something is to be written besides new messages. */
  get hasPending(): boolean {
    return this.#pong !== undefined || this.receiver.ackNow || this.sender.hasPending;
  }

  writeNext(): void {
    if (this.#pong) this.#writePong(this.#pong);
    else if (this.receiver.ackNow) this.writeState();
    else this.sender.writeNext();
  }

  /** @param returnMs how long this client may come back, where that has changed since its HELLO */
  writeState(returnMs?: number): void {
    const payload = Buffer.alloc(returnMs === undefined ? stateBytes : stateBytes + resumeTimeBytes);
    if (returnMs !== undefined) writeNumber(payload, stateBytes, returnMs);
    const { limits } = this.receiver;
    writeNumber(payload, 0, this.receiver.next);
    writeNumber(payload, 8, this.receiver.consumed);
    writeNumber(payload, 16, limits.messages);
    writeNumber(payload, 24, limits.bytes);
    this.#output.write(controlFrame(controlType.state, payload));
    this.receiver.announced();
    this.#stateAtMs = undefined;
  }

  #writePong(payload: Buffer): void {
    this.#pong = undefined;
    this.#output.write(controlFrame(controlType.pong, payload));
  }

  writeClose(reason: string): void {
    this.sender.flush();
    const reasonBytes = truncateUtf8(Buffer.from(reason), maxReasonBytes);
    const payload = Buffer.alloc(8 + reasonBytes.length);
    writeNumber(payload, 0, this.sender.next);
    payload.set(reasonBytes, 8);
    this.#output.write(controlFrame(controlType.close, payload));
  }

  get deadlineMs(): number | undefined {
    if (this.receiver.ackDue) this.#stateAtMs ??= this.#nowMs + ackDelayMs;
    const heartbeat = this.#heartbeat.deadlineMs;
    if (this.#stateAtMs === undefined) return heartbeat;
    return heartbeat === undefined ? this.#stateAtMs : Math.min(this.#stateAtMs, heartbeat);
  }

  /** @throws `ERR_SERPY_TIMEOUT` when the peer has been silent for too long */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#stateAtMs !== undefined && nowMs >= this.#stateAtMs) this.writeState();
    const { peerTimeoutMs } = this.#settings;
    const isStuck = this.#reader.midFrame && nowMs >= this.#progressMs + stallTimeoutFactor * peerTimeoutMs;
    if (isStuck && peerTimeoutMs > 0) {
      throw new PeerTimeoutError(
        `a message of the peer has got no further for ${nowMs - this.#progressMs} ms, so the link is given up: its length was damaged on the way, or the line is next to dead`,
      );
    }
    switch (this.#heartbeat.check(nowMs)) {
      case 'ping': {
        const payload = Buffer.alloc(pingBytes);
        writeNumber(payload, 0, ++this.#pings);
        this.#output.write(controlFrame(controlType.ping, payload));
        break;
      }
      case 'dead':
        throw new PeerTimeoutError(
          `the peer has been silent for ${peerTimeoutMs} ms (peerTimeoutMs), so the link is given up: is the cable in, and does the program there still run?`,
        );
    }
  }

  #progressed(): void {
    this.#progressMs = this.#nowMs;
    this.#progressBytes = 0;
  }

  #handle(frame: Frame): WholeMessage | undefined {
    this.#progressed();
    if (frame.kind === 'piece') {
      const { head, data, placed } = frame;
      if (head.type !== batchType) return this.receiver.accept(head, data, placed);
      this.#batch.open(head.number, head.flags, data);
      return undefined;
    }
    const { type, payload } = frame;
    switch (type) {
      case controlType.state:
        if (payload.length < stateBytes) break;
        this.sender.acknowledged(readNumber(payload, 0), readNumber(payload, 8));
        this.raiseLimits({ messages: readNumber(payload, 16), bytes: readNumber(payload, 24) });
        if (payload.length >= stateBytes + resumeTimeBytes) this.peerResumeMs = readNumber(payload, stateBytes);
        break;
      case controlType.ping:
        this.#pong = payload.subarray(0, pingBytes);
        break;
      case controlType.close: {
        const last = payload.length < 8 ? 0 : readNumber(payload, 0);
        if (last !== this.receiver.next)
          throw new SequenceGapError(`the peer closed after piece ${last}, and ${this.receiver.next} was expected`);
        this.peerClose = { reason: payload.toString('utf8', 8, maxControlBytes) };
      }
    }
    return undefined;
  }
}

/** So much of UTF-8 as fits, in whole characters. */
function truncateUtf8(text: Buffer, maxBytes: number): Buffer {
  let end = Math.min(text.length, maxBytes);
  while (end < text.length && ((text[end] as number) & 0xc0) === 0x80) end--;
  return text.subarray(0, end);
}
