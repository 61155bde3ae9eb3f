/** The documentation, held against what it describes: a page that stops being true fails here. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import * as facade from 'serpy';
import * as arrays from 'serpy-arrays';
import * as core from 'serpy-core';
import * as testing from 'serpy-core/testing';
import * as faultProxy from 'serpy-fault-proxy';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { describe, expect, onTestFinished, test } from 'vitest';
import { compileBlocks } from './docs/compile.js';
import { optionRows } from './docs/options.js';
import { anchorOf, codeIn, isProgram, type Page, readPage, readPages, type Table } from './docs/pages.js';
import { freePort, programOf, runBlock } from './docs/run.js';
import { measures, throughput } from './long/figures.js';
import { killPrograms } from './program.js';
import { packages, readManifest, root } from './workspace.js';

interface Guard {
  readonly guard: string;
  readonly file: string;
  readonly written: string;
  readonly noticer: string;
}

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
    "import { telephone } from 'serpy';",
    '```',
  ].join('\n'),
);

describe('code blocks', () => {
  test('compile under the strict settings of the repository', { timeout: 60_000 }, () => {
    expect(programs.length).toBeGreaterThan(20);
    expect(compileBlocks([...programs, ...faulty.blocks])).toEqual([
      expect.stringMatching(/^faulty\.md:4: Argument of type 'undefined'/),
      expect.stringMatching(/^faulty\.md:8: Module '"serpy"' has no exported member 'telephone'/),
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

  test('README.md: the programs for two computers talk with each other, in a session', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'serpy-readme-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    onTestFinished(killPrograms);
    const keyFile = join(folder, 'lab.key');
    writeFileSync(keyFile, `${facade.generateKey()}\n`, { mode: 0o600 });
    const port = await freePort();
    const here = (part: string) => {
      const code = page('README.md').blocks.find((block) => block.code.includes(part))?.code ?? '';
      const placed = code.replace(/192\.168\.1\.20|0\.0\.0\.0/, '127.0.0.1').replace('5001', String(port));
      return placed.replace('lab.key', keyFile.replaceAll('\\', '/'));
    };
    const server = programOf(
      join(folder, 'server.mts'),
      `${here("host: '0.0.0.0'")}`.replace("server.on('", "console.log('ready');\nserver.on('"),
    );
    await server.until(/ready\n/);
    const client = `${here("host: '192.168.1.20'")}console.log(connection.encrypted, connection.closeInfo?.clean);\n`;
    const { status, stdout, stderr } = await programOf(join(folder, 'client.mts'), client).ended;
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: 'you asked temperature?\nfalse true\n',
      stderr: '',
    });
  });

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

  test('have the default that the prose names with them', () => {
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

  test('of queues are those that the prose names with them', () => {
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
    const source = readFileSync(join(root, 'packages/core/src/any-error.ts'), 'utf8');
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

  test.each(['serpy-v1', 'serpy-v2', 'serpy'])(
    'packages/%s/README.md has every event and all of closeInfo',
    (folder) => {
      const { text } = page(`packages/${folder}/README.md`);
      const source = readFileSync(join(root, 'packages/core/src/connection/connection-events.ts'), 'utf8');
      const members = (name: string) => {
        const body = new RegExp(`export interface ${name} \\{([^}]*)\\}`).exec(source)?.[1] ?? '';
        return [...body.matchAll(/^ {2}(?:readonly )?(\w+): /gm)].map(([, member = '']) => member);
      };
      const row = (start: RegExp) => text.split('\n').find((line) => start.test(line)) ?? '';
      expect(
        members('ConnectionEvents').filter((name) => !row(/^\| events +\| `connect`/).includes(`\`${name}\``)),
      ).toEqual([]);
      expect(members('CloseInfo').filter((name) => !row(/^\| `connection.closeInfo`/).includes(name))).toEqual([]);
      expect(members('CloseInfo').length).toBeGreaterThan(3);
    },
  );

  test('the README of serpy-arrays has every type of elements, what it is given as and what it is sent as', () => {
    const rows = rowsWith(page('packages/arrays/README.md'), '`dtype`', '`data` when it is given');
    const given = Object.fromEntries(
      rows.map((row) => [
        codeIn(row['`dtype`'] ?? '').replaceAll("'", ''),
        codeIn(row['`data` when it is given'] ?? ''),
      ]),
    );
    const options = arrays.npyHeader.bind(undefined, { dtype: 'none' as never, shape: [] });
    const dtypes = /dtype takes one of (.*), not/.exec(String(messageOf(options)))?.[1]?.split(', ') ?? [];
    expect(Object.keys(given)).toEqual(dtypes);
    for (const dtype of dtypes as arrays.DType[]) {
      const { data } = arrays.decodeNpy(arrays.npyHeader({ dtype, shape: [0] }));
      expect(given[dtype], dtype).toBe(data.constructor.name);
    }
    for (const row of rows) {
      for (const [, name = ''] of (row['sent as this by default'] ?? '').matchAll(/`(\w+Array)`/g)) {
        const Numbers = (globalThis as unknown as Record<string, new (length: number) => Float32Array>)[name];
        if (Numbers === undefined) continue; // Float16Array, before Node 24
        const { dtype } = arrays.decodeNpy(arrays.encodeNpy(new Numbers(1)));
        expect(`'${dtype}'`, name).toBe(codeIn(row['`dtype`'] ?? ''));
      }
    }
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
    const events = readFileSync(join(root, 'packages/core/src/connection/connection-events.ts'), 'utf8');
    const declared = /export interface ConnectionEvents \{([^}]*)\}/.exec(events)?.[1] ?? '';
    expect(firstCells('event', 'when', 'with')).toEqual(
      [...declared.matchAll(/^ {2}(\w+): \[/gm)].map(([, name]) => name),
    );
    const link = readFileSync(join(root, 'packages/core/src/link/link-end.ts'), 'utf8');
    const reasons = /export type DisconnectReason =([^;]*);/.exec(link)?.[1] ?? '';
    expect(firstCells('reason')).toEqual([
      ...[...reasons.matchAll(/^ {2}\| '([\w-]+)'/gm)].map(([, name]) => name),
      'retries-exhausted',
    ]);
  });
});

describe('figures', () => {
  const { text } = page('docs/reliability.md');
  const marked = /<!-- figures -->\n([\s\S]*?)<!-- end of figures -->/.exec(text)?.[1] ?? '';
  const rows = rowsWith(readPage('figures', marked), 'promise', 'bound', 'measured', 'command');

  test('in docs/reliability.md are all that npm run figures measures, complete, and kept', () => {
    const names = rows.map(({ command = '' }) => /npm run test:long -- ([\w-]+)/.exec(command)?.[1]);
    expect(names.filter(Boolean)).toEqual(Object.keys(measures));
    expect(rows.at(-1)?.command).toBe(throughput.command);
    for (const { promise = '', bound = '', measured = '' } of rows) {
      expect(
        [promise, bound, measured].every((cell) => cell.length > 3),
        promise,
      ).toBe(true);
      expect(measured, promise).not.toContain('**');
    }
  });

  test('of speed in README.md are those of docs/performance.md and docs/reliability.md, rounded', () => {
    const [brief = []] = page('docs/performance.md')
      .tables.filter(({ headings }) => headings.includes('bare `node:net`'))
      .map(({ rows }) => rows);
    const figure = (row: string, column: string) =>
      Number(brief.find((each) => each['']?.startsWith(row))?.[column]?.replaceAll(',', ''));
    const [keyed = []] = page('docs/performance.md')
      .tables.filter(({ headings }) => headings.includes('messages a second'))
      .map(({ rows }) => rows);
    const withKey = keyed.find((row) => row['']?.startsWith('1 MiB'))?.['messages a second']?.split(' ')[0];
    const session = /missed: (0\.\d+) .* and (0\.\d+) /.exec(marked)?.slice(1).map(Number) ?? [];
    const { prose } = page('README.md');
    const said = (form: RegExp) => form.exec(prose)?.slice(1).map(Number);
    const millions = (name: string) => Math.floor(figure('64 B one way', name) / 1000);
    expect(said(/v2 moves ([\d.]+) GB\/s .*? and (\d+) million messages of 64 bytes/)).toEqual([
      Number((figure('1 MiB one way', 'serpy-v2') / 1000).toPrecision(1)),
      millions('serpy-v2'),
    ]);
    expect(said(/v1 moves ([\d.]+) GB\/s and (\d+) million/)).toEqual([
      Number((figure('1 MiB one way', 'serpy-v1') / 1000).toPrecision(1)),
      millions('serpy-v1'),
    ]);
    expect(said(/a key\n([\d.]+) times as much in messages of 1 MiB/)).toEqual([Number(withKey)]);
    expect(prose).toContain('A session moves about half as much');
    for (const ratio of session) expect(Math.abs(ratio - 0.5)).toBeLessThan(0.1);
    expect(prose).toContain('A short round trip takes half as long again as over a bare socket');
    const trip = figure('round trip of 64 B', 'serpy-v2') / figure('round trip of 64 B', 'bare `node:net`');
    expect(trip).toBeCloseTo(1.5, 1);
  });

  test('of guards are those that the script takes out, each noticed', () => {
    const guards = JSON.parse(readFileSync(join(root, 'scripts/guards.json'), 'utf8')) as Guard[];
    const shown = rowsWith(page('docs/reliability.md'), 'guard', 'noticed by').map((row) => [
      row.guard,
      row['noticed by'],
    ]);
    expect(shown).toEqual(guards.map(({ guard, noticer }) => [guard, noticer.split('/').at(-1)]));
    for (const { guard, file, written, noticer } of guards) {
      expect(readFileSync(join(root, file), 'utf8').includes(written), guard).toBe(true);
      if (noticer !== 'simulation') expect(existsSync(join(root, 'packages', `${noticer}.test.ts`)), guard).toBe(true);
    }
  });
});

/** Numbers that bound nothing: a place, and waits. */
const notLimits = ['port', 'pingIntervalMs', 'reconnect.baseDelayMs', 'reconnect.minDelayMs', 'reconnect.resetAfterMs'];

