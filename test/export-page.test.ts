/** docs/how-to/export-recordings.md: its programs read what the command exports, and the sentence for a missing library. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { encodeNpy } from 'serpy-arrays';
import { createRecording } from 'serpy-recording';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runToEnd } from '../packages/cli/test/run.js';
import { type Page, readPages } from './docs/pages.js';
import { killPrograms, Program } from './program.js';
import { root } from './workspace.js';

const page = readPages().find(({ path }) => path === 'docs/how-to/export-recordings.md') as Page;
const python = '/usr/bin/python3';
const has = (name: string) => spawnSync(python, ['-c', `import ${name}`]).status === 0;
const missing = ['h5py', 'zarr'].filter((name) => !has(name));
if (process.env.REQUIRE_TEST_TOOLS) expect(missing).toEqual([]);

let place = '';
let folder = '';
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-export-page-'));
  folder = join(place, 'run-1');
  const recording = createRecording(folder, { note: 'sample 12' });
  const value = encodeNpy({ data: Uint16Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
  const about = { name: 'camera', unit: 'counts', axes: ['y', 'x'] };
  for (let n = 0; n < 4; n++) recording.add({ type: 'bytes', value, about });
  recording.add({ type: 'float', value: 21.5, about: { name: 'temperature', unit: 'K' } });
  recording.close();
});
afterEach(async () => {
  await killPrograms();
  rmSync(place, { recursive: true });
});

/** The program of the page with this import, run with an exported file. */
async function output(library: string, out: string): Promise<string> {
  const [block, ...others] = page.blocks.filter(
    ({ language, code }) => language === 'python' && code.includes(`import ${library}`),
  );
  expect(others).toEqual([]);
  const { status, stderr } = await runToEnd(['export', folder, join(place, out)]);
  expect([status, stderr]).toEqual([0, expect.stringContaining('exported')]);
  return execFileSync(python, ['-c', block?.code ?? '', join(place, out)], { encoding: 'utf8' });
}

describe('the programs of the page', () => {
  test.skipIf(missing.includes('h5py'))('h5py reads the HDF5 file (needs h5py)', async () => {
    expect(await output('h5py', 'run-1.h5')).toMatch(/^\(4, 2, 3\) uint16 \d\.\d+\ncounts \['time', 'y', 'x'\]\n$/);
  });

  test.skipIf(missing.includes('zarr'))('zarr reads the store (needs zarr)', async () => {
    expect(await output('zarr', 'run-1.zarr')).toBe('(4, 2, 3) uint16 sample 12\ncounts\n');
  });

  test('the formats of the table are those of the command', async () => {
    const { stderr } = await runToEnd(['export', folder, join(place, 'out'), '--as', 'nothing']);
    const known = /--as takes ([\w, ]+), not/.exec(stderr)?.[1]?.split(', ') ?? [];
    const named = page.tables[0]?.rows.flatMap((row) => [...(row['ending, or `--as`'] ?? '').matchAll(/`\.?(\w+)`/g)]);
    for (const format of known) expect(named?.map(([, name]) => name)).toContain(format);
  });
});

describe('without h5wasm', () => {
  /** Makes `import('h5wasm/node')` fail as if the package were not installed. */
  const hook = `export async function resolve(name, context, next) {
    if (name.startsWith('h5wasm')) throw Object.assign(new Error("Cannot find package 'h5wasm'"), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  }`;

  test('HDF5 is refused with a sentence that names the package, and leaves no file', async () => {
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
    const register = join(place, 'register.mjs');
    const hooks = `data:text/javascript,${encodeURIComponent(hook)}`;
    writeFileSync(register, `import { register } from 'node:module';\nregister(${JSON.stringify(hooks)});\n`);
    const run = (out: string) =>
      new Program(process.execPath, [
        ...['--import', tsx, '--import', pathToFileURL(register).href],
        ...[join(root, 'packages/cli/src/main.ts'), 'export', folder, join(place, out)],
      ]).ended;
    const { status, stdout, stderr } = await run('run-1.h5');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain('HDF5 needs the package h5wasm (15 MB), which is not installed');
    expect(stderr).toContain('npm install h5wasm@0.10.3');
    expect(readdirSync(place).sort()).toEqual(['register.mjs', 'run-1']);
    expect(await run('run-1.csv')).toMatchObject({ status: 0 });
  }, 90_000);
});
