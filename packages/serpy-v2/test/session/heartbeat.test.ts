/** When a session asks its peer for a sign of life, and gives it up. */
import type { SessionHost } from 'serpy-core';
import { expect, test } from 'vitest';
import { Heartbeat } from '../../src/session/heartbeat.js';
import { ReliableSession } from '../../src/session/reliable-session.js';

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
  const credentials = { id: Buffer.alloc(16), secret: Buffer.alloc(32) };
  const output = { progress: () => {}, write: () => {} } as unknown as SessionHost<never>;
  const session = new ReliableSession(credentials, settings, output);
  const limits = { messages: 10, bytes: 1000 };
  session.linkUp({ instance: Buffer.alloc(16), maxMessageBytes: 1000, pingIntervalMs: 2 ** 58, limits }, 0);
  expect(session.deadlineMs).toBe(expectedMs);
  session.tick(expectedMs);
  if (peerTimeoutMs === 0) return;
  expect(() => session.tick(peerTimeoutMs)).toThrow(/silent for 15000 ms/);
});

test('a peer is asked in time also where silence ends the link sooner than the program wished to ask', () => {
  const times = { pingIntervalMs: 5_000, peerTimeoutMs: 2_000 };
  const settings = {
    replay: { maxMessages: 10, maxBytes: 1000 },
    maxMessageBytes: 1000,
    window: { maxMessages: 10, maxBytes: 1000, drops: false },
    ...times,
  };
  const written: Uint8Array[] = [];
  const output = { progress: () => {}, write: (piece: Uint8Array) => written.push(piece) };
  const credentials = { id: Buffer.alloc(16), secret: Buffer.alloc(32) };
  const session = new ReliableSession(credentials, settings, output as unknown as SessionHost<never>);
  const limits = { messages: 10, bytes: 1000 };
  session.linkUp({ instance: Buffer.alloc(16), maxMessageBytes: 1000, pingIntervalMs: 5_000, limits }, 0);
  expect(session.deadlineMs).toBe(1_000);
  session.tick(1_000);
  expect(written).toHaveLength(1);
  expect(() => session.tick(2_000)).toThrow(/silent for 2000 ms/);
});

test('a peer is asked first, and then has its time, in a program that was too busy to ask', () => {
  const heartbeat = new Heartbeat({ pingIntervalMs: 5_000, peerTimeoutMs: 15_000 });
  heartbeat.onReceived(0);
  expect(heartbeat.deadlineMs).toBe(5_000);
  expect(heartbeat.check(60_000)).toBe('ping');
  expect(heartbeat.deadlineMs).toBe(65_000);
  expect([heartbeat.check(65_000), heartbeat.check(69_999), heartbeat.check(70_000)]).toEqual([
    'ping',
    undefined,
    'dead',
  ]);
  heartbeat.onReceived(70_000);
  expect([heartbeat.check(75_000), heartbeat.check(84_999), heartbeat.check(85_000)]).toEqual(['ping', 'ping', 'dead']);
});

test('a peer that is not asked in time is given up all the same', () => {
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