/** What a constant of a source file is: a number, or a product of numbers. */
function constantIn(file: string, name: string): number {
  const source = readFileSync(join(root, file), 'utf8');
  const product = new RegExp(`^(?:export )?const ${name} = ([\\d_ *]+);`, 'm').exec(source)?.[1];
  if (product === undefined) throw new Error(`${file} has no constant ${name}`);
  return product.split('*').reduce((value, factor) => value * Number(factor.replaceAll('_', '')), 1);
}

describe('docs/limits.md', () => {
  const limits = page('docs/limits.md');

  test('has every option that is a number and bounds something, each with its default and what happens', () => {
    const numeric = optionRows().filter(({ takes }) => /^a (?:whole )?number/.test(takes));
    const expected = numeric.map(({ option }) => option).filter((option) => !notLimits.includes(option));
    const rows = rowsWith(limits, 'limit', 'option', 'unit', 'default', 'what happens at the limit');
    const named = new Set(rows.map((row) => codeIn(row.option ?? '')));
    expect([...named].sort()).toEqual(expected.sort());
    for (const row of rows) {
      const option = codeIn(row.option ?? '');
      expect(codeIn(row.default ?? ''), option).toBe(numeric.find((each) => each.option === option)?.default);
      for (const cell of [row.limit, row.unit, row['what happens at the limit']]) expect(cell, option).toMatch(/\w/);
    }
  });

  test('has the units that docs/options.md has', () => {
    const units = new Map(
      rowsWith(page('docs/options.md'), 'option', 'unit', 'ends').map((row) => [codeIn(row.option ?? ''), row.unit]),
    );
    for (const row of rowsWith(limits, 'limit', 'option', 'unit')) {
      const option = codeIn(row.option ?? '');
      const counted = /^(?:links|peers|connections)$/; // one option may bound several
      if (counted.test(row.unit ?? '')) expect(units.get(option), option).toMatch(counted);
      else expect(row.unit, option).toBe(units.get(option));
    }
  });

  test('has the values of the constants that no option changes', () => {
    const rows = rowsWith(limits, 'value', 'constant', 'file');
    expect(rows.length).toBeGreaterThan(15);
    for (const row of rows) {
      const name = codeIn(row.constant ?? '');
      expect(Number(row.value), name).toBe(constantIn(codeIn(row.file ?? ''), name));
    }
  });

  test('has every such constant: those whose names say that something is the most, or are times', () => {
    const named = new Set(rowsWith(limits, 'value', 'constant', 'file').map((row) => codeIn(row.constant ?? '')));
    const found = packages
      .filter((folder) => ['core', 'serpy-v1', 'serpy-v2', 'serpy'].includes(folder))
      .flatMap((folder) => sourcesOf(folder))
      .flatMap((text) => [
        ...text.matchAll(
          /^(?:export )?const (most\w+|least\w+|max\w+|min\w+|believed\w+|(?:DEFAULT_)?MAX_\w+|\w+Ms) = [\d_ *]+;/gm,
        ),
      ])
      .map(([, name = '']) => name);
    const ofOtherThings = [
      'mostWithinBytes',
      'maxBuffers',
      'maxDoublings',
      'minKeyBytes',
      'defaultMinDelayMs',
      'maxQuotedBytes',
      'defaultMaxDelayMs',
    ];
    expect(found.filter((name) => !named.has(name) && !ofOtherThings.includes(name))).toEqual([]);
  });

  test.each(['README.md', 'SECURITY.md', 'docs/options.md'])('is linked from %s', (path) => {
    expect(page(path).prose).toContain('limits.md)');
  });
});

