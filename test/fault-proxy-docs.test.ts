/** The README of the fault proxy, compared with its sources: options with accepted values, cuts, answers, events, reasons and codes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  corruptSpecs,
  cutHows,
  cutSpecs,
  duplicateSpecs,
  faultSpecs,
  insertSpecs,
} from '../packages/fault-proxy/src/options/faults.js';
import type { OptionSpec } from '../packages/fault-proxy/src/options/option.js';
import { linkSpecs, proxySpecs, targetSpecs } from '../packages/fault-proxy/src/options/options.js';
import { codeIn, readPage } from './docs/pages.js';
import { runBlock } from './docs/run.js';
import { root } from './workspace.js';

const folder = join(root, 'packages', 'fault-proxy');
const readme = readPage('packages/fault-proxy/README.md', readFileSync(join(folder, 'README.md'), 'utf8'));

function rowsUnder(heading: string) {
  const found = readme.tables.filter(({ headings }) => headings[0] === heading).flatMap(({ rows }) => rows);
  expect(found.length, heading).toBeGreaterThan(0);
  return found;
}

/** The code spans in the first cells of a table. */
function namesUnder(heading: string): string[] {
  return rowsUnder(heading).flatMap((row) =>
    [...(row[heading] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
}

function shown(name: string, value: unknown): string {
  if (name === 'clock') return "this computer's";
  if (value === undefined || Array.isArray(value)) return 'none';
  if (typeof value === 'object') return JSON.stringify(value);
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function specRows(specs: object, prefix = '') {
  return Object.entries(specs as Record<string, OptionSpec<unknown>>).map(([name, spec]) => ({
    name: prefix + name,
    takes: spec.takes,
    default: shown(name, spec.default),
    required: spec.required,
  }));
}

function tableRows(heading: string) {
  return rowsUnder(heading).map((row) => ({
    name: codeIn(row[heading] ?? ''),
    takes: row.accepts,
    default: codeIn(row['by default'] ?? ''),
    required: (row[''] ?? '').includes('must be given'),
  }));
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);

/** The members of a union of string literals in a source. */
function unionIn(file: string, type: string): string[] {
  const source = readFileSync(join(folder, 'src', file), 'utf8');
  const union = new RegExp(`export type ${type} =([^;]*);`).exec(source)?.[1] ?? '';
  return [...union.matchAll(/'([\w-]+)'/g)].map(([, word = '']) => word);
}

describe('the README of the fault proxy has', () => {
  test('every option of a proxy and of a plan, with what it accepts and its default', () => {
    const actual = [...specRows(proxySpecs), ...specRows(targetSpecs, 'target.'), ...specRows(linkSpecs, 'plan.')];
    expect(tableRows('option').sort(byName)).toEqual(actual.sort(byName));
  });

  test('every fault, with what it accepts and its default', () => {
    expect(tableRows('fault').sort(byName)).toEqual(specRows(faultSpecs).sort(byName));
  });

  test('every part of a fault', () => {
    const actual = [
      ...specRows(cutSpecs, 'cut.'),
      ...specRows(corruptSpecs, 'corrupt.'),
      ...specRows(duplicateSpecs, 'duplicate.'),
      ...specRows(insertSpecs, 'insert.'),
    ];
    expect(tableRows('part').sort(byName)).toEqual(actual.sort(byName));
  });

  test('a unit for every time and size', () => {
    const described = [...rowsUnder('option'), ...rowsUnder('fault')];
    for (const row of described) {
      const name = codeIn(row.option ?? row.fault ?? '');
      const text = `${row.accepts} ${row['']}`;
      if (/Ms$/.test(name)) expect(text, name).toMatch(/milliseconds/);
      if (/Bytes$|^bytes/.test(name)) expect(text, name).toMatch(/bytes/);
    }
  });

  test('every cut, answer, event, reason and code', () => {
    expect(namesUnder('how')).toEqual([...cutHows]);
    expect(namesUnder('answer').sort()).toEqual([...unionIn('options/options.ts', 'LinkAnswer'), 'refuse'].sort());
    expect(namesUnder('reason')).toEqual(unionIn('link.ts', 'LinkEndReason'));
    expect(namesUnder('code').slice(0, 4)).toEqual(unionIn('errors.ts', 'FaultProxyErrorCode'));
    const events = readFileSync(join(folder, 'src', 'proxy.ts'), 'utf8');
    const declared = /export interface FaultProxyEvents \{([^}]*)\}/.exec(events)?.[1] ?? '';
    expect(rowsUnder('event').map((row) => codeIn(row.event ?? ''))).toEqual(
      [...declared.matchAll(/^ {2}(\w+): \[/gm)].map(([, name]) => name),
    );
  });

  test('a test that pulls the cable, and passes', async () => {
    const block = readme.blocks.find(({ code }) => code.includes("from 'node:test'"));
    expect(block && (await runBlock(block))).toMatch(/^(ℹ|#) pass 1$/m);
  });
});
