/**
 * The reliable session: a sender, a receiver, the heartbeat and the control records between both ends. It outlives its links; control records
 * are written only while a link is up.
 */
import { PeerTimeoutError, ProtocolError, type SessionHost } from 'serpy-core';
import type { SessionFrames } from '../decoder.js';
import type { DecodedMessage } from '../values/values.js';
import { Heartbeat, type HeartbeatTimes } from './heartbeat.js';
import { ackDelayMs, type Delivered, Receiver, type Window } from './receiver.js';
import {
  criticalBit,
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

/** What the peer stated in its HELLO or WELCOME. */
export interface PeerTerms {
  /** The largest message that it accepts. */
  readonly maxMessageBytes: number;
  readonly pingIntervalMs: number;
  /** This end may send the bytes before this offset. */
  readonly limit: number;
  /** Whether it reads messages with metadata. */
  readonly readsAbout?: boolean | undefined;
}

/** Payload of an ACK: received (8), consumed (8), limit (8). */
const ackBytes = 24;

/** Appended to an ACK if it has changed: how long the client may resume the session, in milliseconds (8). */
const resumeTimeBytes = 8;
const pingBytes = 8;
const maxReasonBytes = 1024;

/** Payloads that are copied when they are written: all sessions share their memory. */
const shortAck = Buffer.alloc(ackBytes);
const longAck = Buffer.alloc(ackBytes + resumeTimeBytes);
const ping = Buffer.alloc(pingBytes);

/** A record stalls if fewer than 1024 of its bytes arrive within 2 × `peerTimeoutMs`: its length is damaged. */
const minProgressBytes = 1024;
const stallTimeoutFactor = 2;

const nothing = Buffer.alloc(0);

/** The longest delay of a timer. A timer with a longer delay fires at once. */
const maxTimerMs = 2 ** 31 - 1;

export class ReliableSession<Out extends Sendable> {
  readonly sender: Sender<Out>;
  readonly receiver: Receiver;
  /** What the peer stated last. */
  peer: PeerTerms | undefined;
  /** Set when the peer has sent CLOSE. */
  peerClose: { readonly reason: string } | undefined;
  /** How long the client may resume the session, in milliseconds, if it has changed this since its HELLO. */
  peerResumeMs: number | undefined;
  /** The records of this link. */
  reader = new RecordReader(true);
  readonly #host: SessionHost<Out>;
  readonly #settings: ReliableSettings;
  #isChecked = true;
  #heartbeat: Heartbeat;
  /** Longest time without a sent record while a record is received: then an acknowledgement serves as heartbeat. */
  #maxQuietMs = maxTimerMs;
  #nowMs = 0;
  #writtenMs = 0;
  #ackAtMs: number | undefined;
  /** The deadline that the caller has last read from `deadlineMs`. */
  #wakeMs: number | undefined;
  #pings = 0;
  /** The payload of the last PING, and whether its answer is unsent. If several PINGs arrive together, only the last is answered. */
  #pong = nothing;
  #pongDue = false;
  /** Time of the last progress (a complete record, or 1024 bytes of one), and the bytes received since. */
  #progressMs = 0;
  #minProgressBytes = 0;

  /** @param base added to the offsets of messages, so that they exceed the offsets of earlier sessions */
  constructor(settings: ReliableSettings, host: SessionHost<Out>, frames: SessionFrames, base = 0) {
    this.#settings = settings;
    this.#host = host;
    this.sender = new Sender(host, settings.replay);
    this.receiver = new Receiver(host, settings.maxMessageBytes, settings.window, frames, base);
    this.#heartbeat = new Heartbeat(settings);
  }

  /**
   * A link is up, and both ends have agreed on the state of the session.
   * @param isChecked whether records carry a check
   */
  linkUp(peer: PeerTerms, isChecked: boolean, nowMs: number): void {
    const { pingIntervalMs, peerTimeoutMs } = this.#settings;
    // The longer interval of both ends applies, but at most half the timeout: a PING always precedes the timeout.
    const mostMs = peerTimeoutMs > 0 ? peerTimeoutMs / 2 : maxTimerMs;
    const askMs = pingIntervalMs > 0 ? Math.min(Math.max(pingIntervalMs, peer.pingIntervalMs), mostMs) : 0;
    this.#heartbeat = new Heartbeat({ pingIntervalMs: askMs, peerTimeoutMs });
    this.#heartbeat.onReceived(nowMs);
    this.#maxQuietMs = peer.pingIntervalMs > 0 ? peer.pingIntervalMs : mostMs;
    this.#nowMs = nowMs;
    this.#writtenMs = nowMs;
    this.#progressMs = nowMs;
    this.#isChecked = isChecked;
    this.reader = new RecordReader(isChecked, this.receiver);
    this.#pongDue = false;
    this.#ackAtMs = undefined;
    this.#wakeMs = undefined;
    this.peerResumeMs = undefined;
    this.peer = peer;
    this.sender.linkUp(isChecked);
    this.sender.raiseLimit(peer.limit);
  }

  linkDown(): void {
    this.sender.linkDown();
    this.reader.close();
    this.#ackAtMs = undefined;
    this.#pongDue = false;
  }

  push(bytes: Buffer, nowMs: number): void {
    this.#received(bytes.length, nowMs);
    this.reader.push(bytes);
  }

  /** `count` bytes were read into the reader's target. @returns whether a record is complete */
  filled(count: number, nowMs: number): boolean {
    this.#received(count, nowMs);
    return this.reader.filled(count);
  }

  #received(count: number, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#heartbeat.onReceived(nowMs);
    this.#minProgressBytes += count;
    if (this.#minProgressBytes >= minProgressBytes) this.#progressed();
  }

  retainUnread(): void {
    this.receiver.retainUnread();
    this.reader.keep();
  }

  /** Memory of the incomplete record, or of the incomplete message that it belongs to. */
  get partialBytes(): number {
    return Math.max(this.reader.heldBytes, this.receiver.partialBytes);
  }

  /**
   * The next message.
   * @throws `CorruptRecordError`: the session resumes over another link; `ERR_SERPY_PROTOCOL`, `ERR_SERPY_TOO_LARGE`: the session is over
   */
  read(): DecodedMessage | undefined {
    for (;;) {
      if (this.receiver.hasUnread) {
        const message = this.receiver.read();
        if (message !== undefined) return message;
        this.receiver.retainUnread(); // the next record reuses the memory of the last one
      }
      if (!this.reader.read()) {
        if (this.receiver.ackDue) this.#ackAtMs ??= this.#nowMs + ackDelayMs;
        return undefined;
      }
      this.#handle(this.reader);
    }
  }

  /** Whether `flush` has something to write. */
  get hasBatched(): boolean {
    return this.sender.hasBatched || this.#pongDue || this.receiver.ackNow;
  }

  /** The transport is about to send: writes all that waits for it. */
  flush(): void {
    if (this.#pongDue) this.#write(recordType.pong, this.#pong);
    this.#pongDue = false;
    if (this.receiver.ackNow) this.writeAck();
    this.sender.flush();
  }

  /** @param resumeMs how long this client may resume the session, if that has changed since its HELLO */
  writeAck(resumeMs?: number): void {
    const { received, consumed, limit } = this.receiver.takeAck();
    const payload = resumeMs === undefined ? shortAck : longAck;
    writeUint64(payload, 0, received);
    writeUint64(payload, 8, consumed);
    writeUint64(payload, 16, limit);
    if (resumeMs !== undefined) writeUint64(payload, ackBytes, resumeMs);
    this.#write(recordType.ack, payload);
    this.#ackAtMs = undefined;
  }

  writeClose(reason: string): void {
    const text = truncateUtf8(Buffer.from(reason), maxReasonBytes);
    const payload = Buffer.alloc(8 + text.length);
    writeUint64(payload, 0, this.sender.end);
    payload.set(text, 8);
    this.#write(recordType.close, payload);
  }

  /**
   * The program has consumed a message, or a part of a stream.
   * @param onlyFrees whether this consumes no earlier message: a part of a stream, or a message that a newer one replaced
   * @returns whether something is to be written or read now, or the deadline has changed
   */
  consumed(message: Delivered, onlyFrees: boolean): boolean {
    const { receiver } = this;
    const wasUrgent = receiver.ackNow;
    if (onlyFrees) receiver.streamConsumed(message);
    else receiver.consumedUpTo(message);
    if (receiver.ackNow && !wasUrgent) return true;
    if (this.#ackAtMs !== undefined || !receiver.ackDue) return receiver.readable;
    this.#ackAtMs = this.#nowMs + ackDelayMs;
    return true;
  }

  /**
   * Time of the next `tick`. A pending acknowledgement may delay a PING. A stated deadline stays until it passes, even if nothing is due
   * then: one superfluous `tick` costs less than to move a timer for each acknowledgement. Received bytes never bring the deadline of the
   * heartbeat forward.
   */
  get deadlineMs(): number | undefined {
    const ackAtMs = this.#ackAtMs;
    if (this.#wakeMs === undefined) this.#wakeMs = ackAtMs ?? this.#heartbeat.deadlineMs;
    else if (ackAtMs !== undefined && ackAtMs < this.#wakeMs) this.#wakeMs = ackAtMs;
    return this.#wakeMs;
  }

  /** @throws `ERR_SERPY_TIMEOUT` if the peer was silent for `peerTimeoutMs`, or a record has stalled */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#wakeMs = undefined;
    if (this.#ackAtMs !== undefined && nowMs >= this.#ackAtMs) this.writeAck();
    const { peerTimeoutMs } = this.#settings;
    const isStuck = this.reader.inRecord && nowMs >= this.#progressMs + stallTimeoutFactor * peerTimeoutMs;
    if (isStuck && peerTimeoutMs > 0) {
      throw new PeerTimeoutError(
        `a record of the peer has made no progress for ${nowMs - this.#progressMs} ms, so the link is closed: the length of the record was damaged in transit, or the network is almost blocked`,
      );
    }
    const action = this.#heartbeat.check(nowMs);
    switch (action) {
      case 'ask':
        writeUint64(ping, 0, ++this.#pings);
        this.#write(recordType.ping, ping);
        break;
      case 'dead':
        throw new PeerTimeoutError(
          `the peer has been silent for ${peerTimeoutMs} ms (peerTimeoutMs), so the link is closed. Check the cable, and that the program at the other end runs`,
        );
    }
  }

  #write(type: number, payload: Buffer): void {
    const { buffer: memory, offset: start } = this.#host.reserve(recordHeaderBytes + payload.length);
    writeRecordHeader(memory, start, type, payload.length, 0);
    if (this.#isChecked) writeCheck(memory, start, recordCheck(memory, start, payload, 0, payload.length));
    memory.set(payload, start + recordHeaderBytes);
    this.#writtenMs = this.#nowMs;
  }

  #progressed(): void {
    this.#progressMs = this.#nowMs;
    this.#minProgressBytes = 0;
    // While a long record arrives over a slow network, its sender needs acknowledgements as heartbeats.
    if (this.#nowMs - this.#writtenMs >= this.#maxQuietMs) this.receiver.ackNow = true;
  }

  #handle(record: RecordReader): void {
    this.#progressed();
    if (record.type === recordType.data) this.receiver.accept(record);
    else this.#handleControl(record);
  }

  /** Without a view of the payload: a peer may send nothing but small records. */
  #handleControl({ type, offset, bytes, start, end }: RecordReader): void {
    const length = end - start;
    switch (type) {
      case recordType.ack: {
        if (length < ackBytes) throw tooShort('ACK');
        const [received, consumed] = [readUint64(bytes, start), readUint64(bytes, start + 8)];
        this.sender.acknowledged(received, consumed, readUint64(bytes, start + 16), this.#nowMs);
        if (length >= ackBytes + resumeTimeBytes) this.peerResumeMs = readUint64(bytes, start + ackBytes);
        return;
      }
      case recordType.ping:
        if (this.#pong.length !== Math.min(length, pingBytes)) this.#pong = Buffer.alloc(Math.min(length, pingBytes));
        bytes.copy(this.#pong, 0, start, end);
        this.#pongDue = true;
        return;
      case recordType.pong:
        return;
      case recordType.retract:
        if (length < 8) throw tooShort('RETRACT');
        this.receiver.retract(offset, readUint64(bytes, start));
        return;
      case recordType.close: {
        if (length < 8) throw tooShort('CLOSE');
        const closedAt = readUint64(bytes, start);
        const { received } = this.receiver;
        if (closedAt !== received)
          throw new CorruptRecordError(
            `the peer closed the session after byte ${closedAt}, and byte ${received} is expected next`,
          );
        this.peerClose = { reason: bytes.toString('utf8', start + 8, end) };
        return;
      }
      default:
        if (type & criticalBit)
          throw new ProtocolError(
            `the peer sent a record of type ${type}, which is critical and unknown to this version: use the same version of serpy at both ends`,
          );
    }
  }
}

function tooShort(name: string): ProtocolError {
  return new ProtocolError(`the peer sent a record that is too short for its type (${name})`);
}
