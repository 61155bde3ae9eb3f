/** The programs of docs/how-to/node-red.md and docs/how-to/web-page.md, with a v2 instrument. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import * as serpy from 'serpy';
import { Server } from 'serpy-v2';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readPages } from './docs/pages.js';
import { freePort, programOf } from './docs/run.js';
import { killPrograms } from './program.js';

afterEach(killPrograms);

function programs(path: string, port: number): string[] {
  const blocks = readPages().find((each) => each.path === path)?.blocks ?? [];
  const code = blocks.filter(({ language }) => language === 'js').map((block) => block.code);
  return code.map((text) => text.replace('192.168.1.20', '127.0.0.1').replace('5001', `${port}`));
}

describe('the function node of Node-RED', () => {
  /** The environment of a function node in Node-RED, in a separate context, and the calls of the node. */
  function functionNode(port: number) {
    const [start = '', message = '', stop = ''] = programs('docs/how-to/node-red.md', port);
    const statuses: string[] = [];
    const sent: unknown[] = [];
    const warned: string[] = [];
    const kept = new Map<string, unknown>();
    const sandbox = createContext({
      serpy,
      Buffer,
      console,
      node: {
        status: ({ fill }: { fill: string }) => statuses.push(fill),
        send: ({ payload }: { payload: unknown }) => sent.push(payload),
        warn: (text: string) => warned.push(text),
      },
      context: {
        get: (name: string) => kept.get(name),
        set: (name: string, value: unknown) => kept.set(name, value),
      },
    });
    return {
      statuses,
      sent,
      warned,
      connection: () => kept.get('connection') as serpy.Connection<'v2'> | undefined,
      start: (): Promise<void> => runInContext(`(async () => {\n${start}\n})()`, sandbox),
      take: (payload: unknown): Promise<void> =>
        runInContext(`(async (msg) => {\n${message}\n})`, sandbox)({ payload }) as Promise<void>,
      stop: (): void => runInContext(`(() => {\n${stop}\n})()`, sandbox),
    };
  }

  test('waits for the instrument, exchanges messages through a broken connection, and closes it at its end', async () => {
    const port = await freePort();
    const node = functionNode(port);
    await node.start();
    await node.take('early');
    await vi.waitFor(() => expect(node.warned).toEqual([expect.stringContaining('nothing listens there')]));
    expect(node.statuses).toEqual(['red']);

    const instrument = await new Server({ port }).start();
    const first = await instrument.getConnection();
    await vi.waitFor(() => expect(node.statuses.at(-1)).toBe('green'));
    expect(await first.getData()).toBe('early');
    for (const value of ['µ', 21.5, Buffer.from([0, 255])]) await first.sendData(value);
    await vi.waitFor(() => expect(node.sent).toEqual(['µ', 21.5, Buffer.from([0, 255])]));
    for (const value of ['measure', 3, Buffer.from([1])]) await node.take(value);
    expect([await first.getData(), await first.getData(), await first.getData()]).toEqual([
      'measure',
      3,
      Buffer.from([1]),
    ]);
    await expect(node.take({ exposure: 20 })).rejects.toMatchObject({ code: 'ERR_SERPY_VALUE' });

    first.destroy();
    await vi.waitFor(() => expect(node.statuses.at(-1)).toBe('yellow'));
    await node.take('queued');
    const second = await instrument.getConnection();
    expect(await second.getData()).toBe('queued');
    await vi.waitFor(() => expect(node.statuses.at(-1)).toBe('green'));

    node.stop();
    await expect(second.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    await vi.waitFor(() => expect(node.connection()?.state).toBe('closed'));
    await instrument.closeServer();
  });

  test('ends while it waits for the instrument', async () => {
    const node = functionNode(await freePort());
    await node.start();
    await vi.waitFor(() => expect(node.warned).toHaveLength(1));
    node.stop();
    await vi.waitFor(() => expect(node.connection()?.state).toBe('closed'));
    await vi.waitFor(() => expect(node.statuses).toEqual(['red', 'red']));
  });

  test('warns the flow when the queue is full', async () => {
    const instrument = await new Server({ port: 0 }).start();
    const { port = 0 } = instrument.address ?? {};
    const node = functionNode(port);
    await node.start();
    (await instrument.getConnection()).destroy();
    await instrument.closeServer();
    await vi.waitFor(() => expect(node.statuses.at(-1)).toBe('yellow'));
    for (let i = 0; i < 1000; i++) await node.take(i);
    await expect(node.take('one more')).rejects.toMatchObject({ code: 'ERR_SERPY_QUEUE_FULL' });
    node.connection()?.destroy();
    await vi.waitFor(() => expect(node.warned).toHaveLength(1));
  });
});

test('the web page shows readings of the instrument, even after the connection broke', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'serpy-web-'));
  const [web, port] = [await freePort(), await freePort()];
  const [code = ''] = programs('docs/how-to/web-page.md', port);
  const program = programOf(join(folder, 'web-page.mts'), code.replace('8080', String(web)));
  await program.untilStderr(/nothing listens there/);
  const instrument = await new Server({ port }).start();
  try {
    const first = await instrument.getConnection();

    const page = await fetch(`http://127.0.0.1:${web}/`);
    expect(page.headers.get('content-type')).toBe('text/html');
    expect(await page.text()).toContain("new EventSource('/events')");

    const leaving = new AbortController();
    const events = await fetch(`http://127.0.0.1:${web}/events`, { signal: leaving.signal });
    expect(events.headers.get('content-type')).toBe('text/event-stream');
    const body = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    const text = async (length: number) => {
      let all = '';
      while (all.length < length) all += (await body?.read())?.value ?? '';
      return all;
    };
    await first.sendData(21.5);
    await first.sendData('two\nlines');
    const expected = 'data: "21.5"\n\ndata: "two\\nlines"\n\n';
    expect(await text(expected.length)).toBe(expected);

    first.destroy();
    const second = await instrument.getConnection();
    await second.sendData('back');
    const between = 'data: "the instrument is disconnected"\n\ndata: "back"\n\n';
    expect(await text(between.length)).toBe(between);

    // A browser that does not read misses readings, and does not delay the others.
    const slow = createConnection(web, '127.0.0.1', () => slow.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n'));
    await once(slow, 'readable');
    const large = 'x'.repeat(2 ** 20);
    for (let i = 0; i < 40; i++) {
      await second.sendData(large);
      await text(large.length + 10);
    }
    let slowBytes = 0;
    let tail = '';
    slow.on('data', (chunk) => {
      slowBytes += chunk.length;
      tail = (tail + chunk.toString('latin1')).slice(-100);
    });
    await vi.waitFor(async () => {
      await second.sendData('end');
      await text(13);
      expect(tail).toContain('data: "end"');
    });
    expect(slowBytes).toBeLessThan(30 * large.length);
    slow.destroy();

    // A browser that disconnected does not affect the others.
    leaving.abort();
    await body?.closed.catch(() => {});
    const other = await fetch(`http://127.0.0.1:${web}/events`);
    await second.sendData('still here');
    const chunk = await other.body?.getReader().read();
    expect(Buffer.from(chunk?.value ?? []).toString()).toBe('data: "still here"\n\n');
  } finally {
    await killPrograms();
    await instrument.closeServer();
    rmSync(folder, { recursive: true });
  }
});
