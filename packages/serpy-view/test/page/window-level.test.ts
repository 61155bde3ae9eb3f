import { describe, expect, test } from 'vitest';
import { WindowLevel } from '../../src/page/window-level.js';
import { quantileLevels } from '../../src/wire/messages.js';

const quantiles = quantileLevels.map((level) => 1000 * level);

describe('the window', () => {
  test.each([
    ['full', 0, 1000],
    ['p01', 1, 999],
    ['p1', 10, 990],
    ['p5', 50, 950],
  ] as const)('%s goes from %d to %d of 1000', (name, low, high) => {
    const level = new WindowLevel();
    level.choose(name);
    level.update(quantiles);
    expect([level.low, level.high]).toEqual([low, high]);
  });

  test('that is dragged stays for later images', () => {
    const level = new WindowLevel();
    level.fix(300, 100);
    level.update(quantiles);
    expect([level.name, level.low, level.high]).toEqual(['fixed', 100, 300]);
  });

  test('a drag to the right widens it, and a drag upwards moves it up', () => {
    const level = new WindowLevel();
    level.fix(100, 300);
    level.drag(0.1, 0);
    expect(level.low).toBeLessThan(100);
    expect(level.high).toBeGreaterThan(300);
    level.fix(100, 300);
    level.drag(0, 0.5);
    expect([level.low, level.high]).toEqual([200, 400]);
  });

  test('of a uniform image is not empty', () => {
    const level = new WindowLevel();
    level.update(quantileLevels.map(() => 42));
    expect(level.high).toBeGreaterThan(level.low);
  });
});
