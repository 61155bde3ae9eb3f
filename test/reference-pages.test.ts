/** The reference pages, compared with the sources: options, errors and limits are complete and have the right values. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as facade from 'serpy';
import * as core from 'serpy-core';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { describe, expect, test } from 'vitest';
import { fixedLimits } from './docs/fixed-limits.js';
import { optionRows } from './docs/options.js';
import { codeIn } from './docs/pages.js';
import { figureIn, pageAt as page, pages, rowsWith } from './docs/tables.js';
import { root } from './workspace.js';

describe('options', () => {
  const groups = rowsWith(page('docs/options.md'), 'option', 'type', 'default', 'description');
  const ranges = rowsWith(page('docs/options.md'), 'option', 'accepts', 'for', 'variable');
  const actual = optionRows();

  test('are all in docs/options.md, with what they accept, default, end and packages', () => {
    const defaults = new Map(groups.map((row) => [codeIn(row.option ?? ''), row]));
    const rows = ranges.map((row) => {
      const option = codeIn(row.option ?? '');
      const [ends, packagesOf] = (row.for ?? '').split('; ');
      return {
        option,
        takes: row.accepts,
        default: figureIn(defaults.get(option)?.default ?? 'in no table'),
        ends,
        packages: packagesOf,
      };
    });
    expect(rows.sort(byOption)).toEqual([...actual].sort(byOption));
    expect(groups).toHaveLength(actual.length);
  });

  test('have in docs/options.md the type that they accept', () => {
    for (const { option, takes } of actual) {
      const type = groups.find((row) => codeIn(row.option ?? '') === option)?.type ?? '';
      if (/^a number of milliseconds/.test(takes)) expect(type, option).toBe('number, ms');
      else if (/^a whole number/.test(takes)) expect(type, option).toMatch(/^number/);
      else if (/^an object with \w+Messages|^an object with base/.test(takes)) expect(type, option).toBe('object');
      else if (takes === 'true or false') expect(type, option).toBe('boolean');
      else if (/^'.*' or '/.test(takes) && type !== 'choice') {
        expect(type, option).toBe(takes.replaceAll(' or ', ', ').replaceAll(/'[^']*'/g, '`$&`'));
      } else expect(type, option).toMatch(/\w/);
    }
  });

  test('are set by the environment variables that docs/options.md names', () => {
    for (const row of ranges) {
      const option = codeIn(row.option ?? '');
      const [name = '', below] = option.split('.');
      const one = ['key', 'name', 'terminator'].includes(option) ? '1' : 1; // text, even if it looks like a number
      const value = below === undefined ? one : { [below]: one };
      const variable = codeIn(row.variable ?? '');
      if (variable !== '') expect(facade.environmentOptions({ [variable]: '1' }), option).toEqual({ [name]: value });
      else
        expect(
          actual.some((each) => each.option.startsWith(`${option}.`)),
          option,
        ).toBe(true);
    }
  });

  test('have the same default in every table', () => {
    for (const each of pages) {
      for (const row of rowsWith(each, 'option', 'default')) {
        const option = codeIn(row.option ?? '');
        const expected = actual.find((known) => known.option === option);
        if ('calls' in row) continue; // an option of a call
        expect(figureIn(row.default ?? ''), `${each.path}: ${option}`).toBe(expected?.default);
      }
    }
  });

  test('have the default that the prose states', () => {
    const units: Record<string, number> = { ms: 1, s: 1000, KiB: 2 ** 10, MiB: 2 ** 20 };
    let named = 0;
    for (const { path, prose } of pages) {
      const form = /`([\w.]+)`(?:\]\([^)]*\))? \((\d[\d,]*)(?: (\w+))?\)/g;
      for (const [text, option, figure = '', unit = ''] of prose.matchAll(form)) {
        const known = actual.find((each) => each.option === option);
        if (!known) continue;
        named++;
        expect(known.default, `${path}: ${text}`).toBe(String(Number(figure.replaceAll(',', '')) * (units[unit] ?? 1)));
      }
    }
    expect(named).toBeGreaterThan(20);
  });

  test('of queues have the values that the prose states', () => {
    const form = /(receive queue|send queue|`replayQueue`)[^.;(]{0,40}\(([\d,]+) messages(?: or|,) (\d+) MiB\)/g;
    let named = 0;
    for (const { path, prose } of pages) {
      for (const [text, queue = '', messages = '', mebibytes] of prose.matchAll(form)) {
        named++;
        const name = queue.replaceAll('`', '').replace(/ queue$/, 'Queue');
        const defaultOf = (bound: string) => actual.find(({ option }) => option === `${name}.${bound}`)?.default;
        expect(messages.replaceAll(',', ''), `${path}: ${text}`).toBe(defaultOf('maxMessages'));
        expect(Number(mebibytes) * 2 ** 20, `${path}: ${text}`).toBe(Number(defaultOf('maxBytes')));
      }
    }
    expect(named).toBeGreaterThan(2);
  });

  test('of calls are those that the calls accept', async () => {
    const named = (call: string) =>
      rowsWith(page('docs/options.md'), 'option', 'calls')
        .filter(({ calls = '' }) => calls.includes(`\`${call}\``))
        .map(({ option = '' }) => codeIn(option));
    const v1Names = v1.v1Protocol({ encoding: 'ascii', maxMessageBytes: 1 }).sendOptionNames;
    const v2Names = v2.v2Protocol({ maxMessageBytes: 1 }).sendOptionNames;
    const wait = await new v2.Connection().connect('h', 1, { unheardOfOption: 1 } as never).catch((error) => error);
    const waitNames = /the options are (.*)$/.exec(wait.message)?.[1]?.split(', ') ?? [];
    expect(waitNames.length).toBeGreaterThan(0);
    const array = await new v2.Connection().getArray({ unheardOfOption: 1 } as never).catch((error) => error);
    expect(named('getArray')).toEqual(/the options are (.*)$/.exec(array.message)?.[1]?.split(', '));
    for (const call of ['connect', 'getData', 'getMessage', 'getConnection']) expect(named(call)).toEqual(waitNames);
    const sendNames = new Set([...waitNames, 'expiresMs', ...v1Names, ...v2Names]);
    expect(named('sendData').sort()).toEqual([...sendNames].sort());
  });
});

describe('errors', () => {
  const rows = rowsWith(page('docs/errors.md'), 'code', 'class');

  test('are all in docs/errors.md, each code with its class', () => {
    const classes = Object.entries(core)
      .filter(([name, value]) => typeof value === 'function' && name.endsWith('Error') && name !== 'SerpyError')
      .filter(([, value]) => Object.prototype.isPrototypeOf.call(Error, value))
      .map(([name, value]) => {
        const { code } = new (value as unknown as new (...args: unknown[]) => core.SerpyErrorLike)('x', 1, 1);
        return `${code} ${name}`;
      });
    expect(rows.map((row) => `${codeIn(row.code ?? '')} ${codeIn(row.class ?? '')}`).sort()).toEqual(classes.sort());
  });

  test('are all the codes of the type ErrorCode, and pages name no other', () => {
    const source = readFileSync(join(root, 'packages/core/src/any-error.ts'), 'utf8');
    const union = /export type ErrorCode =([^;]*);/.exec(source)?.[1] ?? '';
    const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code);
    expect(rows.map((row) => codeIn(row.code ?? '')).sort()).toEqual(codes.sort());
    for (const { path, text } of pages) {
      for (const [code] of text.matchAll(/ERR_SERPY_[A-Z_]*[A-Z]/g)) expect(codes, path).toContain(code);
    }
  });
});

/** Constants that do not limit a peer. */
const ofOtherThings = [
  'maxWithinBytes',
  'maxUncountedTextLength',
  'maxUnconfirmedLinks',
  'minCompactEntries',
  'MAX_FIRST_PAIR',
  'MAX_REST',
  'minScientificExponent',
  'minSize',
  'maxExponent',
  'maxBuffers',
  'maxDoublings',
  'minKeyBytes',
  'defaultMinDelayMs',
  'defaultMaxDelayMs',
  'maxQuotedBytes',
  'minPartBytes',
  'maxSlowdown',
  'minRecordBytes',
  'minAverageBytes',
  'recordMs',
  'windowMs',
  'maxSpares',
  'maxSpareBlocks',
  'maxPartBytes',
  'maxTerminatorBytes',
];

