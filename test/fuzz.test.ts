/** The fuzz campaign, short enough for every test run, and tests of the campaign. `npm run test:long` runs 500 times as many inputs. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { timedTargets } from './fuzz/cost-targets.js';
import { readKept } from './fuzz/kept.js';
import { liveTargets } from './fuzz/live.js';
import { longestInputBytes, Mutator } from './fuzz/mutator.js';
import { InputRandom } from './fuzz/random.js';
import { targets } from './fuzz/targets.js';
import { killPrograms, Program } from './program.js';

afterEach(killPrograms);

const inputs = 400_000;
const liveInputs = 500;

function long(...args: string[]): Program {
  return new Program(process.execPath, ['scripts/test-long.mjs', ...args]);
}

/** Discards the report of each target. */
function withoutProgress(stderr: string): string {
  return stderr.replaceAll(/^\S+: \d+ inputs in \d+ s, 0 failures\n/gm, '');
}

/** The cells of the table row that starts with this text. */
function row(stdout: string, first: string): string[] {
  const line = stdout.split('\n').find((each) => each.startsWith(`| ${first} |`)) ?? '';
  return line
    .split('|')
    .map((cell) => cell.trim())
    .slice(1, -1);
}

test('damaged inputs cause no crash, no hang and no wrong message, and valid clients are not affected', {
  timeout: 180_000,
}, async () => {
  const { status, stdout, stderr } = await long('fuzz', '--inputs', `${inputs}`, '--live', `${liveInputs}`).ended;
  expect([status, withoutProgress(stderr)], stdout).toEqual([0, '']);
  const number = (text: string | undefined) => Number(text?.replaceAll(',', ''));
  const [, all, refused, messages, crashes, hangs] = row(stdout, 'all').map(number);
  expect(all).toBeGreaterThanOrEqual(inputs + liveTargets.length * liveInputs);
  expect([crashes, hangs]).toEqual([0, 0]);
  // The inputs reach both the valid and the invalid paths of the readers.
  expect(refused).toBeGreaterThan(inputs / 5);
  expect(messages).toBeGreaterThan(inputs / 5);
  for (const target of ['v1', 'v2', 'v2-server-prefer'])
    expect(number(row(stdout, target)[9]), target).toBeLessThanOrEqual(4);
  for (const target of liveTargets) expect(number(row(stdout, target)[3]), target).toBeGreaterThan(liveInputs / 15);
});

describe('a campaign', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'serpy-fuzz-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const kept = join(folder, 'kept.json');
  const few = ['--inputs', '2000', '--threads', '1', '--kept', kept];

  test('reports and keeps an input at which a reader throws, and the printed command finds it again', async () => {
    const { status, stdout } = await long('fuzz', '--target', 'stumbling-throws', ...few).ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(/\nstumbling-throws: TypeError: it cannot read FF\n {2}input \d+ of seed 1: [\da-f]*ff/);
    const [, again = ''] = /again: npm run test:long -- replay (\S+)/.exec(stdout) ?? [];
    expect(await long('replay', again).ended).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/TypeError: it cannot read FF/),
    });
    // The next run has other inputs, but it starts with the kept ones.
    const next = await long('fuzz', '--target', 'stumbling-throws', ...few, '--inputs', '0').ended;
    expect(next.status).toBe(1);
    expect(row(next.stdout, 'kept').slice(1, 5)).toEqual(['5', '0', '0', '5']);
  });

  test('ends a reader that hangs, and reports and keeps the input', async () => {
    const { status, stdout } = await long('fuzz', '--target', 'stumbling-hangs', '--hang-ms', '300', ...few).ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(/stumbling-hangs: the thread got no further\n {2}input \d+ of seed 1: [\da-f]*ff/);
    expect(readFileSync(kept, 'utf8')).toMatch(/"target": "stumbling-hangs"/);
  });

  test('detects a reader that needs more time than its bytes allow', { timeout: 60_000 }, async () => {
    const { status, stdout } = await long('fuzz', '--target', 'stumbling-slow', ...few).ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /stumbling-slow: Error: \d+ bytes take \d+ ms, and may take 30\n {2}input \d+ of seed 1: [\da-f]*ff/,
    );
  });

  test('detects a reader that ends its thread', async () => {
    const { status, stdout } = await long('fuzz', '--target', 'stumbling-dies', ...few).ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(/stumbling-dies: the thread ended with 3\n {2}input \d+ of seed 1: [\da-f]*ff/);
  });

  test('starts with the inputs that broken versions failed on', () => {
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
    'makes the same bytes of the same random numbers for %s, and rarely leaves an input unchanged',
    (_, target) => {
      const [one, other] = [new Mutator(target), new Mutator(target)];
      let same = 0;
      const seen = new Set<string>();
      for (let index = 0; index < 2_000; index++) {
        const bytes = Buffer.from(one.next(new InputRandom(7, index, target.name)));
        expect(bytes.equals(other.next(new InputRandom(7, index, target.name)))).toBe(true);
        expect(bytes.length).toBeLessThanOrEqual(longestInputBytes);
        if (target.seeds.some((seed) => seed.bytes.equals(bytes))) same++;
        seen.add(bytes.toString('latin1'));
      }
      expect(same).toBeLessThan(200);
      expect(seen.size).toBeGreaterThan(1_500);
    },
  );
});
