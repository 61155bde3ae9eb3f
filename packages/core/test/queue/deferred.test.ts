import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { checkWaitOptions, defaultWait, maxTimeoutMs } from '../../src/options/wait-options.js';
import { AsyncQueue } from '../../src/queue/async-queue.js';
import { Deferred } from '../../src/queue/deferred.js';
import { ManualClock } from '../../src/testing/index.js';

describe('a pending call', () => {
  test('settles once and ignores later results', async () => {
    const pending = new Deferred<number>(new ManualClock(), 'getData', {}, () => {});
    pending.resolve(1);
    pending.resolve(2);
    pending.reject(new Error('late'));
    expect(await pending.promise).toBe(1);
  });

  test('expires once, by timeout or signal, and leaves neither timer nor listener', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const errors: Error[] = [];
    const options = { timeoutMs: 100, signal: controller.signal };
    const pending: Deferred<void> = new Deferred(clock, 'getData', options, (error) => {
      errors.push(error);
      pending.reject(error);
    });
    const rejected = expect(pending.promise).rejects.toMatchObject({
      code: 'ERR_SERPY_TIMEOUT',
      message: 'getData timed out after 100 ms (timeoutMs): call it again, or raise timeoutMs',
    });
    await clock.advance(99);
    expect(errors).toEqual([]);
    await clock.advance(1);
    await rejected;
    controller.abort();
    await clock.runAll();
    expect(errors).toHaveLength(1);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test('an abort keeps its reason as the cause and stops the timer', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const options = { timeoutMs: 100, signal: controller.signal };
    const pending: Deferred<void> = new Deferred(clock, 'sendData', options, (error) => pending.reject(error));
    controller.abort('measured enough');
    await expect(pending.promise).rejects.toMatchObject({
      code: 'ERR_SERPY_ABORTED',
      name: 'AbortError',
      cause: 'measured enough',
    });
    expect(clock.pending).toBe(0);
  });

  test('thousands of calls with one signal leave no listener and cause no warning of a leak', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const clock = new ManualClock();
    const { signal } = new AbortController();
    const queue = new AsyncQueue<{ sizeBytes: number }>({ maxMessages: 10, maxBytes: 10 }, clock);
    for (let n = 0; n < 1000; n++) {
      const results = [
        queue.take('getData', { signal, timeoutMs: 1000 }, (item) => item),
        queue.take('getData', { signal }, (item) => item),
      ];
      queue.put({ sizeBytes: 1 });
      queue.put({ sizeBytes: 1 });
      await Promise.all(results);
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(clock.pending).toBe(0);
    await new Promise(setImmediate);
    expect(warning).not.toHaveBeenCalled();
    warning.mockRestore();
  });

  test('50 waiting calls share one listener on their signal, and an abort ends them in order', async () => {
    const controller = new AbortController();
    const ended: number[] = [];
    const pending = Array.from({ length: 50 }, (_, n) => {
      const each: Deferred<void> = new Deferred(new ManualClock(), 'getData', controller, (error) => {
        ended.push(n);
        each.reject(error);
      });
      return each;
    });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    pending[7]?.resolve();
    controller.abort();
    const settled = await Promise.allSettled(pending.map(({ promise }) => promise));
    expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(49);
    expect(ended).toEqual(Array.from({ length: 50 }, (_, n) => n).filter((n) => n !== 7));
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test('Infinity means no timeout', () => {
    const clock = new ManualClock();
    new Deferred(clock, 'getData', { timeoutMs: Number.POSITIVE_INFINITY }, () => {});
    expect(clock.pending).toBe(0);
  });
});

describe('the options of a call', () => {
  test.each([
    [defaultWait],
    [{}],
    [{ timeoutMs: 0 }],
    [{ timeoutMs: maxTimeoutMs }],
    [{ timeoutMs: 0.5 }],
    [{ timeoutMs: undefined, signal: undefined }],
    [{ signal: AbortSignal.abort() }],
  ])('%j is right', (options) => {
    checkWaitOptions(options);
  });

  test.each([
    [{ timeout: 1 }, 'there is no option timeout: did you mean timeoutMs?'],
    [{ Signal: 1 }, 'there is no option Signal: did you mean signal?'],
    [{ priority: 1 }, 'there is no option priority: the options are timeoutMs, signal, mode'],
    [
      { timeoutMs: maxTimeoutMs + 1 },
      `timeoutMs takes a number of milliseconds from 0 to 2147483647, or Infinity, not 2147483648`,
    ],
    [{ timeoutMs: -1 }, 'not -1'],
    [{ timeoutMs: Number.NaN }, 'not NaN'],
    [{ timeoutMs: '1000' }, 'timeoutMs takes a number of milliseconds'],
    [{ timeoutMs: null }, 'timeoutMs takes a number of milliseconds'],
    [{ signal: null }, 'signal takes an AbortSignal'],
    [{ signal: new AbortController() }, 'signal takes an AbortSignal'],
    [null, 'the options of a call are an object such as { timeoutMs: 1000 }, not null'],
    [1000, 'the options of a call are an object such as { timeoutMs: 1000 }, not 1000'],
  ])('%j is wrong, and the error says why', (options, message) => {
    expect(() => checkWaitOptions(options as never, ['mode'])).toThrow(
      expect.objectContaining({ code: 'ERR_SERPY_OPTION', message: expect.stringContaining(message) }),
    );
  });
});