/** Options that are numbers but not limits. */
const notLimits = ['port', 'pingIntervalMs', 'reconnect.baseDelayMs', 'reconnect.minDelayMs', 'reconnect.resetAfterMs'];

/** The value of a constant in a source file: a number, or a product of numbers. */
function constantIn(file: string, name: string): number {
  const source = readFileSync(join(root, file), 'utf8');
  const product = new RegExp(`^(?:export )?const ${name} = ([\\d_ *]+);`, 'm').exec(source)?.[1];
  if (product === undefined) throw new Error(`${file} has no constant ${name}`);
  return product.split('*').reduce((value, factor) => value * Number(factor.replaceAll('_', '')), 1);
}

describe('docs/limits.md', () => {
  const limits = page('docs/limits.md');

  test('has every option that limits something, with the effect', () => {
    const numeric = optionRows().filter(({ takes }) => /^a (?:whole )?number/.test(takes));
    const expected = numeric.map(({ option }) => option).filter((option) => !notLimits.includes(option));
    const rows = rowsWith(limits, 'limit', 'option', 'at the limit');
    const named = new Set(rows.map((row) => codeIn(row.option ?? '')));
    expect([...named].sort()).toEqual(expected.sort());
    for (const row of rows) {
      for (const cell of [row.limit, row['at the limit']]) expect(cell, row.option).toMatch(/\w/);
    }
  });

  test('leaves defaults to docs/options.md', () => {
    for (const { headings } of limits.tables) expect(headings).not.toContain('default');
    expect(limits.prose).toContain('](options.md) has their defaults');
  });

  test('has the values of the constants that no option changes', () => {
    const rows = rowsWith(limits, 'limit', 'value', 'at the limit');
    expect(rows.map((row) => row.limit)).toEqual(fixedLimits.map(([limit]) => limit));
    for (const [i, [limit, constant, file]] of fixedLimits.entries()) {
      expect(figureIn(rows[i]?.value ?? ''), limit).toBe(String(constantIn(file, constant)));
      expect(rows[i]?.['at the limit'], limit).toMatch(/\w/);
    }
  });

  test('has every constant whose name is that of a maximum or a time', () => {
    const named = new Set(fixedLimits.map(([, constant, file]) => `${file} ${constant}`));
    const form = /^(?:export )?const (max\w+|min\w+|(?:DEFAULT_)?MAX_\w+|\w+Ms) = [\d_ *]+;/gm;
    const found = ['core', 'serpy-v1', 'serpy-lines', 'serpy-v2', 'serpy']
      .flatMap((folder) => textsBelow(`packages/${folder}/src`))
      .flatMap(([path, text]) => [...text.matchAll(form)].map(([, name = '']) => `${path} ${name}`));
    expect(found.length).toBeGreaterThan(30);
    expect(found.filter((each) => !named.has(each) && !ofOtherThings.includes(each.split(' ')[1] ?? ''))).toEqual([]);
  });

  test.each(['README.md', 'SECURITY.md', 'docs/options.md'])('is linked from %s', (path) => {
    expect(page(path).prose).toContain('limits.md)');
  });
});

