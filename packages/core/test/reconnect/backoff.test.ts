import { fc, test } from 'serpy-contract-tests/properties';
import { describe, expect } from 'vitest';
import { backoffDelayMs, initialAttempt, type ReconnectOptions } from '../../src/reconnect/backoff.js';

const standard: ReconnectOptions = {
  baseDelayMs: 250,
  maxDelayMs: 15_000,
  minDelayMs: 0,
  maxAttempts: Number.POSITIVE_INFINITY,
  resetAfterMs: 10_000,
};

const anyOptions = fc.record({
  baseDelayMs: fc.nat(100_000),
  maxDelayMs: fc.nat(1_000_000),
  minDelayMs: fc.nat(10_000),
  maxAttempts: fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.constant(Number.POSITIVE_INFINITY)),
  resetAfterMs: fc.nat(100_000),
});
const anyAttempt = fc.integer({ min: 1, max: 10_000 });
const anyChance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the wait before an attempt', () => {
  test('has a bound that doubles up to the maximum', () => {
    const bounds = [1, 2, 3, 4, 5, 6, 7, 8, 100].map((attempt) => backoffDelayMs(attempt, 0.999999, standard));
    expect(bounds).toEqual([249, 499, 999, 1999, 3999, 7999, 14999, 14999, 14999]);
  });

  test('is random between 0 and the bound', () => {
    expect([0, 0.25, 0.5, 0.75].map((chance) => backoffDelayMs(3, chance, standard))).toEqual([0, 250, 500, 750]);
  });

  test.prop([anyAttempt, anyChance, anyOptions])('is a whole number within its bounds', (attempt, chance, options) => {
    const delayMs = backoffDelayMs(attempt, chance, options);
    if (attempt > options.maxAttempts) {
      expect(delayMs).toBeUndefined();
    } else {
      expect(delayMs).toSatisfy(Number.isSafeInteger);
      expect(delayMs).toBeGreaterThanOrEqual(Math.min(options.minDelayMs, options.maxDelayMs));
      expect(delayMs).toBeLessThanOrEqual(options.maxDelayMs);
      if (attempt === 1) expect(delayMs).toBeLessThanOrEqual(options.minDelayMs + options.baseDelayMs);
    }
  });

  test.prop([anyAttempt, anyChance, anyOptions])(
    'never shrinks from one attempt to the next',
    (attempt, chance, options) => {
      const [now, next] = [attempt, attempt + 1].map((each) => backoffDelayMs(each, chance, options));
      if (next !== undefined) expect(next).toBeGreaterThanOrEqual(now as number);
    },
  );

  test('is the minimum plus a random part', () => {
    const options = { ...standard, minDelayMs: 500 };
    expect([0, 0.5, 0.999999].map((chance) => backoffDelayMs(1, chance, options))).toEqual([500, 625, 749]);
    expect([1, 3, 100].map((attempt) => backoffDelayMs(attempt, 0.5, options))).toEqual([625, 1000, 7750]);
  });

  test('has a minimum of 500 ms by default, and of 0 in a session', () => {
    const { minDelayMs: _, ...options } = standard;
    expect([0, 0.5].map((chance) => backoffDelayMs(1, chance, options))).toEqual([500, 625]);
    expect([0, 0.5].map((chance) => backoffDelayMs(1, chance, options, true))).toEqual([0, 125]);
  });

  test('never exceeds maxDelayMs, including the minimum', () => {
    const options = { ...standard, minDelayMs: 500, maxDelayMs: 600 };
    expect([1, 100].map((attempt) => backoffDelayMs(attempt, 0.999999, options))).toEqual([599, 599]);
    const { minDelayMs: _, ...usual } = { ...options, maxDelayMs: 100 };
    expect(backoffDelayMs(1, 0.999999, usual)).toBe(100);
  });

  test('has the given minimum in a session too', () => {
    const options = { ...standard, minDelayMs: 400 };
    expect([0, 0.5].map((chance) => backoffDelayMs(1, chance, options, true))).toEqual([400, 525]);
  });

  test('is valid for a timer, whatever the options', () => {
    const longest = 2 ** 31 - 1;
    const options = { ...standard, baseDelayMs: longest, maxDelayMs: longest, minDelayMs: longest };
    expect(backoffDelayMs(1, 0.5, options)).toBe(longest);
  });

  test('is 0 if the bound is 0, however many attempts failed', () => {
    for (const attempt of [1, 100, 1025, 5000]) {
      expect(backoffDelayMs(attempt, 0.5, { ...standard, baseDelayMs: 0 })).toBe(0);
    }
  });

  test('is maxDelayMs after two consecutive authentication failures', () => {
    const waits = [0, 1, 2, 3].map((failures) => backoffDelayMs(1, 0.5, standard, false, failures));
    expect(waits).toEqual([125, 125, 15_000, 15_000]);
    expect(backoffDelayMs(4, 0.5, { ...standard, maxAttempts: 3 }, false, 2)).toBeUndefined();
  });

  test('is undefined after maxAttempts', () => {
    const options = { ...standard, maxAttempts: 3 };
    expect([1, 2, 3, 4].map((attempt) => backoffDelayMs(attempt, 0, options))).toEqual([0, 0, 0, undefined]);
  });
});

describe('the first attempt after a link broke', () => {
  test('is number 1 after a stable link', () => {
    expect(initialAttempt(7, 10_000, false, standard)).toBe(1);
  });

  test('continues the count after a link that broke too soon', () => {
    expect(initialAttempt(0, 9_999, false, standard)).toBe(1);
    expect(initialAttempt(7, 9_999, false, standard)).toBe(8);
  });

  test('is number 1 after a link with progress', () => {
    expect(initialAttempt(7, 0, true, standard)).toBe(1);
  });
});
