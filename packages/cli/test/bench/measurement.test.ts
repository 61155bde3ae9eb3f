/** How a measurement goes, against an other end and on a clock of the test's making: nothing here takes real time. */
import type { PortableConnection, PortableMessage } from 'serpy';
import { describe, expect, test } from 'vitest';
import { questions } from '../../src/bench/bench-protocol.js';
import { respond } from '../../src/bench/echo-server.js';
import {
  type MeasurementEvents,
  measure,
  type OmittedSize,
  sizesBytes,
  type ThroughputResult,
} from '../../src/bench/measurement.js';
import { roundTrips, type Stopwatch } from '../../src/bench/round-trip.js';
import { refusal } from '../doctor/host-info.js';

interface Link {
  /** What each byte takes, in milliseconds, and each message. */
  readonly msPerByte: number;
  readonly msPerMessage: number;
  /** What the other end answers to what it gets; default: the same. */
  readonly answer?: (value: string | Buffer) => (string | Buffer)[];
}

/** A connection whose other end answers at once, and a clock that advances by the time of the link. */
function simulated({ msPerByte, msPerMessage, answer = (value) => [value] }: Link) {
  let nowMs = 0;
  const clock: Stopwatch = { now: () => nowMs };
  const inbox: (string | Buffer)[] = [];
  const sentBytes: number[] = [];
  const connection = {
    async sendData(value: string | Buffer, { timeoutMs }: { timeoutMs: number }) {
      expect(timeoutMs % 1).toBe(0); // a person reads it in an error
      const tookMs = msPerMessage + value.length * msPerByte;
      if (tookMs > timeoutMs) {
        nowMs += timeoutMs;
        throw refusal('ERR_SERPY_QUEUE_FULL', 'the send queue stayed full');
      }
      nowMs += tookMs;
      sentBytes.push(value.length);
      inbox.push(...answer(value));
      return true;
    },
    async getMessage({ timeoutMs }: { timeoutMs: number }) {
      const value = inbox.shift();
      if (value !== undefined) return { value } as PortableMessage;
      expect(timeoutMs % 1).toBe(0);
      nowMs += timeoutMs;
      throw refusal('ERR_SERPY_TIMEOUT', 'nothing came in time');
    },
    release: () => {},
  } as unknown as PortableConnection;
  return { connection, clock, sentBytes };
}

interface Measured {
  otherEnd: string;
  roundTrips: number;
  p50Ms: number;
  throughput: ThroughputResult[];
  omitted: OmittedSize[];
  tookMs: number;
}

async function measured(link: Link, durationMs = 20_000): Promise<Measured> {
  const { connection, clock } = simulated(link);
  const found: Measured = { otherEnd: '', roundTrips: 0, p50Ms: 0, throughput: [], omitted: [], tookMs: 0 };
  const events: MeasurementEvents = {
    found: (otherEnd) => {
      found.otherEnd = otherEnd;
    },
    roundTrip: ({ count, p50Ms }) => Object.assign(found, { roundTrips: count, p50Ms }),
    throughput: (result) => void found.throughput.push(result),
    omitted: (size) => void found.omitted.push(size),
  };
  await measure(connection, { durationMs, signal: new AbortController().signal }, clock, events);
  return { ...found, tookMs: clock.now() };
}

/** An other end that counts, as `serpy bench --listen` does. */
function counting(drops: (number: number) => boolean = () => false) {
  let sunk: { messages: number; bytes: number } | undefined;
  let number = 0;
  return (value: string | Buffer): (string | Buffer)[] => {
    if (value === questions.hello) return ['serpy bench: ready'];
    if (value === questions.sink) {
      sunk = { messages: 0, bytes: 0 };
      return [];
    }
    if (value === questions.count) {
      const { messages, bytes } = sunk!;
      sunk = undefined;
      return [`serpy bench: counted ${messages} messages, ${bytes} bytes`];
    }
    if (!sunk) return [value];
    if (drops(++number)) return [];
    sunk.messages++;
    sunk.bytes += value.length;
    return [];
  };
}

const ethernet = { msPerByte: 1e-5, msPerMessage: 0.05 }; // 100 MB/s

