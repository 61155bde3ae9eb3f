/** The command as one file, without Node and without packages beside it. Only the executable for this system is run. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { killPrograms, Program } from './program.js';
import { readManifest, root } from './workspace.js';

vi.setConfig({ hookTimeout: 600_000, testTimeout: 120_000 });

const isHere = process.platform === 'linux' && process.arch === 'x64';
const out = isHere ? mkdtempSync(join(tmpdir(), 'serpy-exe-')) : '';
const exe = join(out, 'serpy-linux-x64');

/** An empty PATH: there is no Node to find. */
const start = (...args: string[]) => new Program(exe, args, { PATH: '', NO_COLOR: '1' });

beforeAll(() => {
  if (!isHere) return;
  const script = join(root, 'scripts', 'exe.mjs');
  const built = spawnSync(process.execPath, [script, 'linux', '--own-node', '--out', out], { encoding: 'utf8' });
  expect(built.status, `${built.stdout}${built.stderr}`).toBe(0);
});

afterEach(killPrograms);
afterAll(() => rmSync(out, { recursive: true, force: true }));

describe.skipIf(!isHere)('the single-file executable', () => {
  test('prints its version', async () => {
    const { status, stdout, stderr } = await start('--version').ended;
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${readManifest('cli').version}\n`, stderr: '' });
  });

  test('simulates an instrument, and receives its messages', async () => {
    const [, url = ''] = await start('simulate', 'camera', '--port', '0').until(/(serpy2:\/\/\S+)\n/);
    const { status, stdout } = await start('listen', '--connect', url, '--count', '3').ended;
    expect(status).toBe(0);
    expect(stdout.match(/uint16 480×640/g)).toHaveLength(3);
  });

  test('serves the live page with its script and style from inside', async () => {
    const [, camera = ''] = await start('simulate', 'camera', '--port', '0').until(/(serpy2:\/\/\S+)\n/);
    const view = start('view', camera, '--page-port', '0');
    const [, page = ''] = await view.until(/(http:\/\/\S+)\n/);
    const built = join(root, 'packages', 'serpy-view', 'dist', 'page');
    for (const [path, file] of [
      ['', 'index.html'],
      ['page.js', 'page.js'],
      ['page.css', 'page.css'],
    ] as const) {
      const response = await fetch(new URL(path, page), { headers: { connection: 'close' } });
      expect(response.status).toBe(200);
      expect(await response.text()).toBe(readFileSync(join(built, file), 'utf8'));
    }
    expect(view.stderr).not.toContain('require()');
  });

  test('has the licenses of what is inside', () => {
    const notices = readFileSync(join(out, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const name of ['Node.js', 'commander', 'ws', 'h5wasm']) expect(notices).toMatch(new RegExp(`^${name} `, 'm'));
  });
});
