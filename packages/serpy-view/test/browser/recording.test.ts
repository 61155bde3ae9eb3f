/** Recordings in a real browser: the time bar, marks, and what a page may not do. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { encodeNpy } from 'serpy-arrays';
import { createRecording, openRecording, type RecordingWriter, verifyRecording } from 'serpy-recording';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openView, type View } from '../../src/index.js';
import { buildPage } from '../build-page.js';
import { browserPath, noBrowser, startBrowser, type TestBrowser } from './browser.js';

let browser: TestBrowser;
let place = '';
const closing: (() => unknown)[] = [];
const faults: string[] = [];

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'serpy-page-'));
  if (!browserPath) return;
  buildPage();
  browser = await startBrowser();
}, 90_000);
afterAll(async () => {
  await browser?.close();
  rmSync(place, { recursive: true });
}, 30_000);

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  expect(faults.splice(0)).toEqual([]);
}, 30_000);

let folders = 0;
const newFolder = () => join(place, `run-${folders++}`);

/** The image of message n: its maximum is n. */
const image = (n: number) => encodeNpy({ data: new Uint16Array(64).fill(n), shape: [8, 8] });

/** A second between two messages: an image, a number and a text take turns. */
function growing(options = {}): {
  readonly folder: string;
  readonly writer: RecordingWriter;
  add(count: number): void;
} {
  const folder = newFolder();
  let nowMs = 0;
  const clock = { now: () => nowMs, wallMs: () => 1.7e12 + nowMs };
  const writer = createRecording(folder, { clock, ...options });
  closing.push(() => writer.close());
  return {
    folder,
    writer,
    add(count) {
      for (let each = 0; each < count; each++) {
        const n = writer.messages;
        if (n % 3 === 0) writer.add({ type: 'bytes', value: image(n) }, 'cam');
        else if (n % 3 === 1) writer.add({ type: 'float', value: n }, 'temp');
        else writer.add({ type: 'str', value: `text ${n}` }, 'temp');
        nowMs += 1000;
      }
      writer.flush();
    },
  };
}

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

async function viewOf(folder: string, options = {}): Promise<View> {
  const view = await openView({ port: 0, ...options });
  closing.push(() => view.close());
  view.showRecording(folder);
  return view;
}

const shows = (page: Page, selector: string, text: string | RegExp) =>
  page.locator(selector).filter({ hasText: text }).first().waitFor();
const atMessage = (page: Page, n: number) =>
  shows(page, '.place', new RegExp(`^message ${n.toLocaleString('en-US')}, last `));
const slider = (page: Page) => page.getByLabel('message', { exact: true });

async function openRun(count = 300): Promise<{ readonly page: Page; readonly folder: string; readonly view: View }> {
  const { folder, writer, add } = growing();
  add(count);
  writer.close();
  const view = await viewOf(folder);
  return { page: await open(view), folder, view };
}

