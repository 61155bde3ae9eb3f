/** How checks run: within a time limit, independently, and until an interruption. */
import { describe, expect, test } from 'vitest';
import { type Check, type Limits, ok } from '../../src/doctor/checks/check.js';
import { type CheckOutcome, runChecks } from '../../src/doctor/run-checks.js';
import type { Clock } from '../../src/environment/context.js';
import { never, refusal } from './host-info.js';

/** A clock whose timers ring when the test says so. */
function handClock() {
  let nowMs = 0;
  const timers = new Map<number, { callback: () => void; atMs: number }>();
  let last = 0;
  const clock: Clock = {
    now: () => nowMs,
    wallMs: () => nowMs,
    setTimeout: (callback, delayMs) => {
      last++;
      timers.set(last, { callback, atMs: nowMs + delayMs });
      return last;
    },
    clearTimeout: (timer) => void timers.delete(timer as number),
  };
  const advance = (ms: number) => {
    nowMs += ms;
    for (const [id, { callback, atMs }] of timers) {
      if (atMs > nowMs) continue;
      timers.delete(id);
      callback();
    }
  };
  return { clock, advance, timers };
}

const fine: Check<Limits> = { name: 'fine', limitMs: 1000, run: async () => ok('fine') };

function hanging(started: (signal: AbortSignal) => void): Check<Limits> {
  return {
    name: 'hanging',
    limitMs: 1000,
    run: ({ signal }) => {
      started(signal);
      return new Promise(() => {});
    },
  };
}

async function all(checks: readonly Check<Limits>[], clock: Clock, signal = never()): Promise<CheckOutcome[]> {
  const results: CheckOutcome[] = [];
  for await (const result of runChecks(checks, (limit) => ({ signal: limit }), clock, signal)) results.push(result);
  return results;
}

describe('an examination', () => {
  test('continues after a check that throws, and reports the error', async () => {
    const { clock, timers } = handClock();
    const throwing: Check<Limits> = {
      name: 'throwing',
      limitMs: 1000,
      run: () => Promise.reject(refusal('ERR_SERPY_CONNECT', 'it cannot be reached')),
    };
    expect(await all([throwing, fine], clock)).toMatchObject([
      {
        name: 'throwing',
        status: 'FAIL',
        message: 'it cannot be reached (ERR_SERPY_CONNECT)',
        advice: expect.any(String),
      },
      { name: 'fine', status: 'ok' },
    ]);
    expect(timers.size).toBe(0);
  });

  test('aborts a check at its time limit, and continues', async () => {
    const { clock, advance, timers } = handClock();
    let given: AbortSignal | undefined;
    const stuck = hanging((signal) => {
      given = signal;
      queueMicrotask(() => advance(1000));
    });
    expect(await all([stuck, fine], clock)).toMatchObject([
      { name: 'hanging', status: 'FAIL', message: 'not done after 1 s', elapsedMs: 1000 },
      { name: 'fine', status: 'ok' },
    ]);
    expect(given?.aborted).toBe(true);
    expect(timers.size).toBe(0);
  });

  test('ends at once when it is interrupted, without the rest', async () => {
    const { clock, timers } = handClock();
    const interruption = new AbortController();
    let given: AbortSignal | undefined;
    const stuck = hanging((signal) => {
      given = signal;
      queueMicrotask(() => interruption.abort());
    });
    expect(await all([fine, stuck, fine], clock, interruption.signal)).toMatchObject([{ name: 'fine' }]);
    expect(given?.aborted).toBe(true);
    expect(timers.size).toBe(0);
  });

  test('a check that is over leaves nothing running', async () => {
    const { clock } = handClock();
    let given: AbortSignal | undefined;
    const quick: Check<Limits> = {
      name: 'quick',
      limitMs: 1000,
      run: async ({ signal }) => {
        given = signal;
        return ok('done');
      },
    };
    await all([quick], clock);
    expect(given?.aborted).toBe(true);
  });

  test('options that are typed wrong are no finding: they end it', async () => {
    const { clock } = handClock();
    const wrong: Check<Limits> = {
      name: 'wrong',
      limitMs: 1000,
      run: () => Promise.reject(refusal('ERR_SERPY_OPTION', 'there is no option foo')),
    };
    await expect(all([wrong, fine], clock)).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
  });
});
