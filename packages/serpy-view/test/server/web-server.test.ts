/** What a browser, and what something else, gets from the server of a view. */
import { request as httpRequest } from 'node:http';
import { listen } from 'serpy';
import { encodeNpy } from 'serpy-arrays';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { openView, type View, type ViewOptions } from '../../src/index.js';
import { decodeFrame } from '../../src/wire/frame.js';
import type { Frame, FromServer, PanelRequest } from '../../src/wire/messages.js';
import { buildPage } from '../build-page.js';

const closing: (() => unknown)[] = [];

beforeAll(buildPage);

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function viewOf(options: ViewOptions = {}): Promise<View> {
  const view = await openView({ port: 0, ...options });
  closing.push(() => view.close());
  return view;
}

const portOf = (view: View) => Number(new URL(view.url).port);
const tokenOf = (view: View) => new URL(view.url).hash.slice(1);

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

function get(view: View, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { port: portOf(view), host: '127.0.0.1', path, headers, method, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    request.on('error', reject);
    request.end();
  });
}

interface PageOptions {
  readonly protocols?: string[];
  readonly origin?: string;
  readonly host?: string;
}

/** A page as the server sees it. */
class TestPage {
  readonly socket: WebSocket;
  readonly frames: Frame[] = [];
  state: Extract<FromServer, { type: 'state' }> | undefined;
  readonly ended: Promise<{ readonly code: number; readonly refusal: string | undefined }>;

  constructor(view: View, { protocols = ['serpy-view'], origin, host }: PageOptions = {}) {
    const own = `http://127.0.0.1:${portOf(view)}`;
    this.socket = new WebSocket(`ws://127.0.0.1:${portOf(view)}/`, protocols, {
      ...(origin === '' ? {} : { origin: origin ?? own }),
      ...(host === undefined ? {} : { headers: { host } }),
    });
    this.socket.binaryType = 'arraybuffer';
    this.socket.on('message', (data: ArrayBuffer | Buffer, isBinary) => {
      if (isBinary) this.frames.push(decodeFrame<Frame>(data as ArrayBuffer).header);
      else this.#take(JSON.parse(Buffer.from(data as ArrayBuffer).toString()) as FromServer);
    });
    let refusal: string | undefined;
    this.ended = new Promise((resolve) => {
      this.socket.on('close', (code) => resolve({ code, refusal }));
      this.socket.on('unexpected-response', (request, response) => {
        response.on('data', (chunk) => {
          refusal = String(chunk);
        });
        response.on('end', () => {
          request.destroy();
          resolve({ code: response.statusCode ?? 0, refusal });
        });
      });
      this.socket.on('error', () => {});
    });
    closing.push(() => this.socket.terminate());
  }

  #take(message: FromServer): void {
    if (message.type === 'state') this.state = message;
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Asks for frames of the only panel. */
  async subscribe(change: Partial<PanelRequest> = {}): Promise<number> {
    await vi.waitFor(() => expect(this.state?.panels.length).toBe(1));
    const panel = this.state?.panels[0]?.id ?? 0;
    const request: PanelRequest = {
      width: 500,
      height: 500,
      region: null,
      reduce: 'mean',
      slice: 0,
      saturation: null,
      line: null,
      spanMs: null,
      ...change,
    };
    this.send({ type: 'request', panel, request });
    return panel;
  }
}

