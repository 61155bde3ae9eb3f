/** The pure parts of `serpy bench`: statistics, number formats, payloads, questions and the report. */
import type { PortableMessage } from 'serpy';
import { describe, expect, test } from 'vitest';
import { countAnswer, countedOf, otherEndOf, questionOf, questions } from '../../src/bench/bench-protocol.js';
import { payload } from '../../src/bench/payload.js';
import { asJson, type Findings, linkText, roundTripText, throughputText } from '../../src/bench/report.js';
import { histogram, summarize } from '../../src/bench/statistics.js';
import { megabytesPerSecond } from '../../src/bench/throughput.js';
import { formatBinarySize, formatNumber, formatTime } from '../../src/format.js';

describe('percentiles', () => {
  test('of 1 to 1000 are those of the nearest rank, in any order', () => {
    const times = Array.from({ length: 1000 }, (_, index) => ((index * 7919) % 1000) + 1);
    expect(summarize(times)).toEqual({ count: 1000, minMs: 1, p50Ms: 500, p90Ms: 900, p99Ms: 990, maxMs: 1000 });
  });

  test('of one time are that time', () => {
    expect(summarize([3])).toEqual({ count: 1, minMs: 3, p50Ms: 3, p90Ms: 3, p99Ms: 3, maxMs: 3 });
  });

  test('of nothing there are none', () => {
    expect(() => summarize([])).toThrow(RangeError);
  });
});

describe('a histogram', () => {
  test('has steps of 1, 2 and 5, from the shortest to the longest without gaps', () => {
    expect(histogram([0.15, 0.2, 0.21, 3, 5])).toEqual([
      { toMs: 0.2, count: 2 },
      { toMs: 0.5, count: 1 },
      { toMs: 1, count: 0 },
      { toMs: 2, count: 0 },
      { toMs: 5, count: 2 },
    ]);
  });

  test.each([1e-4, 2e-3, 0.001, 0.1, 0.3, 1, 2, 5, 10, 99, 100, 101, 12345])(
    'holds %d in the bin that it belongs to',
    (timeMs) => {
      const [bin, ...more] = histogram([timeMs]);
      expect(more).toEqual([]);
      expect(bin?.toMs).toBeGreaterThanOrEqual(timeMs);
      expect(bin?.toMs).toBeLessThanOrEqual(timeMs * 2.5);
    },
  );

  test('takes no time for the shortest step, and nothing for nothing', () => {
    expect(histogram([0])).toEqual([{ toMs: 0.0001, count: 1 }]);
    expect(histogram([])).toEqual([]);
  });

  test('loses no time', () => {
    const times = Array.from({ length: 500 }, (_, index) => 1.03 ** index / 1000);
    expect(histogram(times).reduce((sum, { count }) => sum + count, 0)).toBe(500);
  });
});

describe('figures', () => {
  test.each([
    [0, '0'],
    [0.001234, '0.00123'],
    [1.2345, '1.23'],
    [12.345, '12.3'],
    [123.45, '123'],
    [12345.6, '12,346'],
    [9.996, '10'],
  ])('%d is written as %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  test.each([
    [0.0834, '83.4 µs'],
    [0.9999, '1,000 µs'],
    [12.34, '12.3 ms'],
    [1500, '1.5 s'],
  ])('%d ms is written as %s', (ms, text) => {
    expect(formatTime(ms)).toBe(text);
  });

  test.each([
    [64, '64 B'],
    [4096, '4 KiB'],
    [1500, '1500 B'],
    [2 ** 24, '16 MiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBinarySize(bytes)).toBe(text);
  });

  test('a megabyte is 10^6 bytes', () => {
    expect(megabytesPerSecond(2e6, 1000)).toBe(2);
  });
});

