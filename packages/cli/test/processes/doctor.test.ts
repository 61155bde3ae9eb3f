/** `serpy doctor` and `serpy bench` as they are installed, in processes of their own. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { generateKey, listen } from 'serpy';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { killPrograms, Program } from '../../../../test/program.js';
import { hasTerminals, type InstalledCommand, installedCommand } from '../command.js';

vi.setConfig({ hookTimeout: 600_000, testTimeout: 180_000 });

let command: InstalledCommand;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  command = await installedCommand();
});

afterEach(async () => {
  await killPrograms();
  for (const end of ends.splice(0).reverse()) await end();
});

/** `serpy bench --listen` on a free port. */
async function startBench(env: NodeJS.ProcessEnv = {}, scheme = 'serpy'): Promise<[Program, url: string]> {
  const program = command.start(['bench', '--listen', `${scheme}://127.0.0.1:0`], env);
  const [, port] = await program.untilStderr(/answering on 127\.0\.0\.1:(\d+); Ctrl-C stops it/);
  return [program, `${scheme}://127.0.0.1:${port}`];
}

/** A peer in plain Python that knows the frames of v2 and sends each back. */
const pythonEcho = `
import socket, struct
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
peer, address = server.accept()
stream = peer.makefile("rb")
while header := stream.read(14):
    magic, kind, checksum, length = struct.unpack("<5sBII", header)
    if magic == b"\\xde\\xca\\xfe\\xca\\xfe":
        peer.sendall(header + stream.read(length))
`;

describe('serpy doctor, installed', () => {
  test('checks this computer: status 0, a line for each check, nothing on stderr', async () => {
    const { status, stdout, stderr } = await command.start(['doctor']).ended;
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.match(/^(ok|warn|skip) /gm)).toHaveLength(16);
    expect(stdout).toMatch(
      /^ok {4}v2 throughput {2}1 MB at [\d,.]+ MB\/s, 10 MB at [\d,.]+ MB\/s, 100 MB at [\d,.]+ MB\/s$/m,
    );
  });

  test('gives JSON that a program reads, about a peer with a key that stands nowhere in it', async () => {
    const key = String(generateKey());
    const [, url] = await startBench({ SERPY_KEY: key }, 'serpy+tls');
    const { status, stdout, stderr } = await command.start(['doctor', url, '--json'], { SERPY_KEY: key }).ended;
    expect([status, stderr]).toEqual([0, '']);
    const { ok, checks } = JSON.parse(stdout) as {
      ok: boolean;
      checks: { name: string; status: string; figures?: object }[];
    };
    expect(ok).toBe(true);
    expect(checks.find(({ name }) => name === 'key')).toMatchObject({ status: 'ok', figures: { encrypted: true } });
    expect(checks.find(({ name }) => name === 'throughput')?.figures).toMatchObject({ oneWay: true });
    expect(stdout).not.toContain(key);
  });

  test('names another program on the port, with status 1', async () => {
    const server = createServer((socket) => {
      ends.push(() => socket.destroy());
      socket.on('error', () => {}).write('SSH-2.0-OpenSSH_9.6\r\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(() => server.close());
    const { port } = server.address() as { port: number };
    const { status, stdout, stderr } = await command.start(['doctor', `serpy://127.0.0.1:${port}`]).ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^FAIL {2}protocol {7}the peer does not speak serpy, it looks like an SSH server\n +-> use the port/m,
    );
    expect(stderr).toContain('serpy: 1 failed, 6 skipped. Fix the line marked FAIL first.\n');
    expect(stderr).not.toMatch(/^\s+at |\(node:/m);
  });

  test('says that another key was given, with status 1', async () => {
    const [, url] = await startBench({ SERPY_KEY: String(generateKey()) }, 'serpy+tls');
    const other = String(generateKey());
    const { status, stdout } = await command.start(['doctor', url], { SERPY_KEY: other }).ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}key +.*the server has a different key/m);
    expect(stdout).not.toContain(other);
  });

  test('Ctrl-C stops it in the middle', async () => {
    const program = command.start(['doctor']);
    await program.until(/^ok +listen/m);
    program.interrupt();
    const { status, stderr } = await program.ended;
    expect([status, stderr]).toEqual([1, 'serpy: interrupted: the remaining checks did not run\n']);
  });

  test.skipIf(!hasTerminals)('has colours in a terminal', async () => {
    const server = await listen({ protocol: 'v2', port: 0 });
    ends.push(() => server.closeServer());
    const url = `serpy2://127.0.0.1:${server.address.port}`;
    const { status, stdout } = await command.startInTerminal(['doctor', url, '--connect-only']).ended;
    expect(status).toBe(0);
    expect(stdout).toContain('\x1b[32mok   \x1b[39m reachable');
  });

  test('help has examples', async () => {
    const { status, stdout } = await command.start(['doctor', '--help']).ended;
    expect(status).toBe(0);
    expect(stdout).toContain('serpy doctor serpy://192.168.1.20:5001 --connect-only');
  });
});

describe('serpy bench, installed', () => {
  test('measures a link between two processes, and the other end says what came', async () => {
    const [server, url] = await startBench();
    const { status, stdout, stderr } = await command.start(['bench', url, '--duration', '2']).ended;
    expect([status, stderr]).toEqual([0, 'measuring for at most 2 s; Ctrl-C stops it\n']);
    expect(stdout).toMatch(/over v2 in a session, not encrypted\n\nRound trip of 64 B, [\d,]+ times:\n {2}p50 /);
    expect(stdout).toMatch(/\n\nThroughput, one way:\n +size +messages\/s +MB\/s\n +64 B /);
    await server.untilStderr(/disconnected: [\d,]+ messages, [\d.,]+ MB\n/);
    server.interrupt();
    expect(await server.ended).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^served [\d,]+ messages, .* MB\n$/),
    });
  });

  test.skipIf(spawnSync('python3', ['--version']).status !== 0)('measures a peer in plain Python', async () => {
    const peer = new Program('python3', ['-c', pythonEcho]);
    const [port] = await peer.until(/\d+/);
    const args = ['bench', `serpy2://127.0.0.1:${port}`, '--duration', '3', '--json'];
    const { status, stdout } = await command.start(args).ended;
    expect(status).toBe(0);
    const { otherEnd, roundTrip, throughput } = JSON.parse(stdout);
    expect([otherEnd, throughput[0].direction]).toEqual(['echo', 'there and back']);
    expect(roundTrip.count).toBeGreaterThan(0);
  });

  test('says what to start at the other end, with status 1', async () => {
    const server = await listen({ protocol: 'v2', port: 0 });
    ends.push(() => server.closeServer());
    const url = `serpy2://127.0.0.1:${server.address.port}`;
    const { status, stdout, stderr } = await command.start(['bench', url, '--duration', '1', '--json']).ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^serpy: .* accepts the connection and returns nothing: start "serpy bench --listen" there, .*\n$/,
    );
    expect(JSON.parse(stdout)).toMatchObject({ complete: false, otherEnd: null, throughput: [] });
  });

  test('Ctrl-C stops it', async () => {
    const [, url] = await startBench();
    const program = command.start(['bench', url]);
    await program.until(/Round trip/);
    program.interrupt();
    const { status, stderr } = await program.ended;
    expect([status, stderr]).toEqual([1, expect.stringMatching(/serpy: interrupted\n$/)]);
  });
});
