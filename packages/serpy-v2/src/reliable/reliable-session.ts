/**
 * A session's reliable stream of bytes in each direction, over any number of links: records come in, messages come out, and what the ends
 * tell each other is written when there is a link.
 */
import { PeerTimeoutError, ProtocolError, type SessionHost } from 'serpy-core';
import type { SessionFrames } from '../decoder.js';
import type { DecodedMessage } from '../values/values.js';
import { Heartbeat, type HeartbeatTimes } from './heartbeat.js';
import { ackDelayMs, type Delivered, Receiver, type Window } from './receiver.js';
import {
  criticalBit,
  maxControlBytes,
  readUint64,
  recordCheck,
  recordHeaderBytes,
  recordType,
  truncateUtf8,
  writeCheck,
  writeRecordHeader,
  writeUint64,
} from './record.js';
import { CorruptRecordError, RecordReader } from './record-reader.js';
import { type ReplayLimits, type Sendable, Sender } from './sender.js';

export interface ReliableSettings extends HeartbeatTimes {
  readonly maxMessageBytes: number;
  readonly window: Window;
  readonly replay: ReplayLimits;
}

/** What the peer says of itself when a link is up. */
export interface PeerTerms {
  readonly maxMessageBytes: number;
  readonly pingIntervalMs: number;
  /** This end may send up to here. */
  readonly limit: number;
}

/** Received, consumed, limit. */
const ackBytes = 24;

/** Behind them, where that has changed: how long the client may come back. */
const resumeTimeBytes = 8;
const pingBytes = 8;
const maxReasonBytes = 1024;

/** That many bytes of a record are progress; fewer, for that many times the peer's timeout, have a damaged length. */
const minProgressBytes = 1024;
const stallTimeoutFactor = 2;

/** No timer waits longer: one that should would fire at once. */
const maxTimerMs = 2 ** 31 - 1;

export class ReliableSession<Out extends Sendable> {
  readonly sender: Sender<Out>;
  readonly receiver: Receiver;
  /** The largest message that the peer takes. */
  peerMaxMessageBytes = Number.POSITIVE_INFINITY;
  /** What the peer said when it closed. */
  peerClose: { readonly reason: string } | undefined;
  /** How long the client may come back, in milliseconds, where it has said so since its HELLO. */
  peerResumeMs: number | undefined;
  readonly #host: SessionHost<Out>;
  readonly #settings: ReliableSettings;
  #reader = new RecordReader(true);
  #isChecked = true;
  readonly #place = (offset: number, length: number) => this.receiver.place(offset, length);
  #heartbeat: Heartbeat;
  /** While a record comes in, the peer hears of us that often. */
  #signMs = maxTimerMs;
  #nowMs = 0;
  #saidMs = 0;
  #ackAtMs: number | undefined;
  #pingAtMs: number | undefined;
  /** When it is to be looked at, as was stated. */
  #wakeMs: number | undefined;
  #pings = 0;
  /** The answer to the last PING, where it is not on the wire yet: of many that come at once only the last is answered. */
  #pong: Buffer | undefined;
  /** When a record was last whole, or came a good deal further, and how many bytes have come since. */
  #progressMs = 0;
  #minProgressBytes = 0;

  /** @param base what is added to the offsets of messages: they are larger than those of sessions before */
  constructor(settings: ReliableSettings, host: SessionHost<Out>, frames: SessionFrames, base = 0) {
    this.#settings = settings;
    this.#host = host;
    this.sender = new Sender(host, settings.replay);
    this.receiver = new Receiver(host, settings.maxMessageBytes, settings.window, frames, base);
    this.#heartbeat = new Heartbeat(settings);
  }

