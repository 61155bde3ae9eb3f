import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, connect, generateKey, listen } from 'serpy';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Run, runToEnd } from '../run.js';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(...args: string[]): Promise<[run: Run, urls: string[]]> {
  const run = new Run(['hub', ...args]);
  closing.push(async () => {
    run.interrupt();
    await run.ended;
  });
  await run.until(/programs connect to these addresses/);
  return [run, run.stdout.trim().split('\n')];
}

async function instrument(...values: (string | number)[]) {
  const server = await listen({ protocol: 'v2', port: 0, closeTimeoutMs: 100 });
  closing.push(() => server.closeServer());
  server.on('connection', async (client) => {
    for (const value of values) await client.sendData(value);
  });
  return { server, url: `serpy2://127.0.0.1:${server.address.port}` };
}

async function client(url: string, options: object = {}): Promise<Connection> {
  const { hostname, port } = new URL(url.replace(/^serpy2(\+tls)?:/, 'http:'));
  const connection = await connect({
    protocol: 'v2',
    host: hostname,
    port: Number(port),
    closeTimeoutMs: 100,
    ...options,
  });
  closing.push(() => connection.destroy());
  return connection as unknown as Connection;
}

describe('serpy hub', () => {
  test('serves one instrument to several programs over one connection', async () => {
    const { server, url } = await instrument('hello', 42);
    const [run, [address = '']] = await start(url, '--serve', 'serpy2://127.0.0.1:0');
    await run.until(/127\.0\.0\.1:\d+ connected/);
    const programs = [await client(address), await client(address), await client(address)];
    for (const program of programs)
      expect([await program.getData(), await program.getData()].sort()).toEqual([42, 'hello']);
    expect(server.size).toBe(1);
    run.interrupt();
    expect((await run.ended).stderr).toContain('forwarded 6 messages');
  });

  test('says at the end how many messages newer ones replaced, and how a program gets all of them', async () => {
    const { server, url } = await instrument();
    const [run, [address = '']] = await start(url, '--serve', 'serpy2://127.0.0.1:0');
    await run.until(/127\.0\.0\.1:\d+ connected/);
    const program = await client(address);
    const [source] = server.connections;
    // They arrive together, although no program is slow.
    for (let n = 0; n < 500; n++) void source!.sendData(n);
    while ((await program.getData()) !== 499);
    run.interrupt();
    expect((await run.ended).stderr).toMatch(
      /forwarded \d+ messages, \d+ replaced by newer ones \(--policy all forwards every message\)\n/,
    );
  });

  test('serves sources alone and together', async () => {
    const [one, two] = [await instrument('one'), await instrument(2)];
    const serve = ['--serve', 'serpy2://127.0.0.1:0', '--serve', 'b=serpy2://127.0.0.1:0'];
    const [run, [all = '', alone = '']] = await start(`a=${one.url}`, `b=${two.url}`, ...serve);
    await run.until(/b connected/);
    await run.until(/a connected/);
    const both = await client(all);
    expect([await both.getData(), await both.getData()].sort()).toEqual([2, 'one']);
    expect(await (await client(alone)).getData()).toBe(2);
  });

  test('gives a program without keys the other end of an encrypted connection', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'serpy-hub-'));
    closing.push(() => rmSync(folder, { recursive: true }));
    const key = generateKey();
    const keyFile = join(folder, 'lab.key');
    writeFileSync(keyFile, `${key}\n`, { mode: 0o600 });
    const camera = await listen({ protocol: 'v2', port: 0, key, closeTimeoutMs: 100 });
    closing.push(() => camera.closeServer());
    camera.on('connection', (each) => void each.sendData('secret'));
    const [, [address = '']] = await start(
      `serpy2+tls://127.0.0.1:${camera.address.port}`,
      '--key-file',
      keyFile,
      '--serve',
      'serpy2://127.0.0.1:0',
    );
    expect(address).toMatch(/^serpy2:\/\//);
    const program = await client(address);
    expect(await program.getData()).toBe('secret');
    expect(program.encrypted).toBe(false);
  });

  test('counts what programs send, and does not forward it', async () => {
    const { server, url } = await instrument(1);
    const [run, [address = '']] = await start(url, '--serve', 'serpy2://127.0.0.1:0');
    const program = await client(address);
    await program.getData();
    await program.sendData('reset');
    await program.close();
    run.interrupt();
    expect((await run.ended).stderr).toContain('1 message of programs ignored');
    for (const each of server) expect(each.stats().messagesReceived).toBe(0);
  });

  test('with --requests answers come from the instrument', async () => {
    const { server, url } = await instrument();
    server.onRequest((value) => `${String(value)}!`);
    const [run, [address = '']] = await start(url, '--serve', 'serpy2://127.0.0.1:0', '--requests');
    await run.until(/:\d+ connected/);
    expect(await (await client(address)).request('temperature?')).toBe('temperature?!');
  });

  test('says that an instrument is off, and when it is there', async () => {
    const { server, url } = await instrument(1);
    await server.closeServer();
    const [run] = await start(`cam=${url}`, '--serve', 'serpy2://127.0.0.1:0');
    await run.until(/cam connecting: /);
    const again = await listen({ protocol: 'v2', port: server.address.port, closeTimeoutMs: 100 });
    closing.push(() => again.closeServer());
    await run.until(/cam connected/);
    await vi.waitFor(() => expect(again.size).toBe(1));
  });

  test.each([
    [['serpy2://127.0.0.1:9'], '--serve is missing'],
    [['serpy2://127.0.0.1:9', '--serve', 'x=serpy2://127.0.0.1:0'], "there is no source 'x'"],
    [['serpy2://127.0.0.1:9', '--serve', 'serpy2://127.0.0.1:0', '--key-file', 'k'], 'is for no URL: write +tls'],
    [['serpy2://127.0.0.1:9', '--serve', 'serpy2://0.0.0.0:0'], 'listen on 127.0.0.1, or add --insecure'],
    [['serpy2://127.0.0.1:9', '--serve', 'serpy2://127.0.0.1:0', '--policy', 'some'], "'some' is invalid"],
  ])('refuses %j', async (args, sentence) => {
    const { status, stderr } = await runToEnd(['hub', ...args]);
    expect([status, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });
});
