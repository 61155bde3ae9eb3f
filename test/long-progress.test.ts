/** A stopped long run continues where it was. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { Progress } from './long/progress.js';

let file: string;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'serpy-progress-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  file = join(folder, 'runs', 'progress.json');
});

/** Does three pieces of work, and fails at one of them. */
async function run(progress: Progress, failsAt?: string): Promise<string[]> {
  const done: string[] = [];
  for (const key of ['a', 'b', 'c']) {
    await progress.once(key, async () => {
      if (key === failsAt) throw new Error('stopped');
      done.push(key);
      return key;
    });
  }
  return done;
}

test('a run that was stopped continues with the piece that was not finished', async () => {
  await expect(run(new Progress(file), 'c')).rejects.toThrow('stopped');
  const again = new Progress(file);
  expect(again.earlier).toBe(2);
  expect(await run(again)).toEqual(['c']);
  again.finish();
  expect(existsSync(file)).toBe(false);
  expect(await run(new Progress(file))).toEqual(['a', 'b', 'c']);
});

test('a restart, and a damaged file, begin from the start', async () => {
  await run(new Progress(file));
  expect(await run(new Progress(file, true))).toEqual(['a', 'b', 'c']);
  writeFileSync(file, '{"a":');
  expect(new Progress(file).earlier).toBe(0);
});

test('a result that is not final is found again by the next run', async () => {
  const progress = new Progress(file);
  await progress.once(
    'worlds',
    async () => 'failed',
    (result) => result === 'passed',
  );
  expect(new Progress(file).has('worlds')).toBe(false);
});