  /**
   * A link is up, and both ends know where they are.
   * @param isChecked whether records carry a check
   */
  linkUp(peer: PeerTerms, isChecked: boolean, nowMs: number): void {
    const { pingIntervalMs, peerTimeoutMs } = this.#settings;
    // The longer interval counts, so that no end is asked more often than it likes; but each is asked before its link is given up.
    const mostMs = peerTimeoutMs > 0 ? peerTimeoutMs / 2 : maxTimerMs;
    const askMs = pingIntervalMs > 0 ? Math.min(Math.max(pingIntervalMs, peer.pingIntervalMs), mostMs) : 0;
    this.#heartbeat = new Heartbeat({ pingIntervalMs: askMs, peerTimeoutMs });
    this.#heartbeat.onReceived(nowMs);
    this.#pingAtMs = this.#heartbeat.deadlineMs;
    this.#signMs = peer.pingIntervalMs > 0 ? peer.pingIntervalMs : mostMs;
    this.#nowMs = nowMs;
    this.#saidMs = nowMs;
    this.#progressMs = nowMs;
    this.#isChecked = isChecked;
    this.#reader = new RecordReader(isChecked, this.#place);
    this.#pong = undefined;
    this.#ackAtMs = undefined;
    this.#wakeMs = undefined;
    this.peerResumeMs = undefined;
    this.peerMaxMessageBytes = peer.maxMessageBytes;
    this.sender.linkUp(isChecked);
    this.sender.raiseLimit(peer.limit);
  }

  linkDown(): void {
    this.sender.linkDown();
    this.#reader.close();
    this.#ackAtMs = undefined;
    this.#pong = undefined;
  }

  push(bytes: Buffer, nowMs: number): void {
    this.#received(bytes.length, nowMs);
    this.#reader.push(bytes);
  }

  /** So many bytes were put where the reader's target is. @returns whether there is a record */
  filled(count: number, nowMs: number): boolean {
    this.#received(count, nowMs);
    return this.#reader.filled(count);
  }

  #received(count: number, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#heartbeat.onReceived(nowMs);
    this.#pingAtMs = this.#heartbeat.deadlineMs;
    this.#minProgressBytes += count;
    if (this.#minProgressBytes >= minProgressBytes) this.#progressed();
  }

  retainUnread(): void {
    this.receiver.retainUnread();
    this.#reader.keep();
  }

  get reader(): RecordReader {
    return this.#reader;
  }