/** Images as fast as they are taken away, until the test ends. */
function stream(side = 32): { readonly values: AsyncIterable<unknown>; readonly sent: () => number } {
  let [sent, isOver] = [0, false];
  closing.push(() => {
    isOver = true;
  });
  async function* values() {
    for (; !isOver; sent++) {
      yield { data: new Uint16Array(side * side).fill(sent % 60_000), shape: [side, side] };
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { values: values(), sent: () => sent };
}

async function* once(...values: unknown[]): AsyncGenerator<unknown> {
  yield* values;
}

describe('the server', () => {
  test('serves the page, which loads nothing from elsewhere', async () => {
    const view = await viewOf();
    const { status, headers, body } = await get(view, '/');
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    for (const path of ['/page.js', '/page.css', '/icon.svg']) {
      expect((await get(view, path)).status).toBe(200);
      expect(String(body)).toContain(`"${path}"`);
    }
    expect(String(body)).not.toMatch(/https?:/);
  });

  test.each(['/../package.json', '/page/../../package.json', '/%2e%2e/package.json', '/panels/1.npy', '/x'])(
    'has nothing at %s',
    async (path) => {
      expect((await get(await viewOf(), path)).status).toBe(404);
    },
  );

  test('is read only', async () => {
    expect((await get(await viewOf(), '/', {}, 'POST')).status).toBe(405);
  });

  test.each([
    'evil.example',
    'evil.example:8080',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    '127.0.0.1:80:80',
  ])('refuses the Host %j, for files and for the page’s socket', async (host) => {
    const view = await viewOf();
    const { status, body } = await get(view, '/', { host });
    expect([status, String(body)]).toEqual([403, 'this server has another name: open the address that it prints\n']);
    expect((await new TestPage(view, { host, origin: `http://${host}` }).ended).code).toBe(403);
  });

  test('accepts a tunnel with another port', async () => {
    const view = await viewOf();
    expect((await get(view, '/', { host: 'localhost:9999' })).status).toBe(200);
    const page = new TestPage(view, { host: 'localhost:9999', origin: 'http://localhost:9999' });
    await vi.waitFor(() => expect(page.state).toBeDefined());
  });

  test.each(['http://evil.example', 'null', '', 'https://127.0.0.1'])(
    'refuses a socket from the Origin %j',
    async (origin) => {
      const { code, refusal } = await new TestPage(await viewOf(), { origin }).ended;
      expect([code, refusal]).toEqual([403, 'the request does not come from the page of this server\n']);
    },
  );

  test('refuses a socket of another protocol', async () => {
    expect((await new TestPage(await viewOf(), { protocols: ['mqtt'] }).ended).code).toBe(403);
  });

  test('says that a port is in use', async () => {
    const view = await viewOf();
    await expect(openView({ port: portOf(view) })).rejects.toMatchObject({
      code: 'ERR_SERPY_LISTEN',
      message: expect.stringContaining('is in use: choose another one') as string,
    });
  });

  test.each([[{ port: -1 }], [{ port: 1.5 }], [{ prot: 1 }]])('refuses the options %o', async (options) => {
    await expect(openView(options as ViewOptions)).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
  });
});

describe('the token of a network', () => {
  test('is random, in the fragment, and needed for the socket and for downloads', async () => {
    const view = await viewOf({ lan: true });
    const token = tokenOf(view);
    expect(token).toMatch(/^[\w-]{32}$/);
    expect(token).not.toBe(tokenOf(await viewOf({ lan: true })));
    const page = new TestPage(view, { protocols: ['serpy-view', `token.${token}`] });
    await vi.waitFor(() => expect(page.state).toBeDefined());
    expect(page.socket.protocol).toBe('serpy-view');
    await view.show('image', once({ data: Float32Array.of(1, 2), shape: [1, 2] }));
    const id = await page.subscribe();
    expect((await get(view, `/panels/${id}.npy`)).status).toBe(403);
    expect((await get(view, `/panels/${id}.npy`, { authorization: 'Bearer x' })).status).toBe(403);
    const { status, body } = await get(view, `/panels/${id}.npy`, { authorization: `Bearer ${token}` });
    expect(status).toBe(200);
    expect(body).toEqual(encodeNpy({ data: Float32Array.of(1, 2), shape: [1, 2] }));
  });

  test.each([[['serpy-view']], [['serpy-view', 'token.x']], [['serpy-view', `token.${'A'.repeat(32)}`]]])(
    'a socket with %j is refused with a sentence that does not hold the token',
    async (protocols) => {
      const view = await viewOf({ lan: true });
      const { code, refusal } = await new TestPage(view, { protocols }).ended;
      expect([code, refusal]).toEqual([403, expect.stringMatching(/^the token is missing or wrong/)]);
      expect(refusal).not.toContain(tokenOf(view));
    },
  );
});

describe('an open page', () => {
  test('gets two frames until it returns a credit, then the newest', async () => {
    const view = await viewOf();
    const { values, sent } = stream();
    await view.show('camera', values);
    const page = new TestPage(view);
    const panel = await page.subscribe();
    await vi.waitFor(() => expect(page.frames.length).toBe(2));
    const before = sent();
    await vi.waitFor(() => expect(sent()).toBeGreaterThan(before + 100));
    expect(page.frames.length).toBe(2);
    page.send({ type: 'credit', panel, frame: 1 });
    await vi.waitFor(() => expect(page.frames.length).toBe(3));
    const { skipped, delayMs } = page.frames[2] as Frame;
    expect(skipped).toBeGreaterThan(90);
    expect(delayMs).toBeGreaterThan(0);
  });

  test('that invents credits or returns them twice gets no more', async () => {
    const view = await viewOf();
    const { values, sent } = stream();
    await view.show('camera', values);
    const page = new TestPage(view);
    const panel = await page.subscribe();
    await vi.waitFor(() => expect(page.frames.length).toBe(2));
    for (const frame of [1, 1, 1, 99, -1, 0.5]) page.send({ type: 'credit', panel, frame });
    await vi.waitFor(() => expect(page.frames.length).toBe(3));
    const before = sent();
    await vi.waitFor(() => expect(sent()).toBeGreaterThan(before + 100));
    expect(page.frames.length).toBe(3);
  });

  test('in the background gets nothing, and the newest when it is visible again', async () => {
    const view = await viewOf();
    const { values, sent } = stream();
    await view.show('camera', values);
    const page = new TestPage(view);
    page.socket.on('open', () => page.send({ type: 'visible', visible: true }));
    const panel = await page.subscribe();
    await vi.waitFor(() => expect(page.frames.length).toBe(2));
    page.send({ type: 'visible', visible: false });
    for (const frame of [1, 2]) page.send({ type: 'credit', panel, frame });
    const before = sent();
    await vi.waitFor(() => expect(sent()).toBeGreaterThan(before + 100));
    expect(page.frames.length).toBe(2);
    page.send({ type: 'visible', visible: true });
    await vi.waitFor(() => expect(page.frames.length).toBe(4));
  });

  test('that is frozen keeps its image, also when it zooms', async () => {
    const view = await viewOf();
    const { values, sent } = stream();
    await view.show('camera', values);
    const page = new TestPage(view);
    const panel = await page.subscribe();
    await vi.waitFor(() => expect(page.frames.length).toBe(2));
    const shown = page.frames[1] as Extract<Frame, { kind: 'image' }>;
    page.send({ type: 'freeze', panel, frozen: true });
    for (const frame of [1, 2]) page.send({ type: 'credit', panel, frame });
    const before = sent();
    await vi.waitFor(() => expect(sent()).toBeGreaterThan(before + 50));
    expect(page.frames.length).toBe(2);
    await page.subscribe({ region: [0, 0, 4, 4] });
    await vi.waitFor(() => expect(page.frames.length).toBe(3));
    expect(page.frames[2]).toMatchObject({ region: [0, 0, 4, 4], statistics: shown.statistics, skipped: 0 });
    page.send({ type: 'freeze', panel, frozen: false });
    await vi.waitFor(() => expect(page.frames.length).toBe(4));
  });

  test('that sends nonsense is closed, and the others stay', async () => {
    const view = await viewOf();
    const good = new TestPage(view);
    const bad = new TestPage(view);
    await vi.waitFor(() => expect([good.state, bad.state]).not.toContain(undefined));
    bad.socket.send('{"type":"shutdown"}');
    expect((await bad.ended).code).toBe(1008);
    const huge = new TestPage(view);
    await vi.waitFor(() => expect(huge.state).toBeDefined());
    huge.socket.send('x'.repeat(100_000));
    expect((await huge.ended).code).toBe(1009);
    expect(good.socket.readyState).toBe(WebSocket.OPEN);
    await vi.waitFor(() => expect(view.viewers).toBe(1));
  });

  test('asks for panels that do not exist, and nothing happens', async () => {
    const view = await viewOf();
    const page = new TestPage(view);
    await vi.waitFor(() => expect(page.state).toBeDefined());
    for (const type of ['credit', 'freeze', 'probe', 'request']) {
      page.send({ type, panel: 99, frame: 1, frozen: true, x: 1, y: 1, request: {} });
    }
    const { code } = await page.ended; // the empty request is nonsense
    expect(code).toBe(1008);
  });
});

describe('a view', () => {
  test('costs the instrument one connection for 20 pages', async () => {
    const camera = await listen({ protocol: 'v2', port: 0, closeTimeoutMs: 100 });
    closing.push(() => camera.closeServer());
    const view = await viewOf();
    await view.show('camera', `serpy2://127.0.0.1:${camera.address.port}`, { unit: 'counts', axes: ['y', 'x'] });
    await vi.waitFor(() => expect(camera.size).toBe(1));
    const pages = Array.from({ length: 20 }, () => new TestPage(view));
    for (const client of camera) await client.sendData({ data: Uint16Array.of(1, 2, 3, 4), shape: [2, 2] });
    for (const page of pages) {
      await page.subscribe();
      await vi.waitFor(() => expect(page.frames).toHaveLength(1));
    }
    expect(camera.size).toBe(1);
    expect(pages[0]?.state?.panels).toMatchObject([
      { source: 'camera', kind: 'image', unit: 'counts', axes: ['y', 'x'] },
    ]);
    expect(pages[0]?.state?.sources).toMatchObject([
      { name: 'camera', state: 'connected', protocol: 'v2', messages: 1 },
    ]);
  });

  test('a source that is closed is replaced under its name, and keeps its panels', async () => {
    const view = await viewOf();
    await view.show('temperature', once(1, 2));
    await vi.waitFor(() => expect(view.hub.sources.get('temperature')?.status().state).toBe('closed'));
    await view.show('temperature', once(3));
    const page = new TestPage(view);
    await page.subscribe();
    await vi.waitFor(() =>
      expect(page.frames.at(-1)).toMatchObject({ kind: 'trend', last: 3, statistics: { count: 3 } }),
    );
    await view.remove('temperature');
    await vi.waitFor(() => expect(page.state).toMatchObject({ panels: [], sources: [] }));
  });
});
