import { ManualClock } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { AuthFailureLog } from '../../src/server/auth-failure-log.js';

function setUp(limit = 3) {
  const clock = new ManualClock();
  const failures = new AuthFailureLog(limit, clock);
  const fail = (host: string, times: number) => {
    for (let i = 0; i < times; i++) failures.add(host);
  };
  return { clock, failures, fail };
}

describe('authentication failures', () => {
  test('block an address from the limit on, and no other', () => {
    const { failures, fail } = setUp();
    fail('10.0.0.5', 2);
    expect(failures.exceeds('10.0.0.5')).toBe(false);
    fail('10.0.0.5', 1);
    expect(failures.exceeds('10.0.0.5')).toBe(true);
    expect(failures.exceeds('10.0.0.6')).toBe(false);
  });

  test('expire after a minute, each for itself', async () => {
    const { clock, failures, fail } = setUp();
    fail('10.0.0.5', 1);
    await clock.advance(30_000);
    fail('10.0.0.5', 5);
    await clock.advance(59_999);
    expect(failures.exceeds('10.0.0.5')).toBe(true);
    await clock.advance(1);
    expect(failures.exceeds('10.0.0.5')).toBe(false);
  });

  test('never block an address without a limit', () => {
    const { failures, fail } = setUp(Number.POSITIVE_INFINITY);
    fail('10.0.0.5', 1000);
    expect(failures.exceeds('10.0.0.5')).toBe(false);
  });

  test.each([
    ['10.0.0.5', '::ffff:10.0.0.5', true],
    ['2001:db8:1:2::5', '2001:db8:1:2:aaaa:bbbb:cccc:dddd', true],
    ['2001:db8::5', '2001:db8:0:0:1::', true],
    ['2001:db8:1:2::5', '2001:db8:1:3::5', false],
    ['fe80::1%eth0', 'fe80::2%eth1', true],
    ['::1', '::2', true],
    ['::1', '2001:db8::1', false],
  ])('of %s and %s count together: %s', (first, second, together) => {
    const { failures, fail } = setUp();
    fail(first, 3);
    expect(failures.exceeds(second)).toBe(together);
  });

  test('of very many addresses take limited memory: the oldest are removed', () => {
    const { failures, fail } = setUp(1);
    fail('10.0.0.5', 1);
    fail('10.0.0.6', 1);
    for (let i = 0; i < 1022; i++) fail(`10.1.${i >> 8}.${i & 255}`, 1);
    expect(failures.exceeds('10.0.0.5')).toBe(true);
    fail('10.0.0.5', 1); // the latest again
    fail('10.2.0.1', 1);
    expect(failures.exceeds('10.0.0.6')).toBe(false);
    expect(failures.exceeds('10.0.0.5')).toBe(true);
  });
});
