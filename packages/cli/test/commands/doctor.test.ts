/** `serpy doctor` as it is typed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKey, listen } from 'serpy';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readPage } from '../../../../test/docs/pages.js';
import { root } from '../../../../test/workspace.js';
import { questions } from '../../src/bench/bench-protocol.js';
import { oldestNode } from '../../src/doctor/checks/node.js';
import { computerChecks } from '../../src/doctor/computer-checks.js';
import { peerChecks } from '../../src/doctor/peer-checks.js';
import { Run, runToEnd } from '../run.js';

vi.setConfig({ testTimeout: 120_000 }); // it sends 200 MB around, on a computer that may have other things to do

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serving(options: object = {}) {
  const server = await listen({ protocol: 'v2', port: 0, ...options });
  server.on('warning', () => {});
  ends.push(() => server.closeServer());
  return server.address.port;
}

/** The names of the checks that have a line, in order. */
function namesIn(stdout: string): string[] {
  return [...stdout.matchAll(/^(?:ok|warn|FAIL|skip) +(\S+(?: \S+)*)/gm)].map(([, name]) => name?.split('  ')[0] ?? '');
}

describe('serpy doctor', () => {
  test('checks this computer, line by line', async () => {
    const { status, stdout, stderr } = await runToEnd(['doctor']);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^serpy doctor: this computer\n/);
    expect(namesIn(stdout)).toEqual([
      ...['node', 'listen', 'port', 'loopback IPv4', 'loopback IPv6', 'localhost'],
      ...['protocol v1', 'protocol v2', 'auto', 'session', 'encryption'],
      ...['slow reader', 'v1 throughput', 'v2 throughput', 'python', 'numpy'],
    ]);
    expect(stdout).toMatch(/(All checks passed|No check failed; see the lines marked warn)\.\n$/);
  });

  test('with --json gives one object for a bug report', async () => {
    const env = { SERPY_KEY: String(generateKey()) };
    const { status, stdout } = await runToEnd(['doctor', '--json'], { env });
    expect(status).toBe(0);
    const json = JSON.parse(stdout);
    expect(json).toMatchObject({
      subject: 'this computer',
      ok: true,
      serpy: expect.stringMatching(/^\d+\.\d+\.\d+/),
      node: process.versions.node,
      arch: process.arch,
      platform: 'linux',
      cpus: expect.any(Number),
      totalMemoryBytes: expect.any(Number),
    });
    expect(Object.keys(json)).toEqual([
      ...['subject', 'ok', 'serpy', 'node', 'platform', 'osRelease', 'arch', 'cpus', 'totalMemoryBytes', 'checks'],
    ]);
    for (const check of json.checks) {
      expect(check).toEqual({
        name: expect.any(String),
        status: expect.stringMatching(/^(ok|warn|skip)$/),
        message: expect.any(String),
        advice: check.advice === null ? null : expect.any(String),
        elapsedMs: expect.any(Number),
        ...(check.figures && { figures: expect.any(Object) }),
      });
    }
    expect(stdout).not.toContain(env.SERPY_KEY);
  });

  test('fails with status 1 where a port must be free and is not', async () => {
    const port = await serving();
    const run = new Run(['doctor', '--check-port', String(port)]);
    await run.until(/FAIL {2}port {11}port \d+ is in use\n +-> .*to find the program/);
    await run.until(/loopback IPv4/); // the rest is checked all the same
    run.interrupt();
    const { status, stderr } = await run.ended;
    expect([status, stderr]).toEqual([1, 'serpy: interrupted: the remaining checks did not run\n']);
  });

  test('checks a peer, and ends with status 0 where nothing is broken', async () => {
    const port = await serving();
    const { status, stdout, stderr } = await runToEnd(['doctor', `serpy2://127.0.0.1:${port}`, '--connect-only']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^serpy doctor: serpy2://127\\.0\\.0\\.1:${port}\n`));
    expect(namesIn(stdout)).toEqual([
      ...['address', 'reachable', 'protocol', 'key', 'session', 'agreed', 'round trip', 'throughput'],
    ]);
  });

  test('tells of a peer that is not there, with status 1 and what to do', async () => {
    const port = await serving();
    await ends.pop()?.();
    const { status, stdout, stderr } = await runToEnd(['doctor', '--host', '127.0.0.1', '--port', String(port)]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^FAIL +reachable +.*no program listens.*\n +-> start the server/m);
    expect(stderr).toBe('serpy: 1 failed, 7 skipped. Fix the line marked FAIL first.\n');
  });

  test('a report on a peer holds neither its key nor the options of its URL', async () => {
    const key = String(generateKey());
    const port = await serving({ key });
    const folder = mkdtempSync(join(tmpdir(), 'serpy-doctor-'));
    ends.push(() => rmSync(folder, { recursive: true }));
    const keyFile = join(folder, 'secret.key');
    for (const own of [key, String(generateKey())]) {
      writeFileSync(keyFile, own);
      const url = `serpy+tls://127.0.0.1:${port}?closeTimeoutMs=4321`;
      const { status, stdout, stderr } = await runToEnd([
        'doctor',
        url,
        '--key-file',
        keyFile,
        '--connect-only',
        '--json',
      ]);
      expect(status).toBe(own === key ? 0 : 1);
      expect(JSON.parse(stdout)).toMatchObject({ subject: `serpy+tls://127.0.0.1:${port}`, ok: own === key });
      for (const secret of [own, key, keyFile, '4321']) expect(stdout + stderr).not.toContain(secret);
    }
  });

  test('has no colours without a terminal, nor with NO_COLOR, and has them with one', async () => {
    const port = await serving();
    const args = ['doctor', `serpy2://127.0.0.1:${port}`, '--connect-only'];
    const colour = String.fromCharCode(27);
    expect((await runToEnd(args)).stdout).not.toContain(colour);
    expect((await runToEnd(args, { isTTY: true, env: { NO_COLOR: '1' } })).stdout).not.toContain(colour);
    expect((await runToEnd(args, { isTTY: true })).stdout).toContain(`${colour}[32mok`);
  });

  test.each([
    [['serpy://localhost'], 2, /has no port/],
    [['serpy://localhost:1?unheardOf=1'], 2, /unheardOf/],
    [['--check-port', '0'], 2, /takes a whole number from 1 to 65535/],
    [['serpy://localhost:1', '--check-port', '5001'], 2, /--check-port is for this computer/],
    [['serpy+tls://localhost:1', '--key-file', '/no/such/key'], 2, /no\/such\/key/],
  ] as const)('%j is a wrong command line', async (args, expected, sentence) => {
    const { status, stderr } = await runToEnd(['doctor', ...args]);
    expect(stderr).toMatch(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(status).toBe(expected);
  });
});

describe('docs/doctor.md', () => {
  const { tables, text } = readPage('docs/doctor.md', readFileSync(join(root, 'docs', 'doctor.md'), 'utf8'));
  const [computer, peer] = tables.filter(({ headings }) => headings.includes('says `FAIL`'));
  const named = (table: (typeof tables)[number] | undefined) => table?.rows.map(({ check = '' }) => check.slice(1, -1));

  test('has every check, in the order in which they are run', () => {
    expect(named(computer)).toEqual(computerChecks({ number: 5001, isRequested: false }).map(({ name }) => name));
    expect(named(peer)).toEqual(peerChecks.map(({ name }) => name));
  });

  test('says of every check what to do', () => {
    for (const row of [...(computer?.rows ?? []), ...(peer?.rows ?? [])]) {
      expect(Object.values(row).filter((cell) => cell === '')).toEqual([]);
    }
  });

  test('has every code of the system that the doctor knows', () => {
    const source = readFileSync(join(root, 'packages/cli/src/doctor/checks/peer-reachable.ts'), 'utf8');
    const codes = [...source.matchAll(/^ {4}(E[A-Z_]+): /gm)].map(([, code]) => code);
    const reasons = tables.find(({ headings }) => headings.includes("the system's code"));
    const documented = reasons?.rows.flatMap((row) => [...(row["the system's code"] ?? '').matchAll(/`(E\w+)`/g)]);
    expect(documented?.map(([, code]) => code).sort()).toEqual(codes.sort());
  });

  test('names the limits that the checks go by', () => {
    for (const words of [oldestNode, questions.hello, '10 MB/s', '268 MB', '134 MB']) expect(text).toContain(words);
  });
});
