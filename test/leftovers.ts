/** Runs with every test file: a file that leaves a socket, server, timer or process behind fails. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';

/** What keeps a program alive, as Node calls it. The runner has pipes and timers of its own; timers are watched below. */
const watched = ['TCPSocketWrap', 'TCPServerWrap', 'TLSWrap', 'UDPWrap', 'ProcessWrap'];

/** How often, 5 ms apart, what was closed is asked whether it is gone: a process ends, a socket closes. */
const patience = 1200;

const before = new Map<string, number>();

/** Timers are those of the tests and what they run: the runner took its own functions before this file replaced them. */
function watchTimers(): Set<NodeJS.Timeout> {
  const timers = new Set<NodeJS.Timeout>();
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
  const once = (callback: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      callback(...args);
    }, delayMs);
    timers.add(timer);
    return timer;
  };
  const repeated = (callback: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]) => {
    const timer = setInterval(callback, delayMs, ...args);
    timers.add(timer);
    return timer;
  };
  const clear = (stop: (timer?: NodeJS.Timeout) => void) => (timer?: NodeJS.Timeout) => {
    if (timer) timers.delete(timer);
    stop(timer);
  };
  // The properties are Node's `promisify` forms.
  Object.assign(globalThis, {
    setTimeout: Object.assign(once, { ...setTimeout }),
    setInterval: Object.assign(repeated, { ...setInterval }),
    clearTimeout: clear(clearTimeout),
    clearInterval: clear(clearInterval),
  });
  return timers;
}

/** Files of the project `unit` share a process, and this file runs in it for each of them: the functions are replaced once. */
const shared = globalThis as { serpyTestTimers?: Set<NodeJS.Timeout> };
shared.serpyTestTimers ??= watchTimers();
const timers = shared.serpyTestTimers;
timers.clear(); // what an earlier file in this process left behind made that file fail

function countActive(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** What there is more of than when the file began, in words. */
function leftovers(): string[] {
  const now = countActive();
  const handles = watched.map((kind) => ({ kind, more: (now.get(kind) ?? 0) - (before.get(kind) ?? 0) }));
  const waiting = { kind: 'Timeout', more: [...timers].filter((timer) => timer.hasRef()).length };
  return [...handles, waiting].filter(({ more }) => more > 0).map(({ kind, more }) => `${more} ${kind}`);
}

beforeAll(() => {
  for (const [kind, count] of countActive()) before.set(kind, count);
});

// Registered before the file's own hooks, so it runs after them.
afterAll(async () => {
  // Counted and not timed: the clock may be one of the file's making.
  for (let asked = 0; asked < patience && leftovers().length > 0; asked++) await sleep(5);
  expect(leftovers(), 'the file left something open: close it in its tests').toEqual([]);
});
