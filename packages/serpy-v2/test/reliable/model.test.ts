/**
 * Both ends of a session against a model, a list of messages. For all chunk sizes and all places where a link is cut, the delivered messages are
 * a prefix of the sent ones, and all of them once a link lasts.
 */
import { fc, test } from 'serpy-contract-tests/properties';
import { RecordingHost, seededRandom } from 'serpy-core/testing';
import { expect } from 'vitest';
import { ReliableSession } from '../../src/reliable/reliable-session.js';
import type { Sendable } from '../../src/reliable/sender.js';
import { type DecodedMessage, decodeValue } from '../../src/values/values.js';
import { frameType, headerBytes } from '../../src/wire/constants.js';

const frames = {
  maxBytes: () => 1e9,
  decode: (type: number, payload: Buffer, end: number) => decodeValue(type, payload, end),
};

interface Sizes {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly keptMessages: number;
  readonly keptBytes: number;
}

class End {
  readonly session: ReliableSession<Sendable>;
  readonly sent: Buffer[] = [];
  readonly delivered: DecodedMessage[] = [];
  readonly acknowledged: Sendable[] = [];
  readonly waiting: Sendable[] = [];
  consumed = 0;
  readonly #pieces = new RecordingHost();

  constructor({ maxMessages, maxBytes, keptMessages, keptBytes }: Sizes) {
    const settings = {
      maxMessageBytes: 1e9,
      window: { maxMessages, maxBytes, drops: false },
      replay: { maxMessages: keptMessages, maxBytes: keptBytes },
      pingIntervalMs: 0,
      peerTimeoutMs: 0,
    };
    const output = {
      ...this.#pieces,
      acknowledged: (message: Sendable) => this.acknowledged.push(message),
      warn: (error: Error) => {
        throw error;
      },
    };
    this.session = new ReliableSession(settings, output, frames);
  }

  send(bytes: Buffer, level: 'received' | 'consumed' | undefined): void {
    this.sent.push(Buffer.from(bytes));
    const message = {
      type: frameType.bytes,
      sizeBytes: headerBytes + bytes.length,
      awaitsAck: level !== undefined,
      prefix: undefined,
      payload: bytes,
      owned: false,
      level,
      endOffset: 0,
    };
    if (level) this.waiting.push(message);
    this.session.sender.send(message);
    if (bytes.length < 64 * 1024) bytes.fill(0xee);
  }

