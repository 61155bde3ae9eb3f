import { ManualClock } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';

function setUp() {
  const clock = new ManualClock();
  const fired: string[] = [];
  const plan = (name: string, delayMs: number) =>
    clock.setTimeout(() => fired.push(`${name} at ${clock.now()}`), delayMs);
  return { clock, fired, plan };
}

describe('a manual clock', () => {
  test('stands still until it is advanced', async () => {
    const { clock, fired, plan } = setUp();
    plan('a', 0);
    await new Promise(setImmediate);
    expect([clock.now(), fired, clock.pending]).toEqual([0, [], 1]);
  });

  test('fires due timers in the order of their times, then of their creation', async () => {
    const { clock, fired, plan } = setUp();
    plan('late', 30);
    plan('first', 10);
    plan('second', 10);
    plan('at once', -5);
    await clock.advance(10);
    expect(fired).toEqual(['at once at 0', 'first at 10', 'second at 10']);
    expect(clock.now()).toBe(10);
    await clock.advance(100);
    expect(fired.at(-1)).toBe('late at 30');
    expect(clock.now()).toBe(110);
  });

  test('fires timers that timers set, and lets promises run between them', async () => {
    const { clock, fired } = setUp();
    clock.setTimeout(async () => {
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 5));
      fired.push(`nested at ${clock.now()}`);
    }, 5);
    await clock.advance(10);
    expect(fired).toEqual(['nested at 10']);
  });

  test('does not fire cleared timers', async () => {
    const { clock, fired, plan } = setUp();
    const timer = plan('a', 5);
    clock.clearTimeout(timer);
    clock.clearTimeout(timer);
    clock.clearTimeout(undefined);
    await clock.advance(10);
    expect([fired, clock.pending]).toEqual([[], 0]);
  });

  test('calls setImmediate back between two timers', async () => {
    const { clock, fired, plan } = setUp();
    clock.setTimeout(() => clock.setImmediate(() => fired.push(`between at ${clock.now()}`)), 10);
    plan('after', 10);
    await clock.advance(10);
    expect(fired).toEqual(['between at 10', 'after at 10']);
  });

  test('runAll fires timers until none is left', async () => {
    const { clock, fired, plan } = setUp();
    clock.setTimeout(() => plan('b', 1_000_000), 5);
    await clock.runAll();
    expect([fired, clock.now(), clock.pending]).toEqual([['b at 1000005'], 1_000_005, 0]);
  });

  test('runFreely jumps from timer to timer while the program is idle, until it is stopped', async () => {
    const { clock, fired, plan } = setUp();
    plan('a', 60_000);
    clock.runFreely();
    plan('b', 3_600_000);
    while (fired.length < 2) await new Promise(setImmediate);
    expect(fired).toEqual(['a at 60000', 'b at 3600000']);
    clock.stop();
    plan('c', 1);
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    expect(fired).toHaveLength(2);
  });
});
