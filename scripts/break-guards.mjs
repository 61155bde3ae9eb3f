// Takes guards of the session out, one at a time, in a copy of the sources, and runs what must notice: `node scripts/break-guards.mjs`,
// or with the numbers of some. Ends with 1 when a guard can be taken out and nothing turns red.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
/** What is guarded, where, what is written in its place, and what must notice: bare sessions in simulated worlds, or a test. */
const guards = JSON.parse(readFileSync(join(root, 'scripts', 'guards.json'), 'utf8'));
const worlds = 5000;

const left = /(^|\/)(node_modules|dist|\.git|\.types)(\/|$)/;
const copy = mkdtempSync(join(tmpdir(), 'serpy-guards-'));
for (const name of [
  'packages',
  'scripts',
  'test',
  'examples',
  'bench',
  'tsconfig.json',
  'package.json',
  'tsconfig.base.json',
  'vitest.config.ts',
]) {
  cpSync(join(root, name), join(copy, name), {
    recursive: true,
    filter: (path) => !left.test(path.slice(root.length)),
  });
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

/** Runs what must notice: whether it did, and what it said. */
function run(noticer) {
  const kept = join(copy, 'kept.json');
  rmSync(kept, { force: true });
  const simulation = ['simulation', '--worlds', `${worlds}`, '--few', '--kept-worlds', kept, '--hang-ms', '2000'];
  const args =
    noticer === 'simulation'
      ? ['scripts/test-long.mjs', ...simulation]
      : ['node_modules/vitest/vitest.mjs', 'run', noticer];
  const options = { cwd: copy, env: { ...process.env, NO_COLOR: '1' }, timeout: 600_000, maxBuffer: 2 ** 26 };
  return new Promise((done) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      done({ isRed: error !== null, text: stdout + stderr });
    });
  });
}

/** How it was noticed, in a few words: the world or the test. */
function firstWords(text) {
  const [, seed, why = ''] = /\nworld (\d+): (.*)/.exec(text) ?? [];
  const [, name = ''] = /FAIL .*? > (.*)/.exec(text) ?? [];
  return (seed ? `world ${seed}: ${why}` : name).slice(0, 120).replaceAll('|', '/');
}

let unnoticed = 0;
const wanted = process.argv.slice(2).map(Number);
console.log('| | guard | noticed by | how |\n| --: | --- | --- | --- |');
try {
  const chosen = guards.filter((_, index) => wanted.length === 0 || wanted.includes(index + 1));
  for (const noticer of new Set(chosen.map((each) => each.noticer))) {
    if (noticer === 'simulation') continue; // that it is green is a test of its own
    const { isRed, text } = await run(noticer);
    if (isRed) throw new Error(`${noticer} is red with all guards in place:\n${text}`);
  }
  for (const [index, { guard, file, written, broken, noticer }] of guards.entries()) {
    if (wanted.length > 0 && !wanted.includes(index + 1)) continue;
    const path = join(copy, file);
    const source = readFileSync(path, 'utf8');
    if (!source.includes(written))
      throw new Error(`${file} has no longer what guard ${index + 1} takes out: ${written}`);
    writeFileSync(
      path,
      source.replaceAll(written, () => broken),
    );
    const { isRed, text } = await run(noticer);
    writeFileSync(path, source);
    if (!isRed) unnoticed++;
    const by = isRed ? `${noticer.split('/').at(-1)}` : '**nobody**';
    console.log(`| ${index + 1} | ${guard} | ${by} | ${isRed ? firstWords(text) : ''} |`);
  }
} finally {
  rmSync(copy, { recursive: true });
}
process.exitCode = unnoticed > 0 ? 1 : 0;
