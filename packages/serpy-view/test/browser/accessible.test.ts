/** The page checked by axe: with every kind of panel and the time bar, dark and light, wide and on a phone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openView, type View } from '../../src/index.js';
import { buildPage } from '../build-page.js';
import { violations } from './accessible.js';
import { browserPath, noBrowser, startBrowser, type TestBrowser } from './browser.js';

let browser: TestBrowser | undefined;
let view: View | undefined;
let place = '';

beforeAll(async () => {
  if (!browserPath) return;
  buildPage();
  place = mkdtempSync(join(tmpdir(), 'serpy-accessible-'));
  browser = await startBrowser();
  view = await openView({ port: 0 });
  view.record(join(place, 'run'));
  await view.show('instrument', values(), { unit: 'K' });
}, 90_000);

afterAll(async () => {
  await view?.close();
  await browser?.close();
  if (place !== '') rmSync(place, { recursive: true });
}, 30_000);

async function* values(): AsyncGenerator<unknown> {
  yield { data: Uint16Array.from({ length: 64 }, (_, at) => (at === 9 ? 65_535 : at)), shape: [8, 8] };
  yield { data: new Uint8Array(12), shape: [3, 2, 2] };
  yield Float32Array.of(1, 2, 3);
  for (const value of [1, 2, 3, 'a text', 'another']) yield value;
  await new Promise(() => {});
}

async function opened(theme: 'dark' | 'light', width: number): Promise<Page> {
  const page = await (browser as TestBrowser).newPage();
  await page.emulateMedia({ colorScheme: theme });
  await page.setViewportSize({ width, height: 800 });
  await page.goto((view as View).url);
  await page.locator('.lines li').nth(1).waitFor();
  await page.locator('.curve .uplot').waitFor();
  return page;
}

describe.skipIf(!browserPath)(browserPath ? 'axe finds nothing' : `skipped: ${noBrowser}`, () => {
  test('except in a page that it should find fault with', async () => {
    const page = await opened('dark', 1200);
    await page.evaluate(() => document.body.append(document.createElement('input')));
    expect((await violations(page)).join()).toContain('label: body > input');
    await page.close();
  });

  test.each([
    ['dark', 1200],
    ['light', 1200],
    ['dark', 360],
    ['light', 360],
  ] as const)('in a %s page of %i pixels, live and looking back', { timeout: 60_000 }, async (theme, width) => {
    const page = await opened(theme, width);
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('k');
    await page.getByLabel('go to a mark').waitFor();
    await page.getByLabel('step back').click();
    await page.locator('.timebar[data-past]').waitFor();
    await page.locator('.image').focus();
    await page.keyboard.press('f');
    if (width < 600) await page.getByRole('button', { name: 'Keep …' }).click();
    expect(await violations(page)).toEqual([]);
    await page.close();
  });
});
