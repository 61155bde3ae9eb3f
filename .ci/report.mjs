/**
 * Reads the reports of test runs (vitest, JSON).
 * `count REPORT…` prints how many tests passed and failed in all; `unfinished REPORT` prints, a line each, the files with tests that
 * failed or, as their process died, did not end: the file, then the first of those tests, with tabs between.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const [what, ...paths] = process.argv.slice(2);
const reports = paths.map((path) => JSON.parse(readFileSync(path, 'utf8')));

function count() {
  const sum = (name) => reports.reduce((total, report) => total + report[name], 0);
  console.log(`\n${sum('numPassedTests')} passed, ${sum('numFailedTests')} failed`);
}

function unfinished() {
  for (const { name, status, assertionResults } of reports.flatMap(({ testResults }) => testResults)) {
    // Those that are skipped on purpose are 'skipped'.
    const bad = assertionResults.filter((test) => test.status === 'failed' || test.status === 'pending');
    if (status === 'passed' && bad.length === 0) continue;
    const tests = bad.slice(0, 3).map((test) => `${test.fullName} (${test.status})`);
    console.log([relative('.', name), ...tests].join('\t'));
  }
}

({ count, unfinished })[what]();
