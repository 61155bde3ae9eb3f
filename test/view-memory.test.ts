/** The memory of the command and of the page is flat. The long tests watch it for an hour. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { browserPath, noBrowser, startBrowser, type TestBrowser } from '../packages/serpy-view/test/browser/browser.js';
import { installed } from './installed.js';
import { growthOf, measureViewMemory, mostGrowth } from './view/memory.js';

const isPossible = browserPath !== undefined && existsSync('/proc/self/status');

let main = '';
let place = '';
let browser: TestBrowser | undefined;

beforeAll(async () => {
  if (!isPossible) return;
  place = mkdtempSync(join(tmpdir(), 'serpy-view-memory-'));
  main = join((await installed()).folder, 'node_modules', 'serpy-cli', 'dist', 'main.js');
  browser = await startBrowser();
}, 300_000);

afterAll(async () => {
  await browser?.close();
  if (place !== '') rmSync(place, { recursive: true });
}, 30_000);

test.skipIf(!isPossible)(
  `is flat while a camera sends and a page looks back${isPossible ? '' : ` (skipped: ${noBrowser})`}`,
  {
    timeout: 120_000,
  },
  async () => {
    const { server, page, sent } = await measureViewMemory({
      main,
      browser: browser as TestBrowser,
      seconds: 24,
      side: 128,
      perSecond: 30,
      folder: join(place, 'run'),
    });
    expect(sent).toBeGreaterThan(100);
    expect(growthOf(server)).toBeLessThan(mostGrowth.server);
    expect(growthOf(page)).toBeLessThan(mostGrowth.page);
  },
);
