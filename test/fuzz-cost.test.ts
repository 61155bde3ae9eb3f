/** The time and memory of received bytes are bounded by a constant per byte. */
import { describe, expect, test } from 'vitest';
import { checkTime, checkWeight } from './fuzz/cost.js';
import { costTargets } from './fuzz/cost-targets.js';
import { fat, slow } from './fuzz/stumbling.js';

describe.each(costTargets.map((target) => [target.name, target] as const))('%s', (_, target) => {
  const inputs = target.seeds.map(({ bytes }, index) => [index, bytes] as const);

  test.each(inputs)('input %i takes time in proportion to its bytes', { timeout: 60_000 }, (_index, bytes) => {
    checkTime(target, bytes);
  });

  test('all of them hold memory in proportion to their bytes', { timeout: 60_000 }, () => {
    for (const [, bytes] of inputs) checkWeight(target, bytes);
  });
});

test('a longer time is detected', () => {
  checkTime(slow, Buffer.alloc(100));
  expect(() => checkTime(slow, Buffer.alloc(100, 0xff))).toThrow(/^100 bytes take \d+ ms, and may take 30$/);
});

test('more memory is detected', () => {
  expect(() => checkWeight(fat, Buffer.alloc(1000))).toThrow(/1000 bytes hold \d+ bytes of memory/);
});
