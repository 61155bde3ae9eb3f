/** How fast the live page shows images: frames per second, delay, and the time until the first picture. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { listen, type PortableConnection } from 'serpy';
import {
  browserPath,
  noBrowser,
  startBrowser,
  type TestBrowser,
} from '../../packages/serpy-view/test/browser/browser.js';
import { type Figure, showFigures } from './figure.js';

interface Camera {
  readonly side: number;
  readonly data: Float32Array | Uint16Array;
  readonly perSecond: number;
}

interface Speed {
  readonly firstPictureMs: number;
  /** For each camera: the median of the frames that the page showed in a second. */
  readonly shown: readonly number[];
  /** Of all cameras. */
  readonly delayP95Ms: number;
  /** Connections of each camera. */
  readonly connections: readonly number[];
}

const float32 = (side: number, perSecond: number): Camera => ({ side, data: new Float32Array(side ** 2), perSecond });
const uint16 = (side: number, perSecond: number): Camera => ({ side, data: new Uint16Array(side ** 2), perSecond });

const cases = [
  { what: '512 × 512 of float32 at 30 per second', cameras: [float32(512, 30)], pages: 1, least: 25, mostDelayMs: 100 },
  { what: '2048 × 2048 of uint16 at 15 per second', cameras: [uint16(2048, 15)], pages: 1, least: 12 },
  { what: '4 × 512 × 512 of float32 at 30 per second', cameras: Array(4).fill(float32(512, 30)), pages: 1, least: 10 },
  { what: '512 × 512 of float32 at 30 per second, 20 pages', cameras: [float32(512, 30)], pages: 20, least: 0 },
] as const;

const seconds = 10;
const mostFirstPictureMs = 1000;

export async function viewSpeed(): Promise<boolean> {
  if (!browserPath) {
    console.log(noBrowser);
    return false;
  }
  const browser = await startBrowser();
  try {
    const figures: Figure[] = [];
    for (const { what, cameras, pages, least, ...bounds } of cases) {
      const { firstPictureMs, shown, delayP95Ms, connections } = await measure(browser, cameras, pages);
      const mostDelayMs = 'mostDelayMs' in bounds ? bounds.mostDelayMs : Number.POSITIVE_INFINITY;
      const isAlone = connections.every((count) => count === 1);
      const delayBound = Number.isFinite(mostDelayMs) ? `, delay p95 ≤ ${mostDelayMs} ms` : '';
      figures.push({
        what: `serpy view: ${what}`,
        bound: `≥ ${least} shown per second${delayBound}, first picture ≤ ${mostFirstPictureMs} ms, one connection to a camera`,
        measured: `${shown.join(', ')} per second, delay p95 ${delayP95Ms} ms, first picture ${firstPictureMs.toFixed(0)} ms, ${connections.join(', ')} connections`,
        ok:
          isAlone &&
          Math.min(...shown) >= least &&
          delayP95Ms <= mostDelayMs &&
          (pages > 1 || firstPictureMs <= mostFirstPictureMs),
      });
    }
    return showFigures(figures.map((figure) => ({ ...figure, command: 'npm run test:long -- view-speed' })));
  } finally {
    await browser.close();
  }
}

async function measure(browser: TestBrowser, cameras: readonly Camera[], pages: number): Promise<Speed> {
  const ending = new AbortController();
  const servers: Awaited<ReturnType<typeof serving>>[] = [];
  for (const camera of cameras) {
    const server = await serving();
    server.on('connection', (client) => void send(client, camera, ending.signal));
    servers.push(server);
  }
  const urls = servers.map(({ address }) => `serpy2://127.0.0.1:${address.port}`);
  const args = [resolve('packages/cli/dist/main.js'), 'view', ...urls, '--page-port', '0'];
  const program = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const closed = once(program, 'close');
  try {
    const [address] = (await Promise.race([
      once(program.stdout, 'data'),
      closed.then(() => Promise.reject(new Error('the command ended'))),
    ])) as [Buffer];
    await sleep(1000); // until the cameras are connected
    const opened: Page[] = [];
    for (let n = 1; n < pages; n++) opened.push(await open(browser, address));
    const startMs = performance.now();
    const page = await open(browser, address);
    const firstPictureMs = performance.now() - startMs;
    const speed = await watch(page, cameras.length);
    for (const each of [...opened, page]) await each.close();
    return { ...speed, firstPictureMs, connections: servers.map(({ connections }) => connections.length) };
  } finally {
    ending.abort();
    program.kill('SIGINT');
    await closed;
    for (const server of servers) await server.closeServer();
  }
}

const serving = async () => {
  const server = await listen({ protocol: 'v2', port: 0, closeTimeoutMs: 100 });
  server.on('warning', () => {});
  return server;
};

async function open(browser: TestBrowser, address: Buffer): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(String(address).trim());
  await page.locator('.image .facts').filter({ hasText: 'mean' }).first().waitFor();
  return page;
}

async function send(client: PortableConnection, { side, data, perSecond }: Camera, signal: AbortSignal): Promise<void> {
  const startMs = performance.now();
  try {
    for (let n = 0; !signal.aborted; n++) {
      data.fill(n % 1000, 0, side * 8);
      await client.sendData({ data, shape: [side, side] });
      const dueMs = startMs + ((n + 1) * 1000) / perSecond;
      await sleep(Math.max(dueMs - performance.now(), 1), undefined, { signal });
    }
  } catch {
    // It is over.
  }
}

/** Reads what each panel says of its rate, twice a second. */
async function watch(page: Page, panels: number): Promise<Pick<Speed, 'shown' | 'delayP95Ms'>> {
  const rates: number[][] = Array.from({ length: panels }, () => []);
  const delays: number[] = [];
  await sleep(3000);
  for (let each = 0; each < 2 * seconds; each++) {
    await sleep(500);
    for (const [panel, text] of (await page.locator('.image .rate').allTextContents()).entries()) {
      const [, rate = '0'] = /^([\d.,]+) of/.exec(text) ?? [];
      const [, delay, unit] = /delay ([\d.]+) (ms|s)/.exec(text) ?? [];
      rates[panel]?.push(Number(rate));
      if (delay !== undefined) delays.push(Number(delay) * (unit === 's' ? 1000 : 1));
    }
  }
  delays.sort((a, b) => a - b);
  return { shown: rates.map(median), delayP95Ms: delays[Math.ceil(0.95 * delays.length) - 1] ?? 0 };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