describe('a measurement', () => {
  test('with an echo has the round trip and every size there and back, as the link is', async () => {
    const { otherEnd, p50Ms, throughput, omitted, tookMs } = await measured(ethernet);
    expect(otherEnd).toBe('echo');
    expect(p50Ms).toBeCloseTo(0.05 + 64e-5);
    expect(throughput.map(({ sizeBytes, direction }) => [sizeBytes, direction])).toEqual(
      sizesBytes.map((size) => [size, 'there and back']),
    );
    for (const { sizeBytes, messages, bytes, elapsedMs, complete } of throughput) {
      expect(complete).toBe(true);
      expect(bytes).toBe(messages * sizeBytes);
      expect(elapsedMs / messages).toBeCloseTo(0.05 + sizeBytes * 1e-5);
    }
    expect(omitted).toEqual([]);
    expect(tookMs).toBeLessThanOrEqual(20_000);
    expect(tookMs).toBeGreaterThan(10_000);
  });

  test('with a bench has every size one way, as the other end counts it', async () => {
    const { otherEnd, throughput } = await measured({ ...ethernet, answer: counting() });
    expect(otherEnd).toBe('bench');
    expect(throughput.map(({ direction, complete }) => [direction, complete])).toEqual(
      sizesBytes.map(() => ['one way', true]),
    );
    for (const { sizeBytes, messages, elapsedMs } of throughput) {
      expect(elapsedMs / messages).toBeCloseTo(0.05 + sizeBytes * 1e-5, 1);
    }
  });

  test('says so when the other end has not counted all that was sent', async () => {
    const { throughput } = await measured({ ...ethernet, answer: counting((number) => number === 3) });
    expect(throughput[0]).toMatchObject({ sizeBytes: 64, complete: false });
  });

  test('of a slow link leaves out what it has no time for, and keeps to its time', async () => {
    const { throughput, omitted, tookMs } = await measured({ msPerByte: 0.01, msPerMessage: 1 }); // 100 kB/s
    expect(throughput.map(({ sizeBytes }) => sizeBytes)).toEqual([64, 4096, 65_536]);
    expect(omitted.map(({ sizeBytes }) => sizeBytes)).toEqual([2 ** 20, 2 ** 24]);
    expect(omitted[0]?.expectedMs).toBeCloseTo(0.01 * 2 ** 20, -3);
    expect(tookMs).toBeLessThanOrEqual(20_000);
  });

  test('of a very slow link ends in time with what has arrived', async () => {
    const { throughput, omitted, tookMs } = await measured({ msPerByte: 1, msPerMessage: 1 }); // 1 kB/s
    expect(throughput.at(-1)).toMatchObject({ complete: false });
    expect([...throughput, ...omitted].map(({ sizeBytes }) => sizeBytes)).toEqual(sizesBytes);
    expect(tookMs).toBeLessThanOrEqual(20_000);
  });

  test('with a peer whose echoes get lost ends in time, and says that not all came back', async () => {
    let number = 0;
    const answer = (value: string | Buffer) => (value.length > 1000 && number++ % 2 === 0 ? [] : [value]);
    const { throughput, tookMs } = await measured({ ...ethernet, answer });
    expect(throughput.find(({ complete }) => !complete)).toMatchObject({ sizeBytes: 4096 });
    expect(tookMs).toBeLessThanOrEqual(20_000);
  });

  test('drops what the peer says besides', async () => {
    const answer = (value: string | Buffer) => ['21.5', value];
    const { otherEnd, throughput } = await measured({ ...ethernet, answer });
    expect(otherEnd).toBe('echo');
    expect(throughput.map(({ complete }) => complete)).toEqual([true, true, true, true, true]);
  });

  test('of a peer that says nothing rejects after 5 s at most', async () => {
    const { connection, clock } = simulated({ ...ethernet, answer: () => [] });
    const none = () => {};
    const events: MeasurementEvents = { found: none, roundTrip: none, throughput: none, omitted: none };
    const plan = { durationMs: 60_000, signal: new AbortController().signal };
    await expect(measure(connection, plan, clock, events)).rejects.toMatchObject({ code: 'ERR_SERPY_TIMEOUT' });
    expect(clock.now()).toBeLessThan(5100);
  });

  test('does not count the first round trip, which finds both programs cold', async () => {
    let first = true;
    const { connection, clock } = simulated({ ...ethernet });
    const cold: Stopwatch = {
      now: () => {
        const now = clock.now() + (first ? 0 : 1000);
        first = false;
        return now;
      },
    };
    const plan = { sizeBytes: 64, maxCount: 10, durationMs: 1e9, timeoutMs: 1e6, signal: new AbortController().signal };
    const timesMs = await roundTrips(connection, plan, cold);
    expect(timesMs).toHaveLength(10);
    expect(Math.max(...timesMs)).toBeLessThan(1);
  });

  test('takes no other message for the echo, nor the echo of one before', async () => {
    let nowMs = 0;
    const inbox: (string | Buffer)[] = [];
    let before: Buffer = Buffer.alloc(64);
    const connection = {
      sendData: async (value: Buffer) => {
        inbox.push('21.5', Buffer.alloc(64), before, value.toString('latin1'));
        before = value;
      },
      getMessage: async () => {
        nowMs += 1;
        return { value: inbox.shift() };
      },
    } as unknown as PortableConnection;
    const plan = {
      sizeBytes: 64,
      maxCount: 3,
      durationMs: 1000,
      timeoutMs: 1000,
      signal: new AbortController().signal,
    };
    expect(await roundTrips(connection, plan, { now: () => nowMs })).toEqual([4, 4, 4]);
  });
});

describe('the other end', () => {
  /** Serves a peer that says these things. */
  async function served(said: readonly unknown[], sendData: (value: unknown) => Promise<boolean>) {
    const messages = async function* () {
      for (const value of said) yield { value } as PortableMessage;
    };
    return respond({ messages, sendData, release: () => {} } as unknown as PortableConnection);
  }

  test('sends back, counts when it is asked to, and sends back again', async () => {
    const answers: unknown[] = [];
    const bytes = Buffer.alloc(1000);
    const { hello, sink, count } = questions;
    const said = [hello, 'one', bytes, 2, sink, bytes, bytes, 'é', count, 'again', count];
    const total = await served(said, async (value) => answers.push(value) > 0);
    const counted = [
      'serpy bench: counted 3 messages, 2002 bytes',
      'again',
      'serpy bench: counted 0 messages, 0 bytes',
    ];
    expect(answers).toEqual(['serpy bench: ready', 'one', bytes, 2, ...counted]);
    expect(total).toEqual({ messages: 7, bytes: 3 + 1000 + 8 + 2002 + 5 });
  });

  test('does not mind a peer that goes before its answer, nor an object of v1', async () => {
    const gone = () => Promise.reject(refusal('ERR_SERPY_CLOSED', 'the connection is closed'));
    expect(await served(['one', 'two'], gone)).toEqual({ messages: 1, bytes: 3 });
    expect(await served([{ a: 1 }], gone)).toEqual({ messages: 1, bytes: 8 });
  });
});
