/** `serpy view --record`, killed: its recording is verified, opens in the page, in numpy, and exported in h5py. The long tests kill more often. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openView } from 'serpy-view';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../packages/cli/src/instruments/random.js';
import { runToEnd } from '../packages/cli/test/run.js';
import { browserPath, startBrowser } from '../packages/serpy-view/test/browser/browser.js';
import { buildPage } from '../packages/serpy-view/test/build-page.js';
import { installed } from './installed.js';
import { checkLeft, type Left, recordAndKill, someAtATime } from './view/kills.js';
import { countWithH5py, countWithNumpy, pythonWith } from './view/readers.js';

const kills = 8;
const withNumpy = pythonWith('numpy');
const withH5py = pythonWith('h5py, numpy');

let place = '';
const left = new Map<string, Left>();
let main = '';

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'serpy-view-kills-'));
  main = join((await installed()).folder, 'node_modules', 'serpy-cli', 'dist', 'main.js');
  const random = seededRandom(7);
  const planned = Array.from({ length: kills }, (_, each) => ({
    main,
    folder: join(place, `run-${each}`),
    afterMessages: Math.floor(1500 * random() ** 2),
    afterMark: each === 0,
  }));
  await someAtATime(planned, 2, recordAndKill);
  for (const { folder } of planned) {
    const found = await checkLeft(folder);
    if (found) left.set(folder, found);
  }
}, 300_000);

afterAll(() => rmSync(place, { recursive: true }));

test('leaves recordings that are unaltered, with the messages of the instrument in order', () => {
  const counts = [...left.values()].map(({ messages }) => messages);
  expect(counts.filter((count) => count > 0).length).toBeGreaterThan(kills / 2);
  expect([...left.values()].some(({ marks }) => marks > 0)).toBe(true);
});

test.skipIf(!withNumpy)('that numpy opens (needs numpy)', () => {
  const paths = [...left.values()].flatMap(({ arrays }) => arrays);
  expect(countWithNumpy(withNumpy!, paths).filter((count) => count > 0).length).toBeGreaterThan(0);
});

test.skipIf(!withH5py)('that h5py opens after an export (needs h5py)', { timeout: 120_000 }, async () => {
  const full = [...left].filter(([, { messages }]) => messages > 0);
  const files = full.map(([folder]) => `${folder}.h5`);
  // The installed command has no h5wasm.
  for (const [folder] of full) expect((await runToEnd(['export', folder, `${folder}.h5`])).status).toBe(0);
  const images = full.map(([, { messages }]) => Math.ceil(messages / 3));
  expect(countWithH5py(withH5py!, files)).toEqual(images);
});

test.skipIf(!browserPath)('that the page shows (needs a browser)', { timeout: 120_000 }, async () => {
  buildPage();
  const browser = await startBrowser();
  try {
    for (const [folder, { messages }] of left) {
      if (messages === 0) continue;
      const view = await openView({ port: 0 });
      view.showRecording(folder);
      const page = await browser.newPage();
      await page.goto(view.url);
      const place = `message ${(messages - 1).toLocaleString('en-US')}, last`;
      await page.locator('.place').filter({ hasText: place }).waitFor();
      await page.locator('.image .facts').filter({ hasText: 'uint16 48×48' }).waitFor();
      expect(await page.locator('.timebar .problem').textContent()).toBe('');
      await page.close();
      await view.close();
    }
  } finally {
    await browser.close();
  }
});