function textsBelow(folder: string): (readonly [path: string, text: string])[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/^(?:testing|\.types)/.test(name))
    .map((name) => [`${folder}/${name}`, readFileSync(join(root, folder, name), 'utf8')] as const);
}

function byOption(a: { option: string }, b: { option: string }): number {
  return a.option < b.option ? -1 : 1;
}

describe('tables', () => {
  /** Tables that are wider, each with the reason. */
  const exceptions: Record<string, RegExp> = {
    'docs/architecture.md': /^package\|levels$/, // compared with the data of a test
    'docs/protocol-v2.md': /^frame\|says\|bytes$|^type\|name\|payload$|^bytes\|/, // bytes of whole frames
  };
  const own = ['options', 'limits', 'errors', 'protocol-v1', 'protocol-v2', 'architecture'];

  test.each(own.map((name) => `docs/${name}.md`))('of %s have at most four columns and short cells', (path) => {
    const wide = page(path).tables.filter(({ headings }) => !exceptions[path]?.test(headings.join('|')));
    expect(wide.length).toBeGreaterThan(2);
    for (const { headings, rows } of wide) {
      expect(headings.length, headings.join('|')).toBeLessThanOrEqual(4);
      const long = rows.flatMap((row) => Object.values(row)).filter((cell) => cell.length > 120);
      expect(long).toEqual([]);
    }
  });
});

describe('decision records', () => {
  const records = pages.filter(({ path }) => path.startsWith('docs/decisions/'));

  test('are numbered without gaps, and architecture.md lists them with their titles, in order', () => {
    const listed = [...page('docs/architecture.md').text.matchAll(/^- \[(.+)\]\((decisions\/.+\.md)\)$/gm)];
    expect(listed.map(([, title, path]) => [`docs/${path}`, title])).toEqual(
      records.map(({ path, headings }) => [path, headings[0]]).sort(),
    );
    for (const [i, { path, headings }] of [...records].sort((a, b) => (a.path < b.path ? -1 : 1)).entries()) {
      const number = String(i + 1).padStart(4, '0');
      expect(path, headings[0]).toMatch(new RegExp(`^docs/decisions/${number}-[a-z0-9-]+\\.md$`));
      expect(headings[0], path).toMatch(new RegExp(`^${number} `));
    }
  });

  test.each(records.map((record) => [record.path, record] as const))('%s has all sections', (_, { text, headings }) => {
    expect(text).toMatch(
      /^# \d{4} .+\n\n- Status: (?:accepted|superseded by \[\d{4}\]\(.+\))\n- Date: \d{4}-\d\d-\d\d\n\n## /,
    );
    expect(headings.slice(1)).toEqual(['Context', 'Decision', 'Alternatives', 'Consequences']);
  });
});

test('CONTRIBUTING.md: the first change can be made as described, and breaks only the named test', () => {
  const { text } = page('CONTRIBUTING.md');
  const [, file = '', words = ''] = /Open `(.*\.ts)` and find `(.+)`/.exec(text) ?? [];
  const [, replacement = ''] = /```text\n\s*(.+)\n\s*```/.exec(text) ?? [];
  const [, testFile = '', testName = ''] = /Open `(.*\.test\.ts)`, find the test `(.*)` and/.exec(text) ?? [];
  const [source, tests] = [file, testFile].map((path) => readFileSync(join(root, path), 'utf8'));
  expect(source?.split(words)).toHaveLength(2);
  expect(tests?.split(words)).toHaveLength(2);
  const start = tests?.indexOf(`test('${testName}`) ?? 0;
  expect(tests?.indexOf(words)).toBeGreaterThan(start);
  expect(tests?.slice(start, tests.indexOf(words)).split('test(')).toHaveLength(2);
  expect(replacement.length, 'a longer text would need to be formatted').toBeLessThanOrEqual(words.length);
  expect(text).toContain(`npm run test:one -- ${testFile}`);
});
