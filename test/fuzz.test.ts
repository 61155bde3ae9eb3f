/** The fuzz campaign, short enough for every run of the tests, and that it would notice. `npm run test:long` runs a hundred times as much. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { Chance } from './fuzz/chance.js';
import { timedTargets } from './fuzz/cost-targets.js';
import { readKept } from './fuzz/kept.js';
import { liveTargets } from './fuzz/live.js';
import { longestInputBytes, Mutator } from './fuzz/mutator.js';
import { targets } from './fuzz/targets.js';
import { killPrograms, Program } from './program.js';

afterEach(killPrograms);

const inputs = 2_000_000;
const liveInputs = 1_500;

function long(...args: string[]): Program {
  return new Program(process.execPath, ['scripts/test-long.mjs', ...args]);
}

/** What is told of each target as it ends is no error. */
function withoutProgress(stderr: string): string {
  return stderr.replaceAll(/^\S+: \d+ inputs in \d+ s, 0 failures\n/gm, '');
}

/** The cells of the row of a table that begins with this. */
function row(stdout: string, first: string): string[] {
  const line = stdout.split('\n').find((each) => each.startsWith(`| ${first} |`)) ?? '';
  return line
    .split('|')
    .map((cell) => cell.trim())
    .slice(1, -1);
}

test('two million damaged inputs crash, hang and mislead nobody, and honest clients go on all the while', {
  timeout: 180_000,
}, async () => {
  const { status, stdout, stderr } = await long('fuzz', '--inputs', `${inputs}`, '--live', `${liveInputs}`).ended;
  expect([status, withoutProgress(stderr)], stdout).toEqual([0, '']);
  const number = (text: string | undefined) => Number(text?.replaceAll(',', ''));
  const [, all, refused, messages, crashes, hangs] = row(stdout, 'all').map(number);
  expect(all).toBeGreaterThanOrEqual(inputs + liveTargets.length * liveInputs);
  expect([crashes, hangs]).toEqual([0, 0]);
  // Both sides of the readers are reached.
  expect(refused).toBeGreaterThan(inputs / 5);
  expect(messages).toBeGreaterThan(inputs / 5);
  for (const target of ['v1', 'v2', 'v2-server-prefer'])
    expect(number(row(stdout, target)[9]), target).toBeLessThanOrEqual(4);
  for (const target of liveTargets) expect(number(row(stdout, target)[3]), target).toBeGreaterThan(100);
});

describe('a campaign', () => {
  const folder = mkdtempSync(join(tmpdir(), 'serpy-fuzz-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const kept = join(folder, 'kept.json');
  const few = ['--inputs', '2000', '--threads', '1', '--kept', kept];

  test('tells the input that a reader throws at, keeps it, and the command that runs it again finds the same', async () => {
    const { status, stdout } = await long('fuzz', '--target', 'stumbling-throws', ...few).ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(/\nstumbling-throws: TypeError: it cannot read FF\n {2}input \d+ of seed 1: [\da-f]*ff/);
    const [, again = ''] = /again: npm run test:long -- replay (\S+)/.exec(stdout) ?? [];
    expect(await long('replay', again).ended).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/TypeError: it cannot read FF/),
    });
    // The inputs of a next run are others, but it begins with what was kept.
    const next = await long('fuzz', '--target', 'stumbling-throws', ...few, '--inputs', '0').ended;
    expect(next.status).toBe(1);
    expect(row(next.stdout, 'kept').slice(1, 5)).toEqual(['5', '0', '0', '5']);
  });

  test('gives a reader up that hangs, tells the input and keeps it', async () => {
    const { status, stdout } = await long('fuzz', '--target', 'stumbling-hangs', '--hang-ms', '300', ...few).ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(/stumbling-hangs: the thread got no further\n {2}input \d+ of seed 1: [\da-f]*ff/);
    expect(readFileSync(kept, 'utf8')).toMatch(/"target": "stumbling-hangs"/);
  });

  test('notices a reader that takes longer than its bytes allow', { timeout: 60_000 }, async () => {
    const { status, stdout } = await long('fuzz', '--target', 'stumbling-slow', ...few).ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /stumbling-slow: Error: \d+ bytes take \d+ ms, and may take 30\n {2}input \d+ of seed 1: [\da-f]*ff/,
    );
  });

  test('notices a reader that ends its thread', async () => {
    const { status, stdout } = await long('fuzz', '--target', 'stumbling-dies', ...few).ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(/stumbling-dies: the thread ended with 3\n {2}input \d+ of seed 1: [\da-f]*ff/);
  });

  test('begins with the inputs that have broken something before', () => {
    const names = [...[...targets, ...timedTargets].map(({ name }) => name), ...liveTargets];
    for (const { target, index, input } of readKept('test/fuzz/kept.json')) {
      expect(names).toContain(target);
      expect(index).toBeTypeOf('number');
      expect(input).toMatch(/^(?:[\da-f]{2})+$/);
    }
  });
});

describe('the mutator', () => {
  test.each(targets.map((target) => [target.name, target] as const))(
    'makes the same bytes of the same chance for %s, and hardly ever leaves an input as it was',
    (_, target) => {
      const [one, other] = [new Mutator(target), new Mutator(target)];
      let same = 0;
      const seen = new Set<string>();
      for (let index = 0; index < 2_000; index++) {
        const bytes = Buffer.from(one.next(new Chance(7, index, target.name)));
        expect(bytes.equals(other.next(new Chance(7, index, target.name)))).toBe(true);
        expect(bytes.length).toBeLessThanOrEqual(longestInputBytes);
        if (target.seeds.some((seed) => seed.bytes.equals(bytes))) same++;
        seen.add(bytes.toString('latin1'));
      }
      expect(same).toBeLessThan(200);
      expect(seen.size).toBeGreaterThan(1_500);
    },
  );
});
