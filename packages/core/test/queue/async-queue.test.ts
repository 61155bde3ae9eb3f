import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { AsyncQueue } from '../../src/queue/async-queue.js';
import { ManualClock } from '../../src/testing/index.js';

interface Letter {
  readonly id: number;
  readonly sizeBytes: number;
}

const limits = { maxMessages: 3, maxBytes: 1000 };
const letter = (id: number): Letter => ({ id, sizeBytes: 10 });

describe('a mailbox', () => {
  test.prop([
    fc.array(
      fc.oneof(
        fc.constant('put' as const),
        fc.constant('take' as const),
        fc.constant('takeNow' as const),
        fc.constant('abort' as const),
        fc.constant('wait' as const),
      ),
      { maxLength: 60 },
    ),
  ])('gives each letter once, in order, to those who ask, in their order', async (steps) => {
    const clock = new ManualClock();
    const mailbox = new AsyncQueue<Letter>(limits, clock);
    const given: number[] = [];
    const asking: { controller: AbortController; gone: boolean }[] = [];
    let put = 0;
    for (const step of steps) {
      if (step === 'put') {
        mailbox.put(letter(put++));
        const first = asking.shift();
        if (first) first.gone = true;
      } else if (step === 'takeNow') {
        const now = mailbox.takeNow();
        if (now) given.push(now.id);
      } else if (step === 'take') {
        const controller = new AbortController();
        const entry = { controller, gone: mailbox.length > 0 };
        if (!entry.gone) asking.push(entry);
        mailbox
          .take('getData', { signal: controller.signal, timeoutMs: 1000 }, (item) => item)
          .then(
            ({ id }) => given.push(id),
            () => {},
          );
      } else if (step === 'abort') {
        asking.shift()?.controller.abort();
      } else {
        await clock.advance(1000);
        asking.length = 0;
      }
      await Promise.resolve();
    }
    await clock.advance(1000);
    while (mailbox.length > 0) given.push(mailbox.takeNow()?.id ?? -1);
    expect(given).toEqual(Array.from({ length: put }, (_, id) => id));
    expect(clock.pending).toBe(0);
    expect(mailbox.bytes).toBe(0);
  });

  test('is full at its bounds', () => {
    const mailbox = new AsyncQueue<Letter>(limits, new ManualClock());
    for (let id = 0; id < 2; id++) mailbox.put(letter(id));
    expect(mailbox.full).toBe(false);
    mailbox.put(letter(2));
    expect(mailbox.full).toBe(true);
    mailbox.takeNow();
    expect(mailbox.full).toBe(false);
    mailbox.put({ id: 3, sizeBytes: 1000 });
    expect(mailbox.full).toBe(true);
  });

  test('when closed gives what is left, then the error, made anew for each', async () => {
    const mailbox = new AsyncQueue<Letter>(limits, new ManualClock());
    let errors = 0;
    mailbox.put(letter(1));
    mailbox.close(() => new Error(`closed ${++errors}`));
    expect(await mailbox.take('getData', {}, (item) => item)).toEqual(letter(1));
    await expect(mailbox.take('getData', {}, (item) => item)).rejects.toThrow('closed 1');
    await expect(mailbox.take('getData', { timeoutMs: 5 }, (item) => item)).rejects.toThrow('closed 2');
  });

  test('when closed rejects those who wait, and leaves no timer', async () => {
    const clock = new ManualClock();
    const mailbox = new AsyncQueue<Letter>(limits, clock);
    const waiting = [
      mailbox.take('getData', {}, (item) => item),
      mailbox.take('getData', { timeoutMs: 1000 }, (item) => item),
    ];
    mailbox.close(() => new Error('closed'));
    for (const each of waiting) await expect(each).rejects.toThrow('closed');
    expect(clock.pending).toBe(0);
  });

  test('a letter can be taken back', () => {
    const mailbox = new AsyncQueue<Letter>(limits, new ManualClock());
    const letters = [letter(1), letter(2)];
    for (const each of letters) mailbox.put(each);
    expect(mailbox.remove(letters[0] as Letter)).toBe(true);
    expect(mailbox.remove(letters[0] as Letter)).toBe(false);
    expect(mailbox.takeNow()).toBe(letters[1]);
  });

  test('wrong options are told by a rejection', async () => {
    const mailbox = new AsyncQueue<Letter>(limits, new ManualClock());
    await expect(mailbox.take('getData', { timeout: 5 } as never, (item) => item)).rejects.toMatchObject({
      code: 'ERR_SERPY_OPTION',
    });
  });
});
