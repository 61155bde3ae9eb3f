/** A timer that can be moved: it fires once, at the time that was set last. */
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

test('a deadline fires once, at its time', async () => {
  const { clock, reached, deadline } = setUp();
  deadline.set(100);
  expect(deadline.atMs).toBe(100);
  await clock.advance(1000);
  expect(reached).toEqual([100]);
  expect(deadline.atMs).toBeUndefined();
});

test('a deadline that is moved, earlier or later, fires only at its new time', async () => {
  const { clock, reached, deadline } = setUp();
  deadline.set(100);
  deadline.set(300);
  await clock.advance(250);
  expect(reached).toEqual([]);
  deadline.set(260);
  await clock.advance(1000);
  expect(reached).toEqual([260]);
});

test('a canceled deadline does not fire, and can be set again', async () => {
  const { clock, reached, deadline } = setUp();
  deadline.set(100);
  deadline.set(undefined);
  expect(clock.pending).toBe(0);
  await clock.advance(200);
  deadline.set(200);
  await clock.advance(0);
  expect(reached).toEqual([200]);
});

test('a deadline fires after arrived data was handed over, which may still move or cancel it', async () => {
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
