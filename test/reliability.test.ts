/** Promises of sessions: TCP connections are cut many times, and at every byte. */
import { expect, test } from 'vitest';
import { everyByte } from './reliability/every-byte.js';
import { transfer } from './reliability/transfer.js';

const MiB = 1024 * 1024;

test.each(['up', 'down'] as const)(
  '100 MiB arrive complete, once and in order, although the link is cut 200 times (%s)',
  async (direction) => {
    const report = await transfer({ seed: 7, cuts: 200, messages: 400, messageBytes: MiB / 4, direction });
    expect(report).toMatchObject({ lost: 0, faults: [] });
    expect(report.cuts).toBeGreaterThan(150);
  },
  120_000,
);

test('three messages arrive once, whichever byte of the handshake, the messages or the close frame the link is cut at, in every way', async () => {
  const { cases, bytes, faults } = await everyByte('memory', 1);
  expect(faults).toEqual([]);
  expect(Math.min(...bytes)).toBeGreaterThan(300);
  expect(cases).toBe(3 * (bytes[0] + bytes[1] + 2));
}, 120_000);

test.each(['sockets', 'tls'] as const)(
  'three messages arrive once, wherever the link is cut (%s)',
  async (place) => {
    const { faults } = await everyByte(place, 16, place === 'tls' ? 97 : 41);
    expect(faults).toEqual([]);
  },
  120_000,
);