describe.skipIf(!browserPath)(browserPath ? 'a recording in a browser' : `skipped: ${noBrowser}`, () => {
  test('shows its end, and each instrument has its panels', async () => {
    const { page } = await openRun();
    await atMessage(page, 299);
    await shows(page, '.image .facts', 'max 297  ·');
    await shows(page, '.trend .last', '298');
    await shows(page, '.log .lines', 'text 299');
    await shows(page, '.image h2', 'cam');
    await shows(page, '.trend h2', 'temp');
    await shows(page, '.place', 'the end');
    expect(await page.locator('.panel[data-stale]').count()).toBe(0);
    if (process.env['SHOTS']) await page.screenshot({ path: '/tmp/w15a-1.png' });
  });

  test('is stepped by buttons and arrow keys, message by message or by those of a panel', async () => {
    const { page } = await openRun();
    await atMessage(page, 299);
    await page.getByLabel('step back').click();
    await atMessage(page, 298);
    await slider(page).focus();
    await page.keyboard.press('ArrowLeft');
    await atMessage(page, 297);
    await shows(page, '.log .lines li:last-child', 'text 296');
    await page.getByLabel('step by').selectOption({ label: 'step: cam, image' });
    await slider(page).focus();
    await page.keyboard.press('ArrowLeft');
    await atMessage(page, 294);
    await shows(page, '.image .facts', 'max 294  ·');
    await page.getByLabel('step forward').click();
    await atMessage(page, 297);
    await page.keyboard.press('Home');
    await slider(page).focus();
    await page.keyboard.press('Home');
    await atMessage(page, 0);
    await shows(page, '.image .facts', 'max 0  ·');
    expect(await page.locator('.panel').count()).toBe(1);
    await page.locator('.image').focus();
    await page.keyboard.press('.');
    await atMessage(page, 3);
    await page.keyboard.press(',');
    await atMessage(page, 0);
  });

  test('is dragged, and shows time and number of what it shows', async () => {
    const { page } = await openRun();
    await atMessage(page, 299);
    const box = await slider(page).boundingBox();
    if (!box) throw new Error('the slider is not visible');
    await page.mouse.move(box.x + box.width - 8, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 10 });
    await page.mouse.up();
    await shows(page, '.place', /^message 1[45]\d, last 299/);
    const place = (await page.locator('.place').textContent()) ?? '';
    const [, n = ''] = /^message (\d+)/.exec(place) ?? [];
    const time = new Date(1.7e12 + 1000 * Number(n));
    expect(place).toContain(`${time.toLocaleTimeString('en-GB')}.${String(time.getMilliseconds()).padStart(3, '0')}`);
    expect(await slider(page).getAttribute('aria-valuetext')).toBe(place);
    await page.getByRole('button', { name: 'End' }).click();
    await atMessage(page, 299);
  });

  test('plays at the chosen speed from the beginning, pauses, and ends', async () => {
    const { page } = await openRun(60);
    await atMessage(page, 59);
    await page.getByLabel('speed').fill('10');
    await page.getByRole('button', { name: 'Play' }).click();
    const startMs = performance.now();
    await shows(page, '.place', /^message 1\d, /);
    const tookMs = performance.now() - startMs;
    expect(tookMs).toBeGreaterThan(500); // 10 s at ten times the speed, less the delay of the first step
    await page.locator('.image').focus();
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Play' }).waitFor();
    await page.getByLabel('speed').fill('1000');
    await page.getByRole('button', { name: 'Play' }).click();
    await atMessage(page, 59);
    await page.getByRole('button', { name: 'Play' }).waitFor();
  });

  test('that grows is followed, keeps still while someone looks back, and comes back to the newest', async () => {
    const { folder, add, writer } = growing();
    add(30);
    const page = await open(await viewOf(folder));
    await atMessage(page, 29);
    add(30);
    await atMessage(page, 59);
    await page.getByLabel('step back').click();
    await atMessage(page, 58);
    add(3000);
    await shows(page, '.place', 'message 58, last 3,059');
    await page.keyboard.press('v');
    await atMessage(page, 3059);
    add(1);
    await atMessage(page, 3060);
    writer.close();
    await page.getByRole('button', { name: 'End' }).waitFor();
  });

  test('keeps an interval, which is a line of the index with its hash', async () => {
    const { page, folder } = await openRun();
    await atMessage(page, 299);
    await page.keyboard.press('o');
    await slider(page).focus();
    await page.keyboard.press('PageDown');
    await shows(page, '.keep output', /^2\d\d to 299$/);
    await page.getByLabel('step back').click();
    await page.keyboard.press('i');
    await page.getByLabel('label of the mark').fill('<b>peak</b>');
    const interval = (await page.locator('.keep output').textContent()) ?? '';
    await page.getByRole('button', { name: 'Keep', exact: true }).click();
    await page.getByLabel('go to a mark').waitFor();
    expect(await page.getByLabel('go to a mark').locator('option').allTextContents()).toEqual([
      '1 mark',
      `<b>peak</b>: ${interval}`,
    ]);
    const [first = '', last = ''] = interval.split(' to ');
    expect(openRecording(folder).info().marks).toMatchObject([
      { first: Number(first), last: Number(last), label: '<b>peak</b>' },
    ]);
    expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: true, isClosed: true, marks: 1 });
    await slider(page).focus();
    await page.keyboard.press('Home');
    await atMessage(page, 0);
    await page.getByLabel('go to a mark').selectOption('0');
    await atMessage(page, Number(first));
    const colors = await page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('.strip') as HTMLCanvasElement;
      const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(0, 1, canvas.width, 1);
      return Array.from({ length: canvas.width }, (_, at) => data[4 * at + 3]).filter((alpha) => alpha === 255).length;
    });
    expect(colors).toBeGreaterThan(2);
    if (process.env['SHOTS']) await page.screenshot({ path: '/tmp/w15a-2.png' });
  });

  test('that is not closed cannot be marked by others than its recorder', async () => {
    const { folder, add } = growing();
    add(30);
    const page = await open(await viewOf(folder));
    await atMessage(page, 29);
    await page.locator('.keep button:disabled').first().waitFor();
    expect(await page.locator('.keep').getAttribute('title')).toContain('only its recorder can mark it');
  });

  test('with a damaged line shows what is before it, and says where', async () => {
    const { folder, add } = growing();
    add(30);
    appendFileSync(join(folder, 'index.jsonl'), '{"n":30,"file":"../../etc/passwd"}\n');
    const page = await open(await viewOf(folder));
    await atMessage(page, 29);
    await shows(page, '.timebar .problem', 'index.jsonl, line 31');
    await page.getByLabel('step back').click();
    await atMessage(page, 28);
  });

  test('has room on a phone', async () => {
    const { page } = await openRun();
    await page.setViewportSize({ width: 360, height: 740 });
    await atMessage(page, 299);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    const heights = await page
      .locator('.timebar button:visible, .timebar input:visible, .timebar select:visible')
      .evaluateAll((all) => all.map((each) => each.getBoundingClientRect().height));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(40);
    const bar = await page.locator('.timebar').boundingBox();
    expect(bar?.height).toBeLessThan(220);
    await page.getByRole('button', { name: 'Keep …' }).click();
    await page.getByLabel('keep from here').waitFor();
    if (process.env['SHOTS']) await page.screenshot({ path: '/tmp/w15a-3.png' });
  });

  test('with a token of the network can be looked at, and not be marked', async () => {
    const { folder, add, writer } = growing();
    add(30);
    writer.close();
    const view = await viewOf(folder, { lan: true });
    const [other] = view.lanUrls;
    const owner = await open(view);
    await atMessage(owner, 29);
    await owner.locator('.keep').waitFor();
    if (other === undefined) return; // this computer is in no network
    const page = await open(view, `${view.url.split('#')[0]}#${other.split('#')[1]}`);
    await atMessage(page, 29);
    await page.getByLabel('step back').click();
    await atMessage(page, 28);
    await page.locator('.keep').waitFor({ state: 'hidden' });
  });
});

