/** The moment that can be moved: it comes once, and only where it was last set. */
import type { Clock } from 'serpy-core';
import { ManualClock } from 'serpy-core/testing';
import { expect, test } from 'vitest';
import { Deadline } from '../../src/link/deadline.js';

function setUp() {
  const clock = new ManualClock();
  const reached: number[] = [];
  const deadline = new Deadline(clock, () => reached.push(clock.now()));
  return { clock, reached, deadline };
}

test('a deadline comes when it is set for, once', async () => {
  const { clock, reached, deadline } = setUp();
  deadline.set(100);
  expect(deadline.atMs).toBe(100);
  await clock.advance(1000);
  expect(reached).toEqual([100]);
  expect(deadline.atMs).toBeUndefined();
});

test('a deadline that is moved comes at its new moment alone, earlier or later', async () => {
  const { clock, reached, deadline } = setUp();
  deadline.set(100);
  deadline.set(300);
  await clock.advance(250);
  expect(reached).toEqual([]);
  deadline.set(260);
  await clock.advance(1000);
  expect(reached).toEqual([260]);
});

test('a deadline that is called off never comes, and can be set again', async () => {
  const { clock, reached, deadline } = setUp();
  deadline.set(100);
  deadline.set(undefined);
  expect(clock.pending).toBe(0);
  await clock.advance(200);
  deadline.set(200);
  await clock.advance(0);
  expect(reached).toEqual([200]);
});

test('a deadline comes after what had come in before it was handed over, which may still move it or call it off', async () => {
  const manual = new ManualClock();
  const handedOver: (() => void)[] = [];
  const clock: Clock = {
    now: () => manual.now(),
    setTimeout: (callback, delayMs) => manual.setTimeout(callback, delayMs),
    clearTimeout: (timer) => manual.clearTimeout(timer),
    setImmediate: (callback) => handedOver.push(callback),
  };
  const reached: number[] = [];
  const deadline = new Deadline(clock, () => reached.push(clock.now()));
  const handOver = () => {
    for (const callback of handedOver.splice(0)) callback();
  };
  deadline.set(100);
  await manual.advance(100);
  expect([reached, deadline.atMs]).toEqual([[], 100]);
  deadline.set(150);
  handOver();
  expect([reached, deadline.atMs]).toEqual([[], 150]);
  await manual.advance(50);
  deadline.set(undefined);
  handOver();
  expect([reached, deadline.atMs]).toEqual([[], undefined]);
  deadline.set(160);
  await manual.advance(50);
  handOver();
  expect(reached).toEqual([200]);
});