/** The texts of a package's sources. */
function sourcesOf(folder: string): string[] {
  return textsBelow(`packages/${folder}/src`).map(([, text]) => text);
}

/** The texts of all sources and examples, each with its path. */
function sourceTexts(): (readonly [path: string, text: string])[] {
  return [...packages.map((folder) => `packages/${folder}/src`), 'examples'].flatMap(textsBelow);
}

function textsBelow(folder: string): (readonly [path: string, text: string])[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/^(?:testing|\.types)/.test(name))
    .map((name) => [`${folder}/${name}`, readFileSync(join(root, folder, name), 'utf8')] as const);
}

/** Where there are several at a time, a port of the demo, any free one, and what is only a word in a form. */
const isOneOfMany = /^(?:examples|packages\/fault-proxy)\/|: (?:0|1|40123|5010)$/;

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
      for (const [, run, name, of] of text.matchAll(/\bnpm (?:(run) )?([\w:-]+)(?: -w ([\w-]+))?/g)) {
        if (!run && name !== 'start' && name !== 'test') continue;
        const ofNamed = of ? readManifest(of).scripts : {};
        expect(Object.keys({ ...scripts, ...own, ...ofNamed }), path).toContain(name);
      }
      for (const [, name] of text.matchAll(/npm run example -- ([\w-]+\/[\w-]+)/g)) {
        expect(existsSync(join(root, 'examples', `${name}.ts`)), `${path}: ${name}`).toBe(true);
      }
    }
  });

  test('every decision is listed in docs/architecture.md', () => {
    const listed = [...page('docs/architecture.md').text.matchAll(/\]\((decisions\/[\w-]+\.md)\)/g)].map(
      ([, link]) => `docs/${link}`,
    );
    const decisions = pages.map(({ path }) => path).filter((path) => path.startsWith('docs/decisions/'));
    expect(decisions.filter((path) => !listed.includes(path))).toEqual([]);
  });

  test('every page of docs can be reached from the README', () => {
    const linked = pages
      .filter(({ path }) => /README\.md$/.test(path))
      .map(({ prose }) => prose)
      .join('\n');
    const names = pages.map(({ path }) => path).filter((path) => /^docs\/[\w-]+\.md$/.test(path));
    expect(names.filter((path) => !linked.includes(`(${path}`) && !linked.includes(`/${path}`))).toEqual([]);
  });

  test('files that are named in the prose exist', () => {
    for (const { path, prose } of pages) {
      for (const [, file = ''] of prose.matchAll(/`((?:packages|docs|examples|test|scripts)\/[\w./-]+\.\w+)`/g)) {
        expect(existsSync(join(root, file)), `${path}: ${file}`).toBe(true);
      }
    }
  });

  test('the port of an example is 5001, in pages, errors and help alike', () => {
    const texts = [...pages.map(({ path, text }) => [path, text] as const), ...sourceTexts()];
    const form =
      /serpy[12]?(?:\+tls)?:\/\/[^\s'"`?]*:(\d+)|['"]?port['"]?: (\d{4,5})\b|\.connect\('127\.0\.0\.1', (\d+)|--port (\d+)/g;
    const found = texts.flatMap(([path, text]) =>
      [...text.matchAll(form)].map(([, ...ports]) => `${path}: ${ports.find((port) => port !== undefined)}`),
    );
    expect(found.length).toBeGreaterThan(50);
    expect(found.filter((each) => !each.endsWith(': 5001') && !isOneOfMany.test(each))).toEqual([]);
  });

  test('no page names a path of one computer', () => {
    const paths = /(?<![\w.:/])\/(?:work|tmp|home|root|Users|var)\/\w+|\b[A-Z]:\\\w+/;
    expect(paths.exec('see /tmp/x')).not.toBeNull();
    expect(pages.filter(({ text }) => paths.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

function messageOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

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
