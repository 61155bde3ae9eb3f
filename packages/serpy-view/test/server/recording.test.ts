/** A view with a recording, as its pages and its instruments see it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listen, type PortableConnection } from 'serpy';
import { decodeNpy, encodeNpy } from 'serpy-arrays';
import { createRecording, openRecording, verifyRecording } from 'serpy-recording';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { openView, type View, type ViewOptions } from '../../src/index.js';
import type { FromServer } from '../../src/wire/messages.js';
import type { MarksView, TimeView } from '../../src/wire/time.js';

/** A busy computer needs longer than the second that `waitFor` has by default. */
const until = <R>(check: () => R) => vi.waitFor(check, { timeout: 15_000 });

const closing: (() => unknown)[] = [];
let place = '';
let folders = 0;
const newFolder = () => join(place, `run-${folders++}`);

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-view-recording-'));
});

afterAll(() => rmSync(place, { recursive: true }));

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function viewOf(options: ViewOptions = {}): Promise<View> {
  const view = await openView({ port: 0, ...options });
  closing.push(() => view.close());
  return view;
}

const image = (n: number) => encodeNpy({ data: new Uint16Array(16).fill(n), shape: [4, 4] });

function recorded(count: number): string {
  const folder = newFolder();
  const writer = createRecording(folder);
  for (let n = 0; n < count; n++) writer.add({ type: 'bytes', value: image(n) });
  writer.close();
  return folder;
}

/** A page as the server sees it. */
function pageOf(view: View, url = view.url) {
  const { port, hash } = new URL(url);
  const protocols = ['serpy-view', ...(hash === '' ? [] : [`token.${hash.slice(1)}`])];
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols, { origin: `http://127.0.0.1:${port}` });
  const page = {
    time: undefined as TimeView | undefined,
    marks: undefined as MarksView | undefined,
    state: undefined as Extract<FromServer, { type: 'state' }> | undefined,
    closed: new Promise<number>((resolve) => socket.on('close', resolve)),
    send: (message: unknown) => socket.send(JSON.stringify(message)),
    at: (n: number) => until(() => expect(page.time?.n).toBe(n)),
  };
  socket.on('message', (data, isBinary) => {
    if (isBinary) return;
    const message = JSON.parse(String(data)) as FromServer;
    if (message.type === 'time') page.time = message;
    if (message.type === 'marks') page.marks = message;
    if (message.type === 'state') page.state = message;
  });
  socket.on('error', () => {});
  closing.push(() => socket.terminate());
  return page;
}

function download(view: View, path: string, headers = {}): Promise<{ readonly status: number; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(view.url);
    const request = httpRequest({ port, host: '127.0.0.1', path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    request.on('error', reject);
    request.end();
  });
}

