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

interface Summary {
  readonly peer: string;
  readonly cpuRatio?: { readonly median: number };
}

interface Target {
  readonly name: string;
  readonly processes?: string;
  readonly measured?: number;
  readonly target: number;
  readonly note?: string;
}

interface Results {
  readonly warm?: {
    readonly windows: number;
    readonly base: string;
    readonly workloads: readonly { readonly rows: readonly Row[]; readonly summary: readonly Summary[] }[];
  };
  readonly targets?: readonly Target[];
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

/** A number of each of three windows. */
type Windows = readonly [number, number, number];

function windowsOf(row: Row | undefined): Windows {
  const at = (window: number) => row?.samples[window]?.cpuSecondsPerMillion ?? Number.NaN;
  return [at(0), at(1), at(2)];
}

function middleOf(three: readonly number[]): number {
  return three.toSorted((a, b) => a - b)[1] ?? Number.NaN;
}

test('warm processes are measured in windows, and compared with those of the base before and after', async () => {
  const words = ['--mode', 'warm', '--only', 'small', '--peers', 'raw,serpy-v2,serpy-v2-session', '--base', 'serpy-v2'];
  const { code, stdout } = await runBench([...words, '--windows', '3', '--window', '20ms', '--json', json]);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^Warm processes, 3 windows of 0.02 s that alternate; .*: ratio to the windows of serpy-v2 before and after\.$/m,
  );
  const { warm, workloads } = readResults();
  expect(workloads).toEqual([]);
  expect(warm).toMatchObject({ windows: 3, base: 'serpy-v2' });
  const [measured] = warm?.workloads ?? [];
  expect(measured?.rows.map(({ peer, samples, errors }) => [peer, samples.length, errors])).toEqual([
    ['raw', 3, []],
    ['serpy-v2', 3, []],
    ['serpy-v2-session', 3, []],
  ]);
  const [raw, base, session] = [0, 1, 2].map((row) => windowsOf(measured?.rows[row])) as [Windows, Windows, Windows];
  const means = [base[0], (base[0] + base[1]) / 2, (base[1] + base[2]) / 2, base[2]] as const;
  const shown = measured?.summary.map(({ cpuRatio }) => cpuRatio?.median ?? Number.NaN);
  // In each round raw is measured before the base, and the session after it.
  expect(shown?.[0]).toBeCloseTo(middleOf(raw.map((cpu, window) => cpu / (means[window] ?? 0))), 9);
  expect(shown?.[1]).toBe(1);
  expect(shown?.[2]).toBeCloseTo(middleOf(session.map((cpu, window) => cpu / (means[window + 1] ?? 0))), 9);
});

test('a part that warm processes cannot repeat is named, with status 2', async () => {
  const { code, stderr } = await runBench(['--mode', 'warm', '--only', 'idle-1000']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^idle-1000 is not measured in warm processes: leave out --mode warm\./);
});

test('a base that is not measured is refused', async () => {
  const { code, stderr } = await runBench(['--peers', 'raw,ws', '--base', 'serpy-v2']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^--base serpy-v2 is not one of --peers: add it there/);
});

test('the table of targets says what was measured, the target, and whether it is met', async () => {
  const words = ['--targets', '--only', 'session-64b,resume,lines', '--windows', '2', '--window', '20ms'];
  const { code, stdout } = await runBench([...words, '--rounds', '1', '--duration', '20ms', '--json', json]);
  expect(code).toBe(0);
  const rows = readResults().targets ?? [];
  const brief = rows.map(({ name, processes, target }) => [name, processes, target]);
  expect(brief.slice(0, 3)).toEqual([
    ['session-64b', 'warm', 1.05],
    ['session-64b', 'fresh', 1.3],
    ['resume', undefined, 20],
  ]);
  expect(rows.slice(0, 3).map(({ note }) => note)).toEqual([undefined, undefined, undefined]);
  for (const { name, measured = 0, target } of rows.slice(0, 3)) {
    expect(measured, name).toBeGreaterThan(0);
    const verdict = measured <= target ? 'met' : 'missed';
    expect(stdout).toMatch(new RegExp(`^\\|.* ${name} \\|.*≤ ${target}( ms)? \\|.* ${verdict} \\|$`, 'm'));
  }
  expect(stdout).toMatch(/\| +lines \|.*\| +– \| +≥ 0\.85 \|.*\| +npm run test:long -- lines \|$/m);
});

test.each([
  ['small', 'c,tls,wss,zeromq-push-curve,mqtt-qos1-tls,socket.io-recovery'],
  ['request-64', 'ws-request,zeromq-req,zeromq-dealer-request,socket.io'],
])('measures under %s the peers %s, or says why one cannot run', async (workload, peers) => {
  const words = ['--only', workload, '--peers', peers, '--rounds', '1', '--duration', '20ms', '--json', json];
  const { code } = await runBench(words);
  expect(code).toBe(0);
  const { skipped, workloads } = readResults();
  const rows = workloads.flatMap((measured) => measured.rows);
  for (const { peer, samples, errors } of rows) {
    expect(errors, peer).toEqual([]);
    expect(samples[0]?.messagesPerSecond, peer).toBeGreaterThan(0);
  }
  for (const reason of Object.values(skipped)) expect(reason).toMatch(/cannot|could not|has no/);
  expect([...rows.map(({ peer }) => peer), ...Object.keys(skipped)].toSorted()).toEqual(peers.split(',').toSorted());
});

test('a C program without a compiler is named, with the reason', async () => {
  const words = ['--only', 'small', '--peers', 'raw,c', '--rounds', '1', '--duration', '0.02', '--json', json];
  rmSync(join(root, 'bench', 'dist', 'frames'), { force: true });
  const { code, stdout } = await runBench(words, { CC: 'no-such-compiler' });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^- c: no-such-compiler cannot compile it: .*ENOENT/m);
});

test('the tables in bench/published/2026-11-22.md are of workloads that exist, and its curves have all their steps', async () => {
  const page = readFileSync(join(root, 'bench', 'published', '2026-11-22.md'), 'utf8');
  const { stdout } = await runBench(['--list']);
  const names = [...stdout.matchAll(/^ {2}([a-z0-9-]+) {2}/gm)].map(([, name = '']) => name);
  const stepsOf = (prefix: string) =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const tables = [...page.matchAll(/^### .*\(([a-z0-9-]+)\)$/gm)].map(([, name = '']) => name);
  expect(tables).toContain('micro');
  expect(tables.length).toBeGreaterThan(10);
  expect(tables.filter((name) => !names.includes(name))).toEqual([]);
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
