import { request } from 'node:http';
import { type Connection, connect, listen } from 'serpy';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Run, runToEnd } from '../run.js';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The command with a page on a free port. */
async function start(...args: string[]): Promise<[run: Run, url: URL]> {
  const run = new Run(['view', '--page-port', '0', ...args]);
  closing.push(async () => {
    run.interrupt();
    await run.ended;
  });
  const [, url = ''] = await run.until(/(https?:\/\/\S+)\n/, 'stdout');
  return [run, new URL(url)];
}

interface State {
  readonly sources: readonly { readonly name: string; readonly state: string; readonly messages: number }[];
  readonly panels: readonly { readonly source: string; readonly kind: string; readonly unit: string | null }[];
}

/** The state that a page gets, whenever it changes. */
function watch({ port, hash }: URL): { current: State | undefined } {
  const protocols = ['serpy-view', ...(hash === '' ? [] : [`token.${hash.slice(1)}`])];
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols, { origin: `http://127.0.0.1:${port}` });
  const watched: { current: State | undefined } = { current: undefined };
  socket.on('message', (data, isBinary) => {
    if (!isBinary) watched.current = JSON.parse(String(data)) as State;
  });
  closing.push(() => socket.terminate());
  return watched;
}

async function instrument() {
  const server = await listen({ protocol: 'v2', port: 0, closeTimeoutMs: 100 });
  closing.push(() => server.closeServer());
  server.on('connection', (client) => {
    for (const value of ['hello', 1.5, Float32Array.of(1, 2)]) void client.sendData(value as string);
  });
  return `serpy2://127.0.0.1:${server.address.port}`;
}

describe('serpy view', () => {
  test('shows the instruments of several URLs under their names, with units', async () => {
    const [one, two] = [await instrument(), await instrument()];
    const [, url] = await start(`cam=${one}`, two, '--unit', 'cam=counts', '--unit', 'V');
    expect(url.hostname).toBe('127.0.0.1');
    const page = watch(url);
    await vi.waitFor(() => expect(page.current?.panels).toHaveLength(6));
    const kinds = page.current?.panels.map(({ source, kind, unit }) => `${source} ${kind} ${unit}`);
    const other = two.replace('serpy2://', '');
    expect(kinds?.sort()).toEqual(
      [
        ...['curve', 'log', 'trend'].map((kind) => `cam ${kind} counts`),
        ...['curve', 'log', 'trend'].map((kind) => `${other} ${kind} V`),
      ].sort(),
    );
  });

  test('lets instruments connect, and gives one that comes back its panels', async () => {
    const [run, url] = await start('--listen', 'serpy2://127.0.0.1:0');
    const [, port] = await run.until(/instruments connect to serpy2:\/\/127\.0\.0\.1:(\d+)/);
    const send = async (value: number): Promise<Connection> => {
      const connection = (await connect({
        protocol: 'v2',
        port: Number(port),
        closeTimeoutMs: 100,
      })) as unknown as Connection;
      closing.push(() => connection.destroy());
      await connection.sendData(value);
      return connection;
    };
    const page = watch(url);
    const first = await send(1);
    await vi.waitFor(() => expect(page.current?.panels).toMatchObject([{ source: '127.0.0.1', kind: 'trend' }]));
    await send(2);
    await vi.waitFor(() =>
      expect(page.current?.panels.map(({ source }) => source)).toEqual(['127.0.0.1', '127.0.0.1 2']),
    );
    await first.close();
    await vi.waitFor(() => expect(page.current?.sources[0]?.state).toBe('closed'));
    await send(3);
    await vi.waitFor(() => expect(page.current?.sources.filter(({ state }) => state === 'connected')).toHaveLength(2));
    expect(page.current?.panels).toHaveLength(2);
  });

  test('waits for an instrument that is off', async () => {
    const [, url] = await start('serpy2://127.0.0.1:9');
    const page = watch(url);
    await vi.waitFor(() => expect(page.current?.sources).toMatchObject([{ name: '127.0.0.1:9', state: 'connecting' }]));
  });

  test('in a network prints the address with the token once on stdout, a QR code, and what HTTP means', async () => {
    const [run, url] = await start(await instrument(), '--lan');
    expect(url.hash).toMatch(/^#[\w-]{32}$/);
    await run.until(/█/, 'stderr');
    await run.until(/look, and change nothing\. Over HTTP, others in the network can see the pictures/, 'stderr');
    expect(run.stdout.trim().split('\n')).toHaveLength(1);
    expect(run.stderr).not.toContain(url.hash.slice(1));
    const page = watch(url);
    await vi.waitFor(() => expect(page.current?.panels).toHaveLength(3));
  });

  test('refuses another Host', async () => {
    const [, { port }] = await start(await instrument());
    const status = await new Promise((resolve) => {
      request({ port, host: '127.0.0.1', headers: { host: 'evil.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
    expect(status).toBe(403);
  });

  test('says that a folder is missing', async () => {
    const { status, stderr } = await runToEnd(['view', 'run-that-is-missing', '--page-port', '0']);
    expect(status).toBe(2);
    expect(stderr).toContain('there is no folder run-that-is-missing, and it is not a URL such as serpy://');
  });

  test.each([
    [['--listen', 'serpy2://127.0.0.1:0', 'serpy2://127.0.0.1:0'], '--listen takes one URL'],
    [['http://127.0.0.1'], 'http'],
    [['serpy2://127.0.0.1:9', '--page-cert', 'a.pem'], '--page-cert and --page-key belong together'],
    [['serpy2://127.0.0.1:9', '--page-port', '70000'], '--page-port takes a whole number from 0 to 65535'],
    [['a=serpy2://127.0.0.1:9', 'a=serpy2://127.0.0.1:10'], "there is a source 'a' already"],
  ])('refuses %j', async (args, sentence) => {
    const { status, stderr } = await runToEnd(['view', '--page-port', '0', ...args]);
    expect([status, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });
});
