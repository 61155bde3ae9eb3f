/** Promises of sessions, over real sockets: links are cut until there is nothing left to cut. */
import { expect, test } from 'vitest';
import { transfer } from './reliability/transfer.js';

const MiB = 1024 * 1024;

test.each(['up', 'down'] as const)(
  '100 MiB arrive whole, once and in order though the link is cut 200 times (%s)',
  async (direction) => {
    const report = await transfer({ seed: 7, cuts: 200, messages: 400, messageBytes: MiB / 4, direction });
    expect(report).toMatchObject({ lost: 0, twice: 0, damaged: 0, outOfOrder: 0 });
    expect(report.cuts).toBeGreaterThan(190);
  },
  120_000,
);
