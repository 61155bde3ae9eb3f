/** The documentation, held against what it describes: a page that stops being true fails here. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import * as facade from 'serpy';
import * as arrays from 'serpy-arrays';
import * as core from 'serpy-core';
import * as testing from 'serpy-core/testing';
import * as faultProxy from 'serpy-fault-proxy';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { describe, expect, test } from 'vitest';
import { compileBlocks } from './docs/compile.js';
import { optionRows } from './docs/options.js';
import { anchorOf, codeIn, isProgram, type Page, readPage, readPages, type Table } from './docs/pages.js';
import { runBlock } from './docs/run.js';
import { packages, readManifest, root } from './workspace.js';

const pages = readPages();
const programs = pages.flatMap(({ blocks }) => blocks).filter(isProgram);
/** Those for the shell where there is one that every system has. */
const printing = pages
  .flatMap(({ blocks }) => blocks)
  .filter((block) => isProgram(block) || (block.language === 'sh' && process.platform !== 'win32'))
  .filter(({ prints }) => prints !== undefined);

function page(path: string): Page {
  const found = pages.find((each) => each.path === path);
  if (!found) throw new Error(`there is no page ${path}`);
  return found;
}

/** The tables of a page that have these headings, as one list of rows. */
function rowsWith({ tables }: Page, ...headings: string[]) {
  const wanted = (table: Table) => headings.every((heading) => table.headings.includes(heading));
  return tables.filter(wanted).flatMap(({ rows }) => rows);
}

/** A page with two faults, to see that faults are found. */
const faulty = readPage(
  'faulty.md',
  [
    "<!-- given: declare const connection: import('serpy-v2').Connection; -->",
    '```ts',
    "await connection.sendData('fine');",
    'await connection.sendData(undefined);',
    '```',
    '',
    '```js',
    "import { dial } from 'serpy';",
    '```',
  ].join('\n'),
);

describe('code blocks', () => {
  test('compile under the strict settings of the repository', { timeout: 60_000 }, () => {
    expect(programs.length).toBeGreaterThan(20);
    expect(compileBlocks([...programs, ...faulty.blocks])).toEqual([
      expect.stringMatching(/^faulty\.md:4: Argument of type 'undefined'/),
      expect.stringMatching(/^faulty\.md:8: Module '"serpy"' has no exported member 'dial'/),
    ]);
  });

  test.each(printing.map((block) => [block.name, block] as const))(
    '%s prints what the page says',
    { timeout: 60_000 },
    async (_, block) => {
      expect(await runBlock(block)).toBe(block.prints);
    },
  );

  test.each(['README.md', ...packages.map((folder) => `packages/${folder}/README.md`)])(
    '%s has a quick start that is run',
    (path) => {
      expect(printing.some(({ name }) => name.startsWith(`${path}:`))).toBe(true);
    },
  );

  test('in a language that is not named do not exist', () => {
    const unnamed = pages.flatMap(({ blocks }) => blocks).filter(({ language }) => language === '');
    expect(unnamed.map(({ name }) => name)).toEqual([]);
  });
});