describe('pages of a recording', () => {
  test('each have their own time', async () => {
    const view = await viewOf();
    view.showRecording(recorded(100), { unit: 'counts' });
    const [one, other] = [pageOf(view), pageOf(view)];
    await one.at(99);
    await other.at(99);
    one.send({ type: 'seek', n: 10 });
    other.send({ type: 'seek', n: 1_000_000 });
    other.send({ type: 'step', by: -1, panel: null });
    await one.at(10);
    await other.at(98);
    expect(one.state).toMatchObject({ panels: [{ kind: 'image', unit: 'counts', message: 10 }], viewers: 2 });
    expect(one.time).toMatchObject({ mode: 'past', messages: 100, isClosed: true, cannotMark: null });
  });

  test('that ask for many positions at once get the last one', async () => {
    const view = await viewOf();
    view.showRecording(recorded(500));
    const page = pageOf(view);
    await page.at(499);
    for (let n = 0; n < 500; n++) page.send({ type: 'seek', n: (n * 7) % 500 });
    page.send({ type: 'seek', n: 123 });
    await page.at(123);
  });

  test.each([
    { type: 'seek', n: -1 },
    { type: 'seek', n: 0.5 },
    { type: 'step', by: 2, panel: null },
    { type: 'play', speed: 0 },
    { type: 'play', speed: -1 },
    { type: 'play', speed: 1e9 },
    { type: 'mark', first: 'a', last: 1, label: '' },
    { type: 'mark', first: 0, last: 1 },
  ])('that send %o are closed', async (message) => {
    const view = await viewOf();
    view.showRecording(recorded(3));
    const page = pageOf(view);
    await page.at(2);
    page.send(message);
    expect(await page.closed).toBe(1008);
  });

  test('of a view without a recording cannot ask for a time', async () => {
    const page = pageOf(await viewOf());
    await until(() => expect(page.state).toBeDefined());
    page.send({ type: 'seek', n: 1 });
    expect(await page.closed).toBe(1008);
  });

  test('get the array of a message as a file, with the token of the network', async () => {
    const view = await viewOf();
    view.showRecording(recorded(5));
    expect(decodeNpy((await download(view, '/messages/3.npy')).body).data[0]).toBe(3);
    expect((await download(view, '/messages/5.npy')).status).toBe(404);
    expect((await download(view, '/messages/999999999999999.npy')).status).toBe(404);
    const lan = await viewOf({ lan: true });
    lan.showRecording(recorded(5));
    expect((await download(lan, '/messages/3.npy')).status).toBe(403);
    const authorization = `Bearer ${new URL(lan.url).hash.slice(1)}`;
    expect((await download(lan, '/messages/3.npy', { authorization })).status).toBe(200);
  });

  test('a wrong mark is reported, and nothing is written', async () => {
    const folder = recorded(5);
    const view = await viewOf();
    view.showRecording(folder);
    const page = pageOf(view);
    await page.at(4);
    page.send({ type: 'mark', first: 2, last: 99, label: '' });
    await until(() => expect(page.time?.problem).toContain('there is no message 99'));
    page.send({ type: 'mark', first: 2, last: 3, label: 'x'.repeat(300) });
    await until(() => expect(page.time?.problem).toContain('at most 200'));
    page.send({ type: 'mark', first: 2, last: 3, label: 'good' });
    await until(() => expect(page.marks?.marks).toEqual([{ first: 2, last: 3, label: 'good' }]));
    expect(page.time?.problem).toBeNull();
    expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: true, marks: 1 });
  });
});

describe('with lan', () => {
  test('who has the address for other devices can look, and an attempt to mark ends the page', async () => {
    const folder = recorded(5);
    const view = await viewOf({ lan: true });
    view.showRecording(folder);
    const [lanUrl] = view.lanUrls;
    const owner = pageOf(view);
    await owner.at(4);
    owner.send({ type: 'mark', first: 0, last: 1, label: '' });
    await until(() => expect(owner.marks?.marks).toHaveLength(1));
    if (lanUrl === undefined) return; // this computer is in no network
    expect(new URL(lanUrl).hash).not.toBe(new URL(view.url).hash);
    const guest = pageOf(view, `${view.url.split('#')[0]}${new URL(lanUrl).hash}`);
    await guest.at(4);
    expect(guest.time?.cannotMark).toBe('this page can only look');
    guest.send({ type: 'seek', n: 2 });
    await guest.at(2);
    guest.send({ type: 'mark', first: 0, last: 1, label: '' });
    expect(await guest.closed).toBe(1008);
    expect(openRecording(folder).info().marks).toHaveLength(1);
  });
});

