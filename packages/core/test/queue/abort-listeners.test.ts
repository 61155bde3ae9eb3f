import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { onAbort } from '../../src/queue/abort-listeners.js';

test('a signal has one listener until the last call ends', () => {
  const controller = new AbortController();
  const { signal } = controller;
  const off = Array.from({ length: 3 }, () => onAbort(signal, () => {}));
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  off[1]?.();
  off[1]?.();
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  off[0]?.();
  off[2]?.();
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('the same function given twice is called twice', () => {
  const controller = new AbortController();
  let calls = 0;
  const count = () => {
    calls++;
  };
  onAbort(controller.signal, count);
  const off = onAbort(controller.signal, count);
  off();
  onAbort(controller.signal, count);
  controller.abort();
  expect(calls).toBe(2);
});

test('a listener that another one removes is not called', () => {
  const controller = new AbortController();
  const called: string[] = [];
  onAbort(controller.signal, () => {
    called.push('first');
    off();
  });
  const off = onAbort(controller.signal, () => called.push('second'));
  controller.abort();
  expect(called).toEqual(['first']);
});