describe('options', () => {
  const documented = rowsWith(page('docs/options.md'), 'option', 'takes', 'default', 'ends', 'packages', 'variable');
  const actual = optionRows();

  test('are all in docs/options.md, with what they take, default, end and packages', () => {
    const rows = documented.map((row) => ({
      option: codeIn(row.option ?? ''),
      takes: (row.takes ?? '').replaceAll('`', ''),
      default: codeIn(row.default ?? ''),
      ends: row.ends,
      packages: row.packages,
    }));
    expect(rows.sort(byOption)).toEqual([...actual].sort(byOption));
  });

  test('are set by the variables of the environment that docs/options.md names', () => {
    for (const row of documented) {
      const option = codeIn(row.option ?? '');
      const [name = '', below] = option.split('.');
      const one = option === 'key' ? '1' : 1; // a key is text, whatever it looks like
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

  test('have the same default wherever a table shows it', () => {
    for (const each of pages) {
      for (const row of rowsWith(each, 'option', 'default')) {
        const option = codeIn(row.option ?? '');
        const expected = actual.find((known) => known.option === option);
        expect(codeIn(row.default ?? ''), `${each.path}: ${option}`).toBe(expected?.default);
      }
    }
  });

  test('of calls are those that the calls take', async () => {
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
    expect(named('sendData').sort()).toEqual([...waitNames, ...v1Names, ...v2Names].sort());
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
    const source = readFileSync(join(root, 'packages/core/src/errors.ts'), 'utf8');
    const union = /export type ErrorCode =([^;]*);/.exec(source)?.[1] ?? '';
    const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code);
    expect(rows.map((row) => codeIn(row.code ?? '')).sort()).toEqual(codes.sort());
    for (const { path, text } of pages) {
      for (const [code] of text.matchAll(/ERR_SERPY_[A-Z_]*[A-Z]/g)) expect(codes, path).toContain(code);
    }
  });
});

describe('readmes', () => {
  test.each([
    ['core', { ...core, ...testing }],
    ['arrays', arrays],
    ['serpy-v1', v1],
    ['serpy-v2', v2],
    ['serpy', facade],
    ['fault-proxy', faultProxy],
  ])('packages/%s/README.md names everything that the package exports', (folder, exports) => {
    const { text } = page(`packages/${folder}/README.md`);
    expect(Object.keys(exports).filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });

  test('the root README shows what each package depends on', () => {
    const shown = rowsWith(page('README.md'), 'package', 'depends on').map((row) => [
      codeIn(row.package ?? ''),
      [...(row['depends on'] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name).sort(),
    ]);
    const actual = packages
      .map(readManifest)
      .map(({ name, dependencies = {} }) => [name, Object.keys(dependencies).sort()]);
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(actual));
  });
});

describe('docs/reliability.md', () => {
  const reliability = page('docs/reliability.md');
  const firstCells = (...headings: string[]) =>
    rowsWith(reliability, ...headings).flatMap((row) =>
      [...(row[headings[0] ?? ''] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );

  test('has every count of stats()', () => {
    expect(firstCells('count', 'of').sort()).toEqual(Object.keys(new v2.Connection().stats()).sort());
  });

  test('has every event of a connection, and every reason for its end', () => {
    const events = readFileSync(join(root, 'packages/core/src/connection-events.ts'), 'utf8');
    const declared = /export interface ConnectionEvents \{([^}]*)\}/.exec(events)?.[1] ?? '';
    expect(firstCells('event', 'when', 'with')).toEqual(
      [...declared.matchAll(/^ {2}(\w+): \[/gm)].map(([, name]) => name),
    );
    const link = readFileSync(join(root, 'packages/core/src/link-end.ts'), 'utf8');
    const reasons = /export type DisconnectReason =([^;]*);/.exec(link)?.[1] ?? '';
    expect(firstCells('reason')).toEqual([
      ...[...reasons.matchAll(/^ {2}\| '([\w-]+)'/gm)].map(([, name]) => name),
      'gave-up',
    ]);
  });
});

describe('what pages point to', () => {
  test.each(pages.map((each) => [each.path, each] as const))('links of %s lead somewhere', (path, { prose }) => {
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    expect(links.filter((link) => !leadsSomewhere(path, link))).toEqual([]);
  });

  test('links that lead nowhere are noticed', () => {
    const links = ['docs/options.md', '#nowhere', 'docs/none.md', 'docs/options.md#nowhere', 'https://nodejs.org'];
    expect(links.map((link) => leadsSomewhere('README.md', link))).toEqual([true, false, false, false, true]);
  });

  test('commands exist as scripts, and examples as files', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    for (const { path, text } of pages) {
      const ofPackage = /^packages\/(.*)\/README/.exec(path)?.[1];
      const own = ofPackage ? readManifest(ofPackage).scripts : {};
      for (const [, run, name] of text.matchAll(/\bnpm (?:(run) )?([\w:-]+)/g)) {
        if (!run && name !== 'start' && name !== 'test') continue;
        expect(Object.keys({ ...scripts, ...own }), path).toContain(name);
      }
      for (const [, name] of text.matchAll(/npm run example -- ([\w-]+\/[\w-]+)/g)) {
        expect(existsSync(join(root, 'examples', `${name}.ts`)), `${path}: ${name}`).toBe(true);
      }
    }
  });

  test('files that are named in the prose exist', () => {
    for (const { path, prose } of pages) {
      for (const [, file = ''] of prose.matchAll(/`((?:packages|docs|examples|test|scripts)\/[\w./-]+\.\w+)`/g)) {
        expect(existsSync(join(root, file)), `${path}: ${file}`).toBe(true);
      }
    }
  });

  test('no page names a path of one computer', () => {
    const paths = /(?<![\w.:/])\/(?:work|tmp|home|root|Users|var)\/\w+|\b[A-Z]:\\\w+/;
    expect(paths.exec('see /tmp/x')).not.toBeNull();
    expect(pages.filter(({ text }) => paths.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

function byOption(a: { option: string }, b: { option: string }): number {
  return a.option < b.option ? -1 : 1;
}

/** Whether a link from a page leads to a file, a folder, or a heading. Other sites are taken at their word. */
function leadsSomewhere(from: string, link: string): boolean {
  if (/^https:\/\//.test(link)) return true;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? join(root, from) : resolve(root, dirname(from), path);
  if (!existsSync(target)) return false;
  if (anchor === undefined || statSync(target).isDirectory()) return anchor === undefined;
  const { headings } = page(relative(root, target).replaceAll('\\', '/'));
  return headings.map(anchorOf).includes(anchor);
}
