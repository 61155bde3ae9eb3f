/** The benchmark, run for a fraction of a second. It tests that the benchmark works, not how fast anything is. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { root } from './workspace.js';

interface Outcome {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

interface Row {
  readonly peer: string;
  readonly errors: readonly string[];
  readonly samples: readonly Readonly<Record<string, number>>[];
}

interface Results {
  readonly skipped: Readonly<Record<string, string>>;
  readonly workloads: readonly { readonly workload: { readonly name: string }; readonly rows: readonly Row[] }[];
}

const folder = mkdtempSync(join(tmpdir(), 'serpy-bench-'));
const json = join(folder, 'results.json');

afterAll(() => rmSync(folder, { recursive: true }));

function runBench(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const options = { env: { ...process.env, ...environment } };
  return new Promise((resolve) => {
    execFile(process.execPath, [join(root, 'bench', 'run.mjs'), ...words], options, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

function readResults(): Results {
  return JSON.parse(readFileSync(json, 'utf8')) as Results;
}

test('measures raw sockets and serpy under each workload, in a table and as JSON', async () => {
  const measured = ['--only', 'small,round-trip,ack-64', '--peers', 'raw,serpy-v2'];
  const { code, stdout } = await runBench([...measured, '--rounds', '1', '--duration', '20ms', '--json', json]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\| serpy-v2 +\| +[\d,.]+ \(/m);
  const { workloads } = readResults();
  expect(workloads.map(({ workload }) => workload.name)).toEqual(['small', 'round-trip', 'ack-64']);
  for (const { rows } of workloads) {
    expect(rows.map(({ peer, errors }) => ({ peer, errors }))).toEqual([
      { peer: 'raw', errors: [] },
      { peer: 'serpy-v2', errors: [] },
    ]);
    for (const { samples } of rows) {
      expect(samples).toHaveLength(1);
      for (const value of Object.values(samples[0] ?? {})) expect(value).toBeGreaterThanOrEqual(0);
    }
  }
});

test('names a peer that cannot run, with the reason, and continues', async () => {
  const measured = ['--only', 'small', '--peers', 'raw,py-connection', '--rounds', '1', '--duration', '0.02'];
  const { code, stdout } = await runBench([...measured, '--json', json], { PYTHON: 'no-such-python' });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^- py-connection: no-such-python cannot run it: .*ENOENT/m);
  const { skipped, workloads } = readResults();
  expect(Object.keys(skipped)).toEqual(['py-connection']);
  expect(workloads[0]?.rows.map(({ peer }) => peer)).toEqual(['raw']);
});

test('ends with status 2 and the existing names when it is given an unknown one', async () => {
  const { code, stderr } = await runBench(['--only', 'no-such-thing']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^There is no workload no-such-thing: there are blob-1m, /);
});

test.each(['0', 'long', '3 days', '-1s'])('rejects the duration %j with status 2', async (duration) => {
  const { code, stderr } = await runBench(['--duration', duration]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^--duration takes a time above 0, such as 500ms, 2s or 1min, not '|argument is ambiguous/);
});

test('calls its time --duration, like serpy bench', async () => {
  const { code, stderr } = await runBench(['--seconds', '1']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^Unknown option '--seconds'/);
});

test('bench/published/2026-11-22.md shows every workload, and every curve with all its steps', async () => {
  const page = readFileSync(join(root, 'bench', 'published', '2026-11-22.md'), 'utf8');
  const { stdout } = await runBench(['--list']);
  const names = [...stdout.matchAll(/^ {2}([a-z0-9-]+) {2}/gm)].map(([, name = '']) => name);
  const stepsOf = (prefix: string) =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const ordinary = names.filter((name) => !/^(size|connections|queue)-/.test(name));
  expect(ordinary).toContain('micro');
  expect(ordinary.filter((name) => !page.includes(`(${name})`))).toEqual([]);
  for (const [prefix, head] of [
    ['size-', 'bytes'],
    ['connections-', 'connections'],
    ['queue-', 'queue length'],
  ] as const) {
    const [, table = ''] = page.split(new RegExp(`^\\| ${head} +\\|`, 'm'));
    const [rows = ''] = table.split('\n\n');
    const shown = [...rows.matchAll(/^\| ([\d,]+) +\|/gm)].map(([, step = '']) => step.replaceAll(',', ''));
    expect(shown, head).toEqual(stepsOf(prefix));
    expect(shown.length, head).toBeGreaterThan(3);
  }
});
