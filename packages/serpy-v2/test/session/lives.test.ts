/** Nothing lost, whatever breaks: many lives of two peers, each with its own faults. */
import { expect, test } from 'vitest';
import { Life } from './life.js';

const lives = Number(process.env.TEST_LIVES ?? 60);
const first = Number(process.env.TEST_SEED ?? 1);

test('whatever breaks, all that was accepted arrives once, in order and unharmed, and the end is known to be meant', async () => {
  let links = 0;
  for (let seed = first; seed < first + lives; seed++) {
    try {
      links += (await new Life(seed, 200).run()).links;
    } catch (error) {
      throw new Error(`seed ${seed}: TEST_LIVES=1 TEST_SEED=${seed} npx vitest run session/lives`, {
        cause: error,
      });
    }
  }
  if (lives > 10) expect(links).toBeGreaterThan(2 * lives);
}, 300_000);