describe.skipIf(!browserPath)('a page that records', () => {
  async function recording() {
    const view = await openView({ port: 0 });
    closing.push(() => view.close());
    const folder = newFolder();
    view.record(folder);
    const waiting: unknown[] = [];
    let wake = () => {};
    await view.show(
      'cam',
      (async function* () {
        for (;;) {
          while (waiting.length > 0) yield waiting.shift();
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      })(),
    );
    const send = (...values: unknown[]) => {
      waiting.push(...values);
      wake();
    };
    return { view, folder, send };
  }
  const picture = (n: number) => ({ data: new Uint16Array(64).fill(n), shape: [8, 8] });

  test('looks back while the run goes on, marks, and comes back to the newest', async () => {
    const { view, folder, send } = await recording();
    for (let n = 0; n < 20; n++) send(picture(n));
    const page = await open(view);
    await shows(page, '.image .facts', 'max 19  ·');
    await atMessage(page, 19);
    await page.getByLabel('step back').click();
    await shows(page, '.image .facts', 'max 18  ·');
    send(...Array.from({ length: 30 }, (_, n) => picture(20 + n)));
    await shows(page, '.place', 'message 18, last 49');
    await shows(page, '.image .facts', 'max 18  ·');
    await shows(page, '.image .rate', 'message 18');
    const [npy] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: '.npy' }).click(),
    ]);
    expect(npy.suggestedFilename()).toMatch(/^cam-/);
    await page.keyboard.press('k');
    await page.getByLabel('go to a mark').waitFor();
    await page.getByRole('button', { name: 'Live' }).click();
    await shows(page, '.image .facts', 'max 49  ·');
    send(picture(77));
    await shows(page, '.image .facts', 'max 77  ·');
    await view.close();
    expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: true, isClosed: true, messages: 51, marks: 1 });
  });

  test('keeps zoom and colors of a panel when it looks back', async () => {
    const { view, send } = await recording();
    for (let n = 0; n < 20; n++) send(picture(n));
    const page = await open(view);
    await shows(page, '.image .facts', 'max 19  ·');
    await page.getByLabel('color map').selectOption('gray');
    await page.getByLabel('step back').click();
    await shows(page, '.image .facts', 'max 18  ·');
    expect(await page.getByLabel('color map').inputValue()).toBe('gray');
  });
});
