/** When a session sends a PING, and when it closes a silent link. */
import type { SessionHost } from 'serpy-core';
import { seededRandom } from 'serpy-core/testing';
import { expect, test } from 'vitest';
import { Heartbeat } from '../../src/reliable/heartbeat.js';
import { ReliableSession } from '../../src/reliable/reliable-session.js';
import { StreamFrames } from '../../src/reliable/session-frames.js';

test.each([
  ['as late as leaves it time to answer', 15_000, 7_500],
  ['no later than a timer can wait, where no silence ends the link', 0, 2 ** 31 - 1],
])('a peer that wants to be asked after ages is asked %s', (_what, peerTimeoutMs, expectedMs) => {
  const settings = {
    replay: { maxMessages: 10, maxBytes: 1000 },
    maxMessageBytes: 1000,
    window: { maxMessages: 10, maxBytes: 1000, drops: false },
    pingIntervalMs: 5_000,
    peerTimeoutMs,
  };
  const output = {
    progress: () => {},
    reserve: (bytes: number) => ({ buffer: Buffer.alloc(bytes), offset: 0 }),
  } as unknown as SessionHost<never>;
  const session = new ReliableSession(settings, output, new StreamFrames(1000));
  session.linkUp({ maxMessageBytes: 1000, pingIntervalMs: 2 ** 58, limit: 1000 }, true, 0);
  expect(session.deadlineMs).toBe(expectedMs);
  session.tick(expectedMs);
  if (peerTimeoutMs === 0) return;
  expect(() => session.tick(peerTimeoutMs)).toThrow(/silent for 15000 ms/);
});

test('a PING precedes the timeout even if pingIntervalMs is longer than peerTimeoutMs', () => {
  const times = { pingIntervalMs: 5_000, peerTimeoutMs: 2_000 };
  const settings = {
    replay: { maxMessages: 10, maxBytes: 1000 },
    maxMessageBytes: 1000,
    window: { maxMessages: 10, maxBytes: 1000, drops: false },
    ...times,
  };
  let written = 0;
  const reserve = (bytes: number) => {
    written++;
    return { buffer: Buffer.alloc(bytes), offset: 0 };
  };
  const output = { progress: () => {}, reserve } as unknown as SessionHost<never>;
  const session = new ReliableSession(settings, output, new StreamFrames(1000));
  session.linkUp({ maxMessageBytes: 1000, pingIntervalMs: 5_000, limit: 1000 }, true, 0);
  expect(session.deadlineMs).toBe(1_000);
  session.tick(1_000);
  expect(written).toBe(1);
  expect(() => session.tick(2_000)).toThrow(/silent for 2000 ms/);
});

test('a program that was too busy to send the PING sends it first, and then waits for the answer', () => {
  const heartbeat = new Heartbeat({ pingIntervalMs: 5_000, peerTimeoutMs: 15_000 });
  heartbeat.onReceived(0);
  expect(heartbeat.deadlineMs).toBe(5_000);
  expect(heartbeat.check(60_000)).toBe('ask');
  expect(heartbeat.deadlineMs).toBe(65_000);
  expect([heartbeat.check(65_000), heartbeat.check(69_999), heartbeat.check(70_000)]).toEqual([
    'ask',
    undefined,
    'dead',
  ]);
  heartbeat.onReceived(70_000);
  expect([heartbeat.check(75_000), heartbeat.check(84_999), heartbeat.check(85_000)]).toEqual(['ask', 'ask', 'dead']);
});

test('a link without PINGs times out too', () => {
  for (const pingIntervalMs of [0, 15_000, 20_000]) {
    const heartbeat = new Heartbeat({ pingIntervalMs, peerTimeoutMs: 15_000 });
    heartbeat.onReceived(0);
    expect([heartbeat.deadlineMs, heartbeat.check(14_999), heartbeat.check(15_000)]).toEqual([
      15_000,
      undefined,
      'dead',
    ]);
  }
});

test.each([
  { pingIntervalMs: 5_000, peerTimeoutMs: 15_000 },
  { pingIntervalMs: 5_000, peerTimeoutMs: 2_000 },
  { pingIntervalMs: 0, peerTimeoutMs: 2_000 },
  { pingIntervalMs: 5_000, peerTimeoutMs: 0 },
])('received bytes never bring the deadline forward, as the session relies on it: %o', (times) => {
  const random = seededRandom(1);
  const heartbeat = new Heartbeat(times);
  heartbeat.onReceived(0);
  for (let nowMs = 0; nowMs < 1_000_000; nowMs += random() * 4_000) {
    if (random() < 0.5 && heartbeat.check(nowMs) === 'dead') heartbeat.onReceived(nowMs);
    const before = heartbeat.deadlineMs ?? Number.POSITIVE_INFINITY;
    heartbeat.onReceived(nowMs);
    expect(heartbeat.deadlineMs ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(before);
    heartbeat.check(nowMs + random() * 6_000);
  }
});