describe('a view that records', () => {
  async function camera(onClient: (client: PortableConnection) => void, port = 0) {
    const server = await listen({ protocol: 'v2', port, closeTimeoutMs: 100 });
    closing.push(() => server.closeServer());
    server.on('connection', onClient);
    return server;
  }

  test('records every message, with no page, and faster than a page can draw', { timeout: 60_000 }, async () => {
    const folder = newFolder();
    const view = await viewOf();
    const { ended } = view.record(folder, { note: 'a test' });
    const count = 1000;
    const server = await camera(async (client) => {
      for (let n = 0; n < count; n++) await client.sendData(n % 2 === 0 ? image(n) : n);
    });
    const page = pageOf(view); // it never returns a credit
    await view.show('cam', `serpy2://127.0.0.1:${server.address.port}`);
    await until(() => expect(view.hub.sources.get('cam')?.status().messages).toBe(count));
    await until(() => expect(page.time?.messages).toBe(count));
    await view.close();
    expect(await ended).toEqual({ messages: count, gaps: 0, omitted: 0, problem: undefined });
    let n = 0;
    for (const { value, from } of openRecording(folder).messages()) {
      expect(from).toBe('cam');
      if (n % 2 === 0) expect(image(n).equals(value as Buffer)).toBe(true);
      else expect(value).toBe(n);
      n++;
    }
    expect(n).toBe(count);
    expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: true, isClosed: true, isComplete: true });
  });

  test('marks gaps where the connection of an instrument breaks, and goes on', { timeout: 30_000 }, async () => {
    const folder = newFolder();
    const view = await viewOf();
    view.record(folder);
    const first = await camera((client) => void client.sendData(1));
    const { port } = first.address;
    await view.show('cam', `serpy2://127.0.0.1:${port}`);
    await until(() => expect(view.hub.sources.get('cam')?.status().messages).toBe(1));
    for (const client of first) client.destroy();
    await first.closeServer();
    await camera((client) => void client.sendData(2), port);
    await until(() => expect(view.hub.sources.get('cam')?.status().messages).toBe(2));
    await view.close();
    const events = [...openRecording(folder).index()].map(({ type, n, from }) => `${n} ${type} ${from ?? ''}`);
    expect(events).toEqual(['0 peer cam', '0 int cam', '1 gap cam', '1 int cam', '2 end ']);
  });

  test('stores values of a program, and counts those without a form', async () => {
    const folder = newFolder();
    const view = await viewOf();
    const { ended } = view.record(folder);
    await view.show(
      'program',
      (async function* () {
        yield* [1, 0.5, -0, 2n ** 70n, 'text', Uint8Array.of(1, 2), { a: 1 }, () => {}, Float32Array.of(1, 2)];
      })(),
    );
    await until(() => expect(view.hub.sources.get('program')?.status().messages).toBe(9));
    await view.close();
    expect(await ended).toMatchObject({ messages: 8, omitted: 1 });
    const values = [...openRecording(folder).messages()].map(({ value }) => value);
    expect(values.slice(0, 5)).toEqual([1, 0.5, -0, 2n ** 70n, 'text']);
    expect([...(values[5] as Buffer)]).toEqual([1, 2]);
    expect(values[6]).toEqual(new Map([['a', 1]]));
    expect(decodeNpy(values[7] as Buffer)).toMatchObject({ dtype: 'float32', shape: [2] });
  });

  test('shows values when the recording has reached its size, and says so', async () => {
    const folder = newFolder();
    const view = await viewOf();
    const { ended } = view.record(folder, { maxBytes: 20_000 });
    const page = pageOf(view);
    await view.show(
      'program',
      (async function* () {
        for (let n = 0; n < 500; n++) yield `text ${n}`;
      })(),
    );
    await until(() => expect(page.time?.problem).toContain('its largest size is reached'));
    expect((await ended).problem).toContain('its largest size is reached');
    expect(view.hub.sources.get('program')?.status().messages).toBe(500);
    expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: true, isClosed: true });
  });

  test('has one recording, in a new folder', async () => {
    const folder = recorded(3);
    const view = await viewOf();
    expect(() => view.record(folder)).toThrow(expect.objectContaining({ code: 'ERR_RECORDING_FOLDER' }) as Error);
    expect(() => view.showRecording(place)).toThrow(
      expect.objectContaining({ code: 'ERR_RECORDING_NOT_FOUND' }) as Error,
    );
    view.showRecording(folder);
    expect(() => view.record(newFolder())).toThrow(expect.objectContaining({ code: 'ERR_SERPY_OPTION' }) as Error);
    expect(() => view.showRecording(folder)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_OPTION' }) as Error);
  });
});
