/** The live page for long: an hour of 30 images per second, and a recorder that is killed a hundred times. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { seededRandom } from '../../packages/cli/src/instruments/random.js';
import { browserPath, noBrowser, startBrowser } from '../../packages/serpy-view/test/browser/browser.js';
import { checkLeft, type Left, recordAndKill, someAtATime } from '../view/kills.js';
import { growthOf, measureViewMemory, mostGrowth } from '../view/memory.js';
import { countWithH5py, countWithNumpy, pythonWith } from '../view/readers.js';
import { type Figure, showFigures } from './figure.js';
import type { Settings } from './settings.js';

const main = resolve('packages/cli/dist/main.js');

export async function viewKills({ kills, seed }: Settings): Promise<boolean> {
  const place = mkdtempSync(join(tmpdir(), 'serpy-view-kills-'));
  try {
    const random = seededRandom(seed);
    const planned = Array.from({ length: kills }, (_, each) => ({
      main,
      folder: join(place, `run-${each}`),
      afterMessages: Math.floor(3000 * random() ** 2),
    }));
    await someAtATime(planned, 2, recordAndKill);
    const left = new Map<string, Left>();
    const faults: string[] = [];
    for (const { folder } of planned) {
      const found = await checkLeft(folder).catch((error: Error) => void faults.push(error.message));
      if (found) left.set(folder, found);
    }
    return showFigures(
      [...readable(left, faults, kills)].map((row) => ({ ...row, command: 'npm run test:long -- view-kills' })),
    );
  } finally {
    rmSync(place, { recursive: true });
  }
}

function* readable(left: ReadonlyMap<string, Left>, faults: string[], kills: number): Generator<Figure> {
  const full = [...left].filter(([, { messages }]) => messages > 0);
  const sum = full.reduce((total, [, { messages }]) => total + messages, 0);
  yield {
    what: 'serpy view --record, killed at random moments: recordings that are unaltered, with messages in order',
    bound: `${kills} kills, no fault`,
    measured: `${full.length} with ${sum.toLocaleString('en-US')} messages, ${kills - full.length} killed before the first, ${faults.length} faults`,
    ok: faults.length === 0 && full.length > kills / 2,
    faults,
  };
  const [withNumpy, withH5py] = [pythonWith('numpy'), pythonWith('h5py, numpy')];
  if (withNumpy !== undefined) {
    const counts = countWithNumpy(
      withNumpy,
      full.flatMap(([, { arrays }]) => arrays),
    );
    yield { what: 'their arrays in numpy', bound: 'all open', measured: `${counts.length} files`, ok: true };
  }
  if (withH5py === undefined) return;
  for (const [folder] of full)
    execFileSync(process.execPath, [main, 'export', folder, `${folder}.h5`], { stdio: 'pipe' });
  const counts = countWithH5py(
    withH5py,
    full.map(([folder]) => `${folder}.h5`),
  );
  const ok = full.every(([, { messages }], at) => counts[at] === Math.ceil(messages / 3));
  yield { what: 'exported, their images in h5py', bound: 'all images', measured: `${counts.length} files`, ok };
}

/** Without a recording at full size, because an hour has 113 GB; and with one of small images, while the page looks back. */
export async function viewHour({ minutes }: Settings): Promise<boolean> {
  if (!browserPath) {
    console.log(noBrowser);
    return false;
  }
  const place = mkdtempSync(join(tmpdir(), 'serpy-view-hour-'));
  const browser = await startBrowser();
  try {
    const shared = { main, browser, seconds: 60 * minutes, perSecond: 30 };
    const cases = [
      { what: '512 × 512 of float32', ...shared, side: 512 },
      {
        what: '64 × 64 of float32, recorded, while the page looks back',
        ...shared,
        side: 64,
        folder: join(place, 'run'),
      },
    ];
    const figures: Figure[] = [];
    for (const { what, ...settings } of cases) {
      const { server, page, sent, shown } = await measureViewMemory(settings);
      const growth = { server: growthOf(server), page: growthOf(page) };
      figures.push({
        what: `${what} at 30 per second for ${minutes} min: growth of the memory of command and page`,
        bound: `< ${mostGrowth.server} and < ${mostGrowth.page} MiB`,
        measured: `${growth.server.toFixed(1)} and ${growth.page.toFixed(1)} MiB; at most ${Math.max(...server).toFixed(0)} and ${Math.max(...page).toFixed(0)} MiB; ${sent.toLocaleString('en-US')} sent, ${shown} shown per second`,
        ok: growth.server < mostGrowth.server && growth.page < mostGrowth.page && sent > 60 * minutes,
      });
    }
    return showFigures(figures.map((figure) => ({ ...figure, command: 'npm run test:long -- view-hour' })));
  } finally {
    await browser.close();
    rmSync(place, { recursive: true, force: true });
  }
}
