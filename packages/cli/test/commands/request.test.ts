import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ListenOptions, listen, type Server } from 'serpy';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, describe, expect, test } from 'vitest';
import { Run, runToEnd } from '../run.js';

let server: Server | undefined;

afterEach(async () => {
  await server?.closeServer();
  server = undefined;
});

async function serve(protocol = 'auto'): Promise<string> {
  server = (await listen({ protocol, port: 0 } as ListenOptions)) as Server;
  return `${protocol === 'auto' ? 'serpy' : protocol === 'v1' ? 'serpy1' : 'serpy2'}://127.0.0.1:${server.address?.port}`;
}

describe('serpy request', () => {
  test.each(['auto', 'v1', 'v2'])('prints the answer on one line without control characters (%s)', async (protocol) => {
    const url = await serve(protocol);
    server?.onRequest((value) => `answer to ${value}\x1b[2J`);
    const { status, stdout, stderr } = await runToEnd(['request', url, 'temperature?']);
    expect([status, stdout, stderr]).toEqual([0, 'answer to temperature?\\u001b[2J\n', '']);
  });

  test('asks with a number, with a file, and with each line of stdin', async () => {
    const url = await serve('v2');
    server?.onRequest((value) => (Buffer.isBuffer(value) ? value.length : (value as string)));
    const folder = mkdtempSync(join(tmpdir(), 'serpy-request-'));
    const file = join(folder, 'image.bin');
    writeFileSync(file, Buffer.alloc(1000));
    expect((await runToEnd(['request', url, '--number', '42.5'])).stdout).toBe('42.5\n');
    expect((await runToEnd(['request', url, '--file', file])).stdout).toBe('1000\n');
    expect((await runToEnd(['request', url, '-'], { input: 'one\ntwo\n' })).stdout).toBe('one\ntwo\n');
    rmSync(folder, { recursive: true });
  });

  test('a peer without an answer is a failure that says what to check', async () => {
    const url = await serve();
    server?.onRequest(() => new Promise(() => {}));
    const { status, stdout, stderr } = await runToEnd(['request', url, 'x', '--timeout', '1500ms']);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(
      'request timed out after 1500 ms (--timeout): the peer has the request and may have executed it. Raise --timeout',
    );
  });

  test('a handler that fails is a failure with its message, and the peer keeps no session', async () => {
    const url = await serve();
    server?.onRequest(() => {
      throw new Error('the shutter is stuck');
    });
    const closed = once(server as Server, 'connection').then(([connection]) => once(connection, 'close'));
    const { status, stderr } = await runToEnd(['request', url, 'open']);
    expect(status).toBe(1);
    expect((await closed)[0]).toMatchObject({ reason: 'peer-closed', clean: true });
    expect(stderr).toContain('serpy: the peer did not answer the request: the shutter is stuck');
  });

  test.each([
    [['127.0.0.1:5001', 'x'], "'127.0.0.1:5001' is not a URL: write serpy://127.0.0.1:5001 before the request"],
    [['hello'], "'hello' is not a URL"],
    [['serpy://127.0.0.1:1'], 'there is no request'],
    [['serpy://127.0.0.1:1', 'x', '--file', 'y'], 'a request has one value'],
    [['serpy://127.0.0.1:1', 'x', '--number'], 'is not a number'],
  ])('a wrong command line is a usage error: %j', async (args, text) => {
    const { status, stderr } = await runToEnd(['request', ...args]);
    expect(status).toBe(2);
    expect(stderr).toContain(text);
  });

  test('a server that does not exist is a failure', async () => {
    const { status, stderr } = await runToEnd(['request', 'serpy://127.0.0.1:1', 'x']);
    expect(status).toBe(1);
    expect(stderr).toContain('127.0.0.1:1');
  });

  test('with --wait it says once that the server is not there yet', async () => {
    const url = await serve();
    const port = Number(new URL(url).port);
    await server?.closeServer();
    const asking = new Run(['request', url, 'x', '--wait']);
    await waitFor(() => /Still trying: Ctrl-C ends the wait$/m.test(asking.stderr));
    server = (await listen({ port })) as Server;
    server.onRequest(() => 'an answer');
    expect(await asking.ended).toMatchObject({ status: 0, stdout: 'an answer\n' });
  });
});
