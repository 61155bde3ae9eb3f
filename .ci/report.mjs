/**
 * Reads the reports of test runs (vitest, JSON).
 * `count REPORT…` prints how many tests passed and failed in all; a report `NAME.retry.json` replaces what `NAME.json` says of its files.
 * `unfinished REPORT` prints, a line each, the files with tests that failed or, as their process died, did not end: the file, then the
 * first of those tests, with tabs between.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const [what, ...paths] = process.argv.slice(2);

/** The files of a report, with their tests. */
function filesOf(path) {
  return JSON.parse(readFileSync(path, 'utf8')).testResults;
}

function count() {
  const files = new Map();
  // Retries last.
  for (const path of paths.toSorted((one, other) => one.includes('.retry.') - other.includes('.retry.'))) {
    for (const file of filesOf(path)) files.set(`${path.replace('.retry.', '.')} ${file.name}`, file);
  }
  const tests = [...files.values()].flatMap(({ assertionResults }) => assertionResults);
  const sum = (status) => tests.filter((test) => test.status === status).length;
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
}

function unfinished() {
  for (const { name, status, assertionResults } of paths.flatMap(filesOf)) {
    // Those that are skipped on purpose are 'skipped'.
    const bad = assertionResults.filter((test) => test.status === 'failed' || test.status === 'pending');
    if (status === 'passed' && bad.length === 0) continue;
    const tests = bad.slice(0, 3).map((test) => `${test.fullName} (${test.status})`);
    console.log([relative('.', name), ...tests].join('\t'));
  }
}

({ count, unfinished })[what]();