describe('payloads', () => {
  test.each([1, 5, 12, 64, 4096])('of %d bytes are ASCII that can be printed, of just that size', (size) => {
    expect(payload(size, 7)).toHaveLength(size);
    expect(payload(size, 7).toString('latin1')).toMatch(/^[ -~]+$/);
  });

  test('differ from those of other numbers', () => {
    const all = new Set(Array.from({ length: 1000 }, (_, number) => payload(64, number).toString()));
    expect(all.size).toBe(1000);
    expect(payload(1, 3).equals(payload(1, 4))).toBe(false);
  });
});

describe('the questions', () => {
  const message = (value: unknown) => ({ value }) as PortableMessage;

  test.each(['hello', 'sink', 'count'] as const)('knows the question %s, as text and as bytes', (name) => {
    expect(questionOf(message(questions[name]))).toBe(name);
    expect(questionOf(message(Buffer.from(questions[name])))).toBe(name);
  });

  test.each(['', 'hello', 'serpy bench: hello ', 'toString', 42, Buffer.alloc(1000), { a: 1 }])(
    'takes %j for no question and no answer',
    (value) => {
      expect([questionOf, otherEndOf, countedOf].map((read) => read(message(value)))).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    },
  );

  test('tells a bench from an echo', () => {
    expect(otherEndOf(message('serpy bench: ready'))).toBe('bench');
    expect(otherEndOf(message(Buffer.from(questions.hello)))).toBe('echo');
  });

  test('reads the counts that it writes', () => {
    const counted = { messages: 12, bytes: 2 ** 40 };
    expect(countedOf(message(countAnswer(counted)))).toEqual(counted);
  });
});

describe('the report', () => {
  const link = { host: '::1', port: 5001, protocol: 'v2', session: true, encrypted: false };
  const findings: Findings = {
    link,
    otherEnd: 'echo',
    roundTrip: { sizeBytes: 64, ...summarize([0.1, 0.15, 4]), histogram: histogram([0.1, 0.15, 4]) },
    throughput: [
      { sizeBytes: 64, messages: 2000, bytes: 128_000, elapsedMs: 500, complete: true, direction: 'there and back' },
      { sizeBytes: 4096, messages: 10, bytes: 40_960, elapsedMs: 1000, complete: false, direction: 'there and back' },
    ],
    omitted: [
      { sizeBytes: 2 ** 16, expectedMs: 30_000 },
      { sizeBytes: 2 ** 20, expectedMs: Number.POSITIVE_INFINITY },
    ],
  };

  test('is text that can be pasted anywhere', () => {
    expect(linkText(link)).toBe('[::1]:5001 over v2 in a session, not encrypted');
    expect(roundTripText(findings.roundTrip!).split('\n')).toEqual([
      'Round trip of 64 B, 3 times:',
      '  p50 150 µs, p90 4 ms, p99 4 ms, at most 4 ms',
      '  ≤ 100 µs  ████████████████████████████████████████  1',
      '  ≤ 200 µs  ████████████████████████████████████████  1',
      '  ≤ 500 µs                                            0',
      '    ≤ 1 ms                                            0',
      '    ≤ 2 ms                                            0',
      '    ≤ 5 ms  ████████████████████████████████████████  1',
    ]);
    expect(throughputText(findings).split('\n')).toEqual([
      'Throughput, there and back:',
      '    size  messages/s   MB/s',
      '    64 B       4,000  0.256',
      '   4 KiB          10  0.041  incomplete: not all messages arrived in time',
      '  64 KiB                     omitted: not enough time, as one message would take about 30 s',
      '   1 MiB                     omitted: not enough time',
    ]);
  });

  test('is JSON with the same figures', () => {
    expect(JSON.parse(JSON.stringify(asJson(findings, false)))).toMatchObject({
      ...link,
      otherEnd: 'echo',
      complete: false,
      throughput: [{ messagesPerSecond: 4000, megabytesPerSecond: 0.256 }, { messagesPerSecond: 10 }],
      leftOut: [
        { sizeBytes: 2 ** 16, expectedMs: 30_000 },
        { sizeBytes: 2 ** 20, expectedMs: null },
      ],
    });
    expect(asJson({ link, throughput: [], omitted: [] }, false)).toMatchObject({ otherEnd: null, roundTrip: null });
  });
});
