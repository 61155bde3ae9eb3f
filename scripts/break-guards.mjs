// Removes guards of the session, one at a time, in a copy of the sources, and runs the test that must notice.
// Usage: node scripts/break-guards.mjs [NUMBER ...]. Ends with status 1 if a guard can be removed and its test still passes.
// test/guards.test.ts checks with each run of the tests that the list in guards.json fits the sources.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
/**
 * Each guard: its name, the file, the text to replace everywhere in it, the text without the guard, and the noticer: a test file,
 * or `simulation` for sessions in simulated worlds.
 */
const guards = JSON.parse(readFileSync(join(root, 'scripts', 'guards.json'), 'utf8'));
const worlds = 5000;

/** Folders that the copy leaves out. */
const leftOut = /(^|\/)(node_modules|dist|\.git|\.types)(\/|$)/;
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
    filter: (path) => !leftOut.test(path.slice(root.length)),
  });
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

/** Runs a noticer. @returns whether it failed, and its output */
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
      done({ failed: error !== null, text: stdout + stderr });
    });
  });
}

/** The first failure in an output: the simulated world or the test. */
function firstFailure(text) {
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
    if (noticer === 'simulation') continue; // test/simulation.test.ts checks that it passes
    const { failed, text } = await run(noticer);
    if (failed) throw new Error(`${noticer} fails with all guards in place:\n${text}`);
  }
  for (const [index, { guard, file, written, broken, noticer }] of guards.entries()) {
    if (wanted.length > 0 && !wanted.includes(index + 1)) continue;
    const path = join(copy, file);
    const source = readFileSync(path, 'utf8');
    if (!source.includes(written))
      throw new Error(`guard ${index + 1} is not in ${file}; write its present text into guards.json: ${written}`);
    writeFileSync(
      path,
      source.replaceAll(written, () => broken),
    );
    const { failed, text } = await run(noticer);
    writeFileSync(path, source);
    if (!failed) unnoticed++;
    const by = failed ? `${noticer.split('/').at(-1)}` : '**no test**';
    console.log(`| ${index + 1} | ${guard} | ${by} | ${failed ? firstFailure(text) : ''} |`);
  }
} finally {
  rmSync(copy, { recursive: true });
}
process.exitCode = unnoticed > 0 ? 1 : 0;
