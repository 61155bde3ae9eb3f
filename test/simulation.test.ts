/** Simulates sessions in hundreds of worlds, and checks that a violated rule is detected. `npm run test:long` runs a thousand times as many. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { killPrograms, Program } from './program.js';

afterEach(killPrograms);

const worlds = 500;

const long = (...args: string[]) => new Program(process.execPath, ['scripts/test-long.mjs', ...args]);

test('in 500 worlds with different faults, no rule of a session is violated and every session recovers', {
  timeout: 240_000,
}, async () => {
  const { status, stdout } = await long('simulation', '--worlds', `${worlds}`).ended;
  expect(status, stdout).toBe(0);
  const row = stdout.trim().split('\n').at(-1) ?? '';
  const [ran = 0, events = 0, messages = 0, links = 0, resumed = 0, broken = 0] = row
    .split('|')
    .slice(1)
    .map((cell) => Number(cell.replaceAll(',', '')));
  expect(ran).toBeGreaterThanOrEqual(worlds);
  expect([events, broken]).toEqual([ran * 200, 0]);
  // The worlds are not empty.
  expect(messages).toBeGreaterThan(10 * worlds);
  expect(links).toBeGreaterThan(3 * worlds);
  expect(resumed).toBeGreaterThan(worlds);
});

test('a world that violates a rule is reported with the command that runs it again, and kept', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'serpy-worlds-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const kept = join(folder, 'kept.json');
  // With only one round to heal, sessions that recover normally violate the rule.
  const args = ['--worlds', '20', '--few', '--threads', '1', '--kept-worlds', kept, '--healing-rounds', '1'];
  const { status, stdout } = await long('simulation', ...args).ended;
  expect(status).toBe(1);
  const [, seed, again] = /\nworld (\d+): .*\n {2}again: npm run test:long -- (replay world:\d+)/.exec(stdout) ?? [];
  expect(again).toBe(`replay world:${seed}`);
  expect(JSON.parse(readFileSync(kept, 'utf8'))).toMatchObject([{ seed: Number(seed), why: expect.any(String) }]);
  expect((await long('replay', `world:${seed}`).ended).stdout).toContain(`world ${seed}:`);
});
