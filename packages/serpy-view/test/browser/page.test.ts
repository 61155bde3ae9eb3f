/** The page in a real browser. */
import { readFile } from 'node:fs/promises';
import { decode as decodePng } from 'fast-png';
import type { Page } from 'playwright-core';
import { listen } from 'serpy';
import { decodeNpy, encodeNpy } from 'serpy-arrays';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openView, type View, type ViewOptions } from '../../src/index.js';
import { colorMap } from '../../src/page/color-maps.js';
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

/** An open page. Errors and refusals of its policy in it make the test fail. */
async function open(view: View, url = view.url): Promise<Page> {
  const page = await browser.newPage();
  closing.push(() => page.close());
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught/.test(message.text())) faults.push(message.text());
  });
  await page.goto(url);
  return page;
}

/** Values that the test sends one by one, or again and again. */
function source() {
  const waiting: unknown[] = [];
  let wake = () => {};
  let isOver = false;
  closing.push(() => {
    isOver = true;
    wake();
  });
  async function* values() {
    for (;;) {
      while (waiting.length > 0) yield waiting.shift();
      if (isOver) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  return {
    values: values(),
    send(...more: unknown[]) {
      waiting.push(...more);
      wake();
    },
  };
}

/** A view with one source, and its page. */
async function opened(
  name: string,
  first: unknown,
  options = {},
): Promise<{ view: View; page: Page; send(...values: unknown[]): void }> {
  const view = await viewOf();
  const { values, send } = source();
  await view.show(name, values, options);
  send(first);
  return { view, page: await open(view), send };
}

/** Four quadrants of one value each, in an image of 64 × 64. */
function quadrants(values: readonly [number, number, number, number]): { data: Uint16Array; shape: [64, 64] } {
  const data = Uint16Array.from(
    { length: 64 * 64 },
    (_, at) => values[(at % 64 < 32 ? 0 : 1) + (at < 64 * 32 ? 0 : 2)] ?? 0,
  );
  return { data, shape: [64, 64] };
}

/** The color of a point of the image, from 0 to 1 along both axes. */
async function colorAt(page: Page, x: number, y: number): Promise<number[]> {
  return page.evaluate(
    ([right, down]) => {
      const canvas = document.querySelector<HTMLCanvasElement>('.image canvas:not(.histogram)') as HTMLCanvasElement;
      const side = Math.min(canvas.width, canvas.height);
      const left = (canvas.width - side) / 2 + right * side;
      const top = (canvas.height - side) / 2 + down * side;
      const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(left, top, 1, 1);
      return [...data.subarray(0, 3)];
    },
    [x, y] as const,
  );
}

const mapped = (index: number) => [...colorMap('even').subarray(3 * index, 3 * index + 3)];
const facts = (page: Page, kind: string) => page.locator(`.panel.${kind} .facts`);
const untilFacts = (page: Page, kind: string, text: string) => facts(page, kind).filter({ hasText: text }).waitFor();

describe.skipIf(!browserPath)(browserPath ? 'in a browser' : `skipped: ${noBrowser}`, () => {
  test('a known image has known colors at known places', async () => {
    const { page } = await opened('camera', quadrants([0, 100, 200, 300]));
    await untilFacts(page, 'image', 'uint16 64×64');
    const corners = [
      await colorAt(page, 0.25, 0.25),
      await colorAt(page, 0.75, 0.25),
      await colorAt(page, 0.25, 0.75),
      await colorAt(page, 0.75, 0.75),
    ];
    expect(corners).toEqual([mapped(0), mapped(Math.floor(256 / 3)), mapped(Math.floor(512 / 3)), mapped(255)]);
  });

  test('numbers below the image are those of the whole image', async () => {
    const { page } = await opened('camera', quadrants([0, 100, 200, 65_535]));
    await untilFacts(page, 'image', 'min 0  ·  max 65,535  ·  mean 16459');
    await untilFacts(page, 'image', '1,024 saturated');
    expect(await colorAt(page, 0.75, 0.75)).toEqual([255, 48, 48]);
    await page.getByLabel('saturated from').fill('200');
    await page.keyboard.press('Enter');
    await untilFacts(page, 'image', '2,048 saturated');
    await page.waitForFunction(() => document.querySelector('.image')?.hasAttribute('data-saturated'));
  });

  test('an image of 4 million pixels is reduced to the screen, and its pixels can be asked for', async () => {
    const data = new Float32Array(2048 * 2048).fill(1);
    data[2048 * 1024 + 1024] = 777.5;
    const { page } = await opened('camera', { data, shape: [2048, 2048] }, { unit: 'counts', axes: ['row', 'column'] });
    await untilFacts(page, 'image', 'max 777.5');
    await expect(facts(page, 'image').textContent()).resolves.toMatch(/mean of (\d)×\1/);
    const canvas = page.locator('.image .body canvas').first();
    const box = await canvas.boundingBox();
    if (!box) throw new Error('the image is not visible');
    const side = Math.min(box.width, box.height);
    const at = (pixel: number, size: number) => size / 2 + ((pixel + 0.5 - 1024) / 2048) * side;
    await page.mouse.move(box.x + at(1024, box.width), box.y + at(1024, box.height));
    await page
      .locator('.pixel')
      .filter({ hasText: /column 102\d, row 102\d: / })
      .waitFor();
    await page.mouse.wheel(0, -400);
    await page.waitForFunction(() => !document.querySelector('.image .facts')?.textContent?.includes('mean of 4×4'));
    await page.locator('.image').focus();
    await page.keyboard.press('0');
    for (let turn = 0; turn < 14; turn++) await page.keyboard.press('+'); // around the middle
    await page.mouse.move(box.x + box.width / 2 + 3, box.y + box.height / 2 + 3);
    await page.locator('.pixel').filter({ hasText: 'column 1024, row 1024: 777.5 counts' }).waitFor();
    await page.waitForFunction(() => !document.querySelector('.image .facts')?.textContent?.includes('mean of'));
  });

  test('dragging sets the window, and the percentiles set it back', async () => {
    const { page } = await opened('camera', quadrants([0, 100, 200, 300]));
    await untilFacts(page, 'image', 'window 0 to 300');
    const box = await page.locator('.image .body canvas').first().boundingBox();
    if (!box) throw new Error('the image is not visible');
    await page.mouse.move(box.x + 100, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + 300, box.y + 100, { steps: 5 });
    await page.mouse.up();
    await expect(page.getByLabel('window').inputValue()).resolves.toBe('fixed');
    expect(await colorAt(page, 0.25, 0.25)).not.toEqual(mapped(0));
    await page.getByLabel('window').selectOption('full');
    expect(await colorAt(page, 0.25, 0.25)).toEqual(mapped(0));
  });

  test('a line shows the values along it', async () => {
    const { page } = await opened('camera', quadrants([0, 100, 200, 300]));
    await untilFacts(page, 'image', '64×64');
    await page.locator('.image').focus();
    await page.keyboard.press('l');
    const box = await page.locator('.image .body canvas').first().boundingBox();
    if (!box) throw new Error('the image is not visible');
    await page.mouse.move(box.x + box.width / 2 - 100, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 + 100, box.y + box.height / 2, { steps: 3 });
    await page.mouse.up();
    await page.locator('.profile canvas').waitFor();
    await page.keyboard.press('w');
    await page.locator('.profile').waitFor({ state: 'hidden' });
  });

  test('a stack has a slider', async () => {
    const data = Uint8Array.from({ length: 3 * 64 }, (_, at) => 50 * Math.floor(at / 64));
    const { page } = await opened('stack', { data, shape: [3, 8, 8] });
    await untilFacts(page, 'image', 'slice 1 of 3');
    await page.getByLabel('slice').fill('2');
    await untilFacts(page, 'image', 'slice 3 of 3  ·  min 100');
    await page.locator('.image').focus();
    await page.keyboard.press('[');
    await untilFacts(page, 'image', 'slice 2 of 3  ·  min 50');
  });

  test('the picture is saved as PNG, and the array as .npy', async () => {
    const image = quadrants([0, 100, 200, 300]);
    const { page } = await opened('camera 1', image);
    await untilFacts(page, 'image', '64×64');
    const [png] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'PNG' }).click()]);
    expect(png.suggestedFilename()).toMatch(/^camera_1-.*\.png$/);
    const picture = decodePng(await readFile(await png.path()));
    expect([picture.width, picture.height]).toEqual([64, 64]);
    expect([...picture.data.slice(0, 3)]).toEqual(mapped(0));
    const [npy] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: '.npy' }).click(),
    ]);
    expect(decodeNpy(await readFile(await npy.path()))).toEqual({ ...image, dtype: 'uint16' });
  });

  test('a frozen image stays while others arrive', async () => {
    const { page, send } = await opened('camera', quadrants([1, 1, 1, 1]));
    await untilFacts(page, 'image', 'max 1  ·');
    await page.locator('.image').focus();
    await page.keyboard.press('f');
    await page.locator('.image[data-frozen]').waitFor();
    send(quadrants([2, 2, 2, 2]), 5);
    await page.locator('.trend .last').filter({ hasText: '5' }).waitFor();
    await untilFacts(page, 'image', 'max 1  ·');
    await page.keyboard.press('f');
    await untilFacts(page, 'image', 'max 2  ·');
  });

  test('numbers are a trend with their minimum, maximum and mean', async () => {
    const { page, send } = await opened('temperature', 1, { unit: 'K' });
    send(2, 6, -1.5);
    await page.locator('.trend .last').filter({ hasText: '-1.5 K' }).waitFor();
    await untilFacts(page, 'trend', '4 values  ·  min -1.5  ·  max 6  ·  mean 1.875');
    await page.locator('.trend').focus();
    await page.keyboard.press('g');
    await page.locator('.trend button[aria-pressed="true"]').waitFor();
  });

  test('an array with one axis is a curve', async () => {
    const { page } = await opened(
      'spectrum',
      Float32Array.from({ length: 100_000 }, (_, at) => at),
      { axes: ['channel'] },
    );
    await untilFacts(page, 'curve', 'float32 100000  ·  min 0  ·  max 99,999');
    await page.locator('.curve .uplot canvas').waitFor();
  });

  test('hostile texts and names are texts', async () => {
    const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>\u202eevil';
    const { page, send } = await opened(hostile, hostile);
    send('y'.repeat(1_000_000));
    await page.locator('.lines li').nth(1).waitFor();
    const first = await page.locator('.lines bdi').first().textContent();
    expect(first).toBe(hostile.replace('\u202e', '\\u202e'));
    expect((await page.locator('.lines bdi').nth(1).textContent())?.length).toBeLessThan(2100);
    expect(await page.locator('main img, main script').count()).toBe(0);
    await expect(page.title()).resolves.toBe('serpy view');
  });

  test('arrays of strange shapes show what they are, and the page stays', async () => {
    const { page, send } = await opened('odd', { data: new Float32Array(0), shape: [0, 5] });
    send({ data: new Float32Array(5000), shape: [1, 5000] }, encodeNpy(new Uint8Array(9).fill(1)).subarray(0, 130));
    send({ data: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, 1, Number.NEGATIVE_INFINITY), shape: [2, 2] });
    await untilFacts(page, 'image', '1 NaN');
    await page.locator('.lines li').nth(1).waitFor();
    await page.locator('.status').filter({ hasText: 'live' }).waitFor();
  });

  test('shows the link to the instrument, a value as stale when it is lost, and recovers', async () => {
    const start = (port: number) => listen({ protocol: 'v2', port, closeTimeoutMs: 100 });
    const camera = await start(0);
    const { port } = camera.address;
    closing.push(() => camera.closeServer());
    const view = await viewOf();
    const sent = new Promise<void>((resolve) =>
      camera.on('connection', (client) => void client.sendData(21.5).then(() => resolve())),
    );
    await view.show('temperature', `serpy2://127.0.0.1:${port}`);
    await sent;
    const page = await open(view);
    await page.locator('.sources li[data-state="good"]').filter({ hasText: 'temperature connected · v2' }).waitFor();
    await page.locator('.trend .last').filter({ hasText: '21.5' }).waitFor();
    await camera.closeServer();
    await page.locator('.sources li[data-state="bad"]').waitFor();
    await page.locator('.trend[data-stale] .age').filter({ hasText: 'old' }).waitFor();
    const again = await start(port);
    closing.push(() => again.closeServer());
    again.on('connection', (client) => void client.sendData(22.5));
    await page.locator('.trend:not([data-stale]) .last').filter({ hasText: '22.5' }).waitFor();
    await page
      .locator('.sources')
      .filter({ hasText: /reconnect/ })
      .waitFor();
  });

  test('a page that is open while the server starts again shows its values', async () => {
    const first = await openView({ port: 0 });
    const one = source();
    await first.show('a', one.values);
    one.send(1);
    const page = await open(first);
    await page.locator('.trend .last').filter({ hasText: '1' }).waitFor();
    await first.close();
    await page.locator('.status').filter({ hasText: 'page disconnected' }).waitFor();
    await page.locator('.trend[data-stale]').waitFor();
    const second = await viewOf({ port: Number(new URL(first.url).port) });
    const two = source();
    await second.show('b', two.values);
    two.send('text', 2);
    await page.locator('.trend:not([data-stale]) .last').filter({ hasText: '2' }).waitFor();
    expect(await page.locator('.panel').count()).toBe(2);
  });

  test('in a network, only the address with the token shows anything', async () => {
    const view = await viewOf({ lan: true });
    const { values, send } = source();
    await view.show('a', values);
    send(42);
    const page = await open(view);
    await page.locator('.trend .last').filter({ hasText: '42' }).waitFor();
    const other = await open(view, `http://127.0.0.1:${new URL(view.url).port}/#wrong`);
    await other.locator('.status').filter({ hasText: 'page disconnected' }).waitFor();
    expect(await other.locator('.panel').count()).toBe(0);
  });

  test('on a phone, everything has room and nothing needs scrolling to the side', async () => {
    const { page, send } = await opened('camera with a rather long name', quadrants([0, 1, 2, 3]));
    send(1, 'text', new Float32Array(100));
    await page.setViewportSize({ width: 360, height: 740 });
    await page.locator('.log').waitFor();
    await untilFacts(page, 'image', '64×64');
    const { scroll, widths } = await page.evaluate(() => ({
      scroll: document.documentElement.scrollWidth,
      widths: [...document.querySelectorAll('.panel')].map((panel) => panel.getBoundingClientRect().width),
    }));
    expect(scroll).toBeLessThanOrEqual(360);
    expect(Math.min(...widths)).toBeGreaterThan(330);
    const heights = await page
      .locator('.tools button:visible')
      .evaluateAll((all) => all.map((each) => each.getBoundingClientRect().height));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(40);
  });

  test('the keyboard reaches every panel, enlarges it and comes back', async () => {
    const { page, send } = await opened('a', quadrants([0, 1, 2, 3]));
    send(1);
    await page.locator('.trend').waitFor();
    await page.locator('.image').focus();
    await page.keyboard.press('Enter');
    await page.locator('.image[data-large]').waitFor();
    await page.locator('.trend').waitFor({ state: 'hidden' });
    await page.keyboard.press('Escape');
    await page.locator('.trend').waitFor();
    await page.keyboard.press('c');
    await expect(page.getByLabel('color map').inputValue()).resolves.toBe('gray');
    const focusable = await page
      .locator('.panel')
      .evaluateAll((panels) => panels.map((panel) => (panel as HTMLElement).tabIndex));
    expect(focusable).toEqual([0, 0]);
  });

  test('is dark or light as the system is, and as the button says', async () => {
    const { page } = await opened('a', 1);
    await page.locator('.trend').waitFor();
    const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await back();
    await page.getByLabel('dark or light').click();
    expect(await back()).not.toBe(dark);
    await page.getByLabel('dark or light').click();
    expect(await back()).toBe(dark);
  });
});