  take(): Buffer {
    this.session.flush();
    return Buffer.concat(this.#pieces.take());
  }

  hear(bytes: Buffer, nowMs: number): void {
    this.session.push(bytes, nowMs);
    for (let message = this.session.read(); message; message = this.session.read()) this.delivered.push(message);
    this.session.retainUnread();
    bytes.fill(0xdd);
  }

  consume(count: number): void {
    const until = Math.min(this.delivered.length, this.consumed + count);
    for (; this.consumed < until; this.consumed++) {
      this.session.receiver.consumedUpTo(this.delivered[this.consumed] as DecodedMessage);
    }
    while (this.session.receiver.readable) {
      const message = this.session.read();
      if (message) this.delivered.push(message);
      else break;
    }
  }
}

/** A link with two directions, and the bytes in flight. */
class World {
  readonly ends: readonly [End, End];
  readonly random: () => number;
  flight: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)];
  isUp = false;
  nowMs = 0;
  readonly #isChecked: boolean;

  constructor(seed: number, isChecked: boolean) {
    this.random = seededRandom(seed);
    this.#isChecked = isChecked;
    this.ends = [new End(this.#sizes()), new End(this.#sizes())];
  }

  pick<R>(choices: readonly R[]): R {
    return choices[Math.floor(this.random() * choices.length)] as R;
  }

  #sizes(): Sizes {
    return {
      maxMessages: this.pick([1, 3, 4096]),
      maxBytes: this.pick([1, 5000, 1e7]),
      keptMessages: this.pick([1, 5, 4096]),
      keptBytes: this.pick([1, 10_000, 1e8]),
    };
  }

  connect(): void {
    const [one, other] = this.ends;
    for (const [end, peer] of [
      [one, other],
      [other, one],
    ] as const) {
      const { received, consumed, limit } = peer.session.receiver.takeAck();
      end.session.linkUp({ maxMessageBytes: 1e9, pingIntervalMs: 0, limit }, this.#isChecked, this.nowMs);
      expect(end.session.sender.canResume(received, consumed)).toBe(true);
      end.session.sender.resume(received, consumed);
    }
    this.isUp = true;
  }

  cut(): void {
    this.isUp = false;
    this.flight = [Buffer.alloc(0), Buffer.alloc(0)];
    for (const end of this.ends) {
      end.session.linkDown();
      end.take();
    }
  }

  send(index: 0 | 1): void {
    const end = this.ends[index];
    if (!this.isUp || !end.session.sender.canStart) return;
    const size = this.pick([0, 1, 8, 100, 100, 3000, 5000, 63_000, 70_000, 300_000]);
    end.send(Buffer.alloc(size, end.sent.length + 1), this.pick([undefined, undefined, 'received', 'consumed']));
  }

  write(index: 0 | 1): void {
    if (!this.isUp) return;
    const { session } = this.ends[index];
    for (let records = this.random() * 10; records > 0 && session.sender.hasPending; records--)
      session.sender.writeNext();
    this.flight[index] = Buffer.concat([this.flight[index], this.ends[index].take()]);
  }

  deliver(index: 0 | 1, most: number): void {
    if (!this.isUp) return;
    const flight = this.flight[index];
    const count = Math.min(most, flight.length);
    if (count === 0) return;
    this.flight[index] = flight.subarray(count);
    this.ends[1 - index]?.hear(Buffer.from(flight.subarray(0, count)), this.nowMs);
  }

  tick(): void {
    for (const { session } of this.ends) {
      if (this.isUp && (session.deadlineMs ?? Number.POSITIVE_INFINITY) <= this.nowMs) session.tick(this.nowMs);
    }
  }

  check(): void {
    for (const index of [0, 1] as const) {
      const from = this.ends[index];
      const to = this.ends[1 - index] as End;
      const { sender } = from.session;
      const { receiver } = to.session;
      expect(sender.acked).toBeLessThanOrEqual(receiver.received);
      expect(receiver.received).toBeLessThanOrEqual(sender.end);
      expect(receiver.consumed).toBeLessThanOrEqual(receiver.received);
      expect(sender.limit).toBeLessThanOrEqual(receiver.limit);
      let offset: number | undefined;
      for (const [start, end] of sender.keptRanges()) {
        expect(start).toBe(offset ?? start);
        if (offset === undefined) expect(start).toBeLessThanOrEqual(sender.acked);
        offset = end;
      }
      expect(offset ?? sender.acked).toBe(sender.end);
    }
  }

  judge(): void {
    for (const index of [0, 1] as const) {
      const from = this.ends[index];
      const to = this.ends[1 - index] as End;
      expect(to.delivered.length).toBe(from.sent.length);
      for (const [n, { value }] of to.delivered.entries())
        expect((value as Buffer).equals(from.sent[n] as Buffer)).toBe(true);
      expect(from.acknowledged).toHaveLength(from.waiting.length);
      expect(from.session.sender.allAcknowledged).toBe(true);
      expect(from.session.sender.keptBytes).toBe(0);
      expect(from.session.sender.keptMessages).toBe(0);
    }
  }

  run(events: number): void {
    this.connect();
    const largest = this.pick([1, 30, 2000, 100_000, 1e7]);
    for (let event = 0; event < events; event++) {
      const index = this.pick([0, 1] as const);
      const chance = this.random();
      if (chance < 0.3) this.send(index);
      else if (chance < 0.5) this.write(index);
      else if (chance < 0.8) this.deliver(index, 1 + this.random() * largest * 30);
      else if (chance < 0.9) this.ends[index].consume(this.pick([1, 3, 100]));
      else if (chance < 0.96) {
        this.nowMs += this.pick([1, 30, 200]);
        this.tick();
      } else if (this.isUp) this.cut();
      else this.connect();
      if (!this.isUp && this.random() < 0.5) this.connect();
      this.check();
    }
    if (!this.isUp) this.connect();
    for (let round = 0; round < 400; round++) {
      for (const index of [0, 1] as const) {
        while (this.ends[index].session.sender.hasPending) this.ends[index].session.sender.writeNext();
        this.write(index);
        this.deliver(index, 1e9);
        this.ends[index].consume(1000);
      }
      this.nowMs += 25;
      this.tick();
    }
    this.judge();
  }
}

test.prop([fc.nat(), fc.boolean()], { numRuns: Number(process.env.TEST_WORLDS ?? 80) })(
  'the delivered messages are a prefix of the sent ones, and all of them in the end',
  (seed, isChecked) => new World(seed, isChecked).run(300),
  120_000,
);
