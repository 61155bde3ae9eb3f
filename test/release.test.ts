/** `npm run release -- --dry-run`: what it shows and makes, and that it leaves the checkout as it is. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { allPackages, readManifest, root } from './workspace.js';

const script = join(root, 'scripts', 'release.mjs');
const run = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8' });
const git = (...args: string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout;

test('a release is only shown, and says so without --dry-run', () => {
  const { status, stderr } = run();
  expect(status).toBe(1);
  expect(stderr).toContain('this script only shows a release: add --dry-run');
});

test('shows versions and changelog, packs every package, and changes nothing', { timeout: 900_000 }, () => {
  const out = mkdtempSync(join(tmpdir(), 'serpy-tarballs-'));
  onTestFinished(() => rmSync(out, { recursive: true, force: true }));
  const before = [git('status', '--porcelain'), git('rev-parse', 'HEAD'), git('tag')];
  // Other tests build, and check the tarballs of this checkout.
  const { status, stdout, stderr } = run('--dry-run', '--no-docs', '--no-build', '--no-test', '--out', out, '7.8.9');
  expect(status, stderr).toBe(0);
  const names = allPackages.filter((each) => !readManifest(each).private).map((each) => readManifest(each).name);
  for (const name of names) expect(stdout).toContain(`  ${name} ${readManifest('serpy').version} -> 7.8.9\n`);
  expect(stdout).toMatch(/Changelog:\n#+ \[?7\.8\.9/);
  expect(stdout).toContain('Nothing was published or pushed.');
  expect(readdirSync(out).sort()).toEqual(names.map((name) => `${name}-7.8.9.tgz`).sort());
  expect([git('status', '--porcelain'), git('rev-parse', 'HEAD'), git('tag')]).toEqual(before);
});
