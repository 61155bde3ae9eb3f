/** "How do I get this in Python?", units of the sender and images in 8 bits, in a real browser. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { listen } from 'serpy';
import { encodeNpy } from 'serpy-arrays';
import { createRecording } from 'serpy-recording';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openView, snippetOf, type View, type ViewOptions } from '../../src/index.js';
import { buildPage } from '../build-page.js';
import { browserPath, noBrowser, startBrowser, type TestBrowser } from './browser.js';

let browser: TestBrowser;
const closing: (() => unknown)[] = [];
const faults: string[] = [];

beforeAll(async () => {
  if (!browserPath) return;
  buildPage();
  browser = await startBrowser();
}, 90_000);
afterAll(() => browser?.close(), 30_000);
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  expect(faults.splice(0)).toEqual([]);
}, 30_000);

async function viewOf(options: ViewOptions = {}): Promise<View> {
  const view = await openView({ port: 0, ...options });
  closing.push(() => view.close());
  return view;
}

async function open(view: View): Promise<Page> {
  const page = await browser.newPage();
  closing.push(() => page.close());
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught/.test(message.text())) faults.push(message.text());
  });
  await page.goto(view.url);
  return page;
}

const image = { data: Uint16Array.from({ length: 64 * 64 }, (_, at) => at), shape: [64, 64] };

/** An instrument that sends an image and a number with their metadata. */
async function instrument() {
  const server = await listen({ protocol: 'v2', port: 0, closeTimeoutMs: 100 });
  closing.push(() => server.closeServer());
  server.on('connection', async (client) => {
    await client.sendData(image, { about: { name: 'camera', unit: 'counts', axes: ['row', 'column'] } });
    await client.sendData(21.5, { about: { name: 'temperature', unit: '<b>K</b>' } });
  });
  return server.address.port;
}

test.skipIf(browserPath)(`the browser tests are skipped: ${noBrowser}`, () => {
  expect(process.env['REQUIRE_TEST_TOOLS'] ?? '').toBe('');
});

describe.skipIf(!browserPath)('the page', () => {
  test('shows the program for the panel, in each language, by keyboard, and copies it', async () => {
    const port = await instrument();
    const view = await viewOf();
    await view.show('lab', `serpy2://127.0.0.1:${port}`);
    const page = await open(view);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const panel = page.locator('.panel.image');
    await panel.getByRole('heading', { name: 'lab: camera (counts)' }).waitFor();
    await panel.getByRole('button', { name: 'Python?' }).click();
    const dialog = page.getByRole('dialog');
    const shown = () => dialog.locator('code').textContent();
    const description = {
      kind: 'connection',
      role: 'connect',
      protocol: 'v2',
      host: '127.0.0.1',
      port,
      security: 'none',
      values: 'array',
      unit: 'counts',
    } as const;
    expect(await shown()).toBe(snippetOf(description, 'python'));
    await dialog.getByRole('tab', { name: 'Python' }).focus();
    await page.keyboard.press('ArrowRight');
    expect(await shown()).toBe(snippetOf(description, 'node'));
    await page.keyboard.press('ArrowRight');
    expect(await shown()).toBe(snippetOf(description, 'matlab'));
    await page.keyboard.press('ArrowRight');
    await dialog.getByRole('button', { name: 'Copy' }).click();
    await dialog.getByText('copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(snippetOf(description, 'python'));
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  test('unit and axes of the sender are text', async () => {
    const port = await instrument();
    const view = await viewOf();
    await view.show('lab', `serpy2://127.0.0.1:${port}`);
    const page = await open(view);
    await page.getByRole('heading', { name: 'lab: temperature (<b>K</b>)' }).waitFor();
    await page.getByText('21.5 <b>K</b>').waitFor();
    await page
      .locator('.panel.image canvas')
      .first()
      .hover({ position: { x: 5, y: 5 } });
    await page.getByText(/^column 0, row 0: 0 counts$/).waitFor();
  });

  test('a recording has a program for each file', async () => {
    const place = mkdtempSync(join(tmpdir(), 'serpy-snippet-'));
    closing.push(() => rmSync(place, { recursive: true }));
    const folder = join(place, 'run "1"');
    const recording = createRecording(folder);
    recording.add({ type: 'bytes', value: encodeNpy(image), about: { unit: 'counts' } });
    recording.add({ type: 'float', value: 21.5 });
    recording.close();
    const view = await viewOf();
    view.showRecording(folder);
    const page = await open(view);
    await page.locator('.panel.image').getByRole('button', { name: 'Python?' }).click();
    const code = page.getByRole('dialog').locator('code');
    expect(await code.textContent()).toContain(
      `numpy.load(${JSON.stringify(`${folder}/uint16-64x64.npy`)}, mmap_mode="r")`,
    );
    expect(await code.textContent()).toContain('counts');
    await page.getByRole('combobox', { name: 'what to read' }).selectOption('values.jsonl');
    expect(await code.textContent()).toContain(JSON.stringify(`${folder}/values.jsonl`));
  });

  test('values of a program have no address', async () => {
    const view = await viewOf();
    await view.show(
      'own',
      (async function* () {
        yield 1;
      })(),
    );
    const page = await open(view);
    await page.locator('.panel.trend').getByRole('button', { name: 'Python?' }).click();
    await page.getByText('no other program can connect to them').waitFor();
  });

  test('in 8 bits the colors are those of the full image, and the values under the cursor are exact', async () => {
    const colorsOf = async (preview: 'full' | '8bit') => {
      const view = await viewOf({ preview });
      await view.show(
        'cam',
        (async function* () {
          yield image;
        })(),
      );
      const page = await open(view);
      await page.getByText('mean 2,047.5').or(page.getByText('mean 2047.5')).first().waitFor();
      await page
        .locator('.panel.image canvas')
        .first()
        .hover({ position: { x: 5, y: 5 } });
      await page.getByText(/x 0, y 0: 0/).waitFor();
      return page.evaluate(() => {
        const canvas = document.querySelector('.panel.image canvas') as HTMLCanvasElement;
        const context = canvas.getContext('2d') as CanvasRenderingContext2D;
        const at = (part: number) => [
          ...context.getImageData(canvas.width / 2, Math.floor(canvas.height * part), 1, 1).data,
        ];
        return [0.2, 0.35, 0.5, 0.65, 0.8].map(at);
      });
    };
    const [full, preview] = [await colorsOf('full'), await colorsOf('8bit')];
    expect(new Set(full.map(String)).size).toBe(5);
    for (const [at, color] of full.entries())
      for (const [channel, value] of color.entries())
        expect(Math.abs((preview[at]?.[channel] ?? 0) - value)).toBeLessThan(25);
  });
});
