/** The memory of `serpy view` and of its page, while a camera sends and the page shows, and looks back where there is a recording. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { listen, type PortableConnection } from 'serpy';
import type { TestBrowser } from '../../packages/serpy-view/test/browser/browser.js';

const MiB = 2 ** 20;

export interface MemorySettings {
  /** The file that `serpy` runs. */
  readonly main: string;
  readonly browser: TestBrowser;
  readonly seconds: number;
  /** The width and height of the images, of 32 bits. */
  readonly side: number;
  readonly perSecond: number;
  /** Where it is recorded, if it is. */
  readonly folder?: string;
}

export interface MemoryRow {
  /** MiB of the process, and of the page after a garbage collection, at equal distances. */
  readonly server: readonly number[];
  readonly page: readonly number[];
  readonly sent: number;
  /** The frames of the page per second. */
  readonly shown: number;
}

const samples = 24;

export async function measureViewMemory(settings: MemorySettings): Promise<MemoryRow> {
  const { main, browser, seconds, side, perSecond, folder } = settings;
  const ending = new AbortController();
  let sent = 0;
  const server = await listen({ protocol: 'v2', port: 0, closeTimeoutMs: 100 });
  server.on('warning', () => {});
  server.on('connection', (client) => {
    void sendImages(client, side, perSecond, ending.signal, () => sent++);
  });
  const args = [main, 'view', `serpy2://127.0.0.1:${server.address.port}`, '--page-port', '0'];
  if (folder !== undefined) args.push('--record', folder);
  const program = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const closed = once(program, 'close');
  try {
    const [address] = (await Promise.race([
      once(program.stdout, 'data'),
      closed.then(() => Promise.reject(new Error('the command ended'))),
    ])) as [Buffer];
    const page = await browser.newPage();
    await page.goto(String(address).trim());
    await page.locator('.image .facts').filter({ hasText: 'float32' }).waitFor();
    const row = await watch(page, program.pid as number, seconds, folder !== undefined);
    await page.close();
    return { ...row, sent };
  } finally {
    ending.abort();
    program.kill('SIGINT');
    await closed;
    await server.closeServer();
  }
}

async function sendImages(
  client: PortableConnection,
  side: number,
  perSecond: number,
  signal: AbortSignal,
  onSent: () => void,
): Promise<void> {
  const data = new Float32Array(side * side);
  try {
    for (let n = 0; !signal.aborted; n++) {
      data.fill(n, 0, side);
      await client.sendData({ data, shape: [side, side] });
      onSent();
      await sleep(1000 / perSecond, undefined, { signal });
    }
  } catch {
    // It is over.
  }
}

async function watch(page: Page, pid: number, seconds: number, looksBack: boolean): Promise<Omit<MemoryRow, 'sent'>> {
  const session = await page.context().newCDPSession(page);
  const [serverMiB, pageMiB]: [number[], number[]] = [[], []];
  let shown = 0;
  for (let each = 0; each < samples; each++) {
    await sleep((1000 * seconds) / samples);
    if (looksBack) await lookBack(page, each);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    pageMiB.push(usedSize / MiB);
    serverMiB.push(residentMiB(pid));
    const [, rate = '0'] = /^([\d.]+) of/.exec((await page.locator('.image .rate').textContent()) ?? '') ?? [];
    shown = Math.max(shown, Number(rate));
  }
  return { server: serverMiB, page: pageMiB, shown };
}

/** Drags through the recording, and comes back to the newest. */
async function lookBack(page: Page, seed: number): Promise<void> {
  const slider = page.getByLabel('message', { exact: true });
  await slider.focus();
  for (const key of ['Home', 'ArrowRight', 'PageUp', 'PageUp', seed % 2 === 0 ? 'PageUp' : 'PageDown']) {
    await page.keyboard.press(key);
    await page.waitForTimeout(60);
  }
  await page.keyboard.press('v');
}

function residentMiB(pid: number): number {
  const [, kiB = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kiB) / 1024;
}

/** How much the largest of the last third exceeds the largest of the second: the first one is the start. */
export function growthOf(values: readonly number[]): number {
  const third = Math.floor(values.length / 3);
  return Math.max(...values.slice(2 * third)) - Math.max(...values.slice(third, 2 * third));
}

/** Growth in MiB that the noise of garbage collection explains. */
export const mostGrowth = { server: 40, page: 8 } as const;