  /** Memory that is held for what has come in part: a record, or the message that it belongs to. */
  get partialBytes(): number {
    return Math.max(this.#reader.heldBytes, this.receiver.partialBytes);
  }

  /**
   * The next message.
   * @throws `CorruptRecordError`, where the session resumes over another link; `ERR_SERPY_PROTOCOL`, `ERR_SERPY_TOO_LARGE`, where it is over
   */
  read(): DecodedMessage | undefined {
    for (;;) {
      const message = this.receiver.read();
      if (message !== undefined) return message;
      this.receiver.retainRest();
      if (!this.#reader.read()) {
        if (this.receiver.ackDue) this.#ackAtMs ??= this.#nowMs + ackDelayMs;
        return undefined;
      }
      this.#handle(this.#reader);
    }
  }

  /** Whether `flush` has something to write. */
  get hasBatched(): boolean {
    return this.sender.hasBatched || this.#pong !== undefined || this.receiver.ackNow;
  }

  /** The transport is about to send. */
  flush(): void {
    if (this.#pong) this.#writePong(this.#pong);
    if (this.receiver.ackNow) this.writeAck();
    this.sender.flush();
  }

  /** @param returnMs how long this client may come back, where that has changed since its HELLO */
  writeAck(returnMs?: number): void {
    const { received, consumed, limit } = this.receiver.takeAck();
    const payload = Buffer.alloc(returnMs === undefined ? ackBytes : ackBytes + resumeTimeBytes);
    writeUint64(payload, 0, received);
    writeUint64(payload, 8, consumed);
    writeUint64(payload, 16, limit);
    if (returnMs !== undefined) writeUint64(payload, ackBytes, returnMs);
    this.#write(recordType.ack, payload);
    this.#ackAtMs = undefined;
  }

  writeClose(reason: string): void {
    const words = truncateUtf8(Buffer.from(reason), maxReasonBytes);
    const payload = Buffer.alloc(8 + words.length);
    writeUint64(payload, 0, this.sender.end);
    payload.set(words, 8);
    this.#write(recordType.close, payload);
  }

  /**
   * The program has consumed a message, or a part of a stream.
   * @returns whether something changed in what is to be written, and when
   */
  consumed(message: Delivered, isPart: boolean): boolean {
    const { receiver } = this;
    const wasUrgent = receiver.ackNow;
    if (isPart) receiver.streamConsumed(message);
    else receiver.consumedUpTo(message);
    if (receiver.ackNow && !wasUrgent) return true;
    if (this.#ackAtMs !== undefined || !receiver.ackDue) return receiver.readable;
    this.#ackAtMs = this.#nowMs + ackDelayMs;
    return true;
  }

  /**
   * A PING may wait for as long as an acknowledgement does. What was stated once stays until it has come, also where nothing is due any
   * more: to move a timer for each acknowledgement takes longer than to look once too often.
   */
  get deadlineMs(): number | undefined {
    const dueMs = this.#ackAtMs ?? this.#pingAtMs;
    if (this.#wakeMs === undefined || (dueMs !== undefined && dueMs < this.#wakeMs)) this.#wakeMs = dueMs;
    return this.#wakeMs;
  }

  /** @throws `ERR_SERPY_TIMEOUT` when the peer has been silent for too long */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#wakeMs = undefined;
    if (this.#ackAtMs !== undefined && nowMs >= this.#ackAtMs) this.writeAck();
    const { peerTimeoutMs } = this.#settings;
    const isStuck = this.#reader.inRecord && nowMs >= this.#progressMs + stallTimeoutFactor * peerTimeoutMs;
    if (isStuck && peerTimeoutMs > 0) {
      throw new PeerTimeoutError(
        `a record of the peer has got no further for ${nowMs - this.#progressMs} ms, so the link is given up: its length was damaged in transit, or the line is nearly dead`,
      );
    }
    const look = this.#heartbeat.check(nowMs);
    this.#pingAtMs = this.#heartbeat.deadlineMs;
    switch (look) {
      case 'ask': {
        const payload = Buffer.alloc(pingBytes);
        writeUint64(payload, 0, ++this.#pings);
        this.#write(recordType.ping, payload);
        break;
      }
      case 'dead':
        throw new PeerTimeoutError(
          `the peer has been silent for ${peerTimeoutMs} ms (peerTimeoutMs), so the link is given up: is the cable in, and does the program there still run?`,
        );
    }
  }

  #writePong(payload: Buffer): void {
    this.#pong = undefined;
    this.#write(recordType.pong, payload);
  }

  #write(type: number, payload: Buffer): void {
    const { buffer: memory, offset: start } = this.#host.reserve(recordHeaderBytes + payload.length);
    writeRecordHeader(memory, start, type, payload.length, 0);
    if (this.#isChecked) writeCheck(memory, start, recordCheck(memory, start, payload, 0, payload.length));
    memory.set(payload, start + recordHeaderBytes);
    this.#saidMs = this.#nowMs;
  }

  #progressed(): void {
    this.#progressMs = this.#nowMs;
    this.#minProgressBytes = 0;
    // A record that takes long, over a slow line, must not make its sender wait for a sign of life.
    if (this.#nowMs - this.#saidMs >= this.#signMs) this.receiver.wantAck();
  }

  #handle({ type, offset, payload, ackRequested, isPlaced }: RecordReader): void {
    this.#progressed();
    switch (type) {
      case recordType.data:
        this.receiver.accept(offset, payload, ackRequested, isPlaced);
        return;
      case recordType.ack:
        if (payload.length < ackBytes) throw tooShort('ACK');
        this.sender.acknowledged(readUint64(payload, 0), readUint64(payload, 8), readUint64(payload, 16), this.#nowMs);
        if (payload.length >= ackBytes + resumeTimeBytes) this.peerResumeMs = readUint64(payload, ackBytes);
        return;
      case recordType.ping:
        this.#pong = Buffer.from(payload.subarray(0, pingBytes));
        return;
      case recordType.pong:
        return;
      case recordType.retract:
        if (payload.length < 8) throw tooShort('RETRACT');
        this.receiver.retract(offset, readUint64(payload, 0));
        return;
      case recordType.close: {
        if (payload.length < 8) throw tooShort('CLOSE');
        const end = readUint64(payload, 0);
        const { received } = this.receiver;
        if (end !== received)
          throw new CorruptRecordError(`the peer closed after byte ${end}, and ${received} is expected`);
        this.peerClose = { reason: payload.toString('utf8', 8, maxControlBytes) };
        return;
      }
      default:
        if (type & criticalBit)
          throw new ProtocolError(
            `the peer sent a record of type ${type} that this version does not know and must: use the same version of serpy at both ends`,
          );
    }
  }
}

function tooShort(name: string): ProtocolError {
  return new ProtocolError(`the peer sent a record that is too short for its type (${name})`);
}
