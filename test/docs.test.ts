/** The documentation, compared with what it describes. A page that is no longer true fails here. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import * as facade from 'serpy';
import * as arrays from 'serpy-arrays';
import * as core from 'serpy-core';
import * as testing from 'serpy-core/testing';
import * as faultProxy from 'serpy-fault-proxy';
import * as lines from 'serpy-lines';
import * as recording from 'serpy-recording';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { describe, expect, onTestFinished, test } from 'vitest';
import { compileBlocks } from './docs/compile.js';
import { anchorOf, codeIn, isProgram, type Page, readPage, readPages, type Table } from './docs/pages.js';
import { freePort, programOf, runBlock } from './docs/run.js';
import { measures } from './long/figures.js';
import { killPrograms } from './program.js';
import { packages, readManifest, root } from './workspace.js';

/** The part of a benchmark result that is compared. */
interface Results {
  readonly workloads: readonly {
    readonly workload: { readonly name: string };
    readonly summary: readonly { readonly peer: string; readonly ratio: { readonly median: number } }[];
  }[];
}

interface Guard {
  readonly guard: string;
  readonly noticer: string;
}

const pages = readPages();
const programs = pages.flatMap(({ blocks }) => blocks).filter(isProgram);
/** Programs, and shell blocks on systems with a POSIX shell. */
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

/** A page with two errors, which the check must find. */
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

  // test/quick-start.test.ts runs that of README.md.
  test.each(packages.map((folder) => `packages/${folder}/README.md`))('%s has a quick start that is run', (path) => {
    expect(printing.some(({ name }) => name.startsWith(`${path}:`))).toBe(true);
  });

  test('README.md: the programs for two computers exchange messages, in a session', async () => {
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
      `${here("host: '0.0.0.0'")}`.replace('server.onRequest(', "console.log('ready');\nserver.onRequest("),
    );
    await server.until(/ready\n/);
    const hasty = await facade.connect({ protocol: 'v2', port, key: { file: keyFile } });
    await hasty.sendData('an answer, before this client disconnects');
    hasty.destroy();
    const client = `${here("host: '192.168.1.20'")}console.log(connection.encrypted, connection.closeInfo?.clean);\n`;
    const { status, stdout, stderr } = await programOf(join(folder, 'client.mts'), client).ended;
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: 'you asked temperature?\nfalse true\n',
      stderr: '',
    });
  });

  test('all name their language', () => {
    const unnamed = pages.flatMap(({ blocks }) => blocks).filter(({ language }) => language === '');
    expect(unnamed.map(({ name }) => name)).toEqual([]);
  });
});

describe('readmes', () => {
  test.each([
    ['core', { ...core, ...testing }],
    ['arrays', arrays],
    ['serpy-recording', recording],
    ['serpy-v1', v1],
    ['serpy-lines', lines],
    ['serpy-v2', v2],
    ['serpy', facade],
    ['fault-proxy', faultProxy],
  ])('packages/%s/README.md names every export of the package', (folder, exports) => {
    const { text } = page(`packages/${folder}/README.md`);
    expect(Object.keys(exports).filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });

  test.each(['serpy-v1', 'serpy-lines', 'serpy-v2', 'serpy'])(
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

  test('the README of serpy-arrays has every element type, with its typed array and its type on the wire', () => {
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

  test('the root README links every published package', () => {
    const { text } = page('README.md');
    const published = packages.filter((folder) => readManifest(folder).private !== true);
    expect(published.filter((folder) => !text.includes(`(packages/${folder})`))).toEqual([]);
  });

  test('the root README is short, and its first screen shows how to start and test a checkout', () => {
    const lines = page('README.md').text.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(120);
    expect(lines.slice(0, 20).join('\n')).toMatch(/^npm start .*minute.*\nnpm test .*minutes/m);
  });
});

describe('docs/events.md', () => {
  const events = page('docs/events.md');
  const firstCells = (...headings: string[]) =>
    rowsWith(events, ...headings).flatMap((row) =>
      [...(row[headings[0] ?? ''] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );

  test('has every count of stats()', () => {
    expect(firstCells('count', 'of').sort()).toEqual(Object.keys(new v2.Connection().stats()).sort());
  });

  test('has every event of a connection, and every reason for its end', () => {
    const source = readFileSync(join(root, 'packages/core/src/connection/connection-events.ts'), 'utf8');
    const declared = /export interface ConnectionEvents \{([^}]*)\}/.exec(source)?.[1] ?? '';
    expect(firstCells('event', 'when', 'with')).toEqual(
      [...declared.matchAll(/^ {2}(\w+): \[/gm)].map(([, name]) => name),
    );
    const link = readFileSync(join(root, 'packages/core/src/link/link-end.ts'), 'utf8');
    const reasons = /export type DisconnectReason =([^;]*);/.exec(link)?.[1] ?? '';
    expect(firstCells('reason', 'meaning')).toEqual([
      ...[...reasons.matchAll(/^ {2}\| '([\w-]+)'/gm)].map(([, name]) => name),
      'retries-exhausted',
    ]);
  });
});

describe('figures', () => {
  const { text } = page('docs/explanation/test-evidence.md');
  const marked = /<!-- figures -->\n([\s\S]*?)<!-- end of figures -->/.exec(text)?.[1] ?? '';
  const rows = rowsWith(readPage('figures', marked), 'promise', 'bound', 'measured', 'command');

  test('in docs/explanation/test-evidence.md are all those of npm run figures, complete, and within their bounds', () => {
    const names = rows.map(({ command = '' }) => /npm run test:long -- ([\w-]+)/.exec(command)?.[1]);
    expect(names).toEqual(Object.keys(measures));
    for (const { promise = '', bound = '', measured = '' } of rows) {
      expect(
        [promise, bound, measured].every((cell) => cell.length > 3),
        promise,
      ).toBe(true);
      expect(measured, promise).not.toContain('**');
    }
  });

  test('of speed in README.md and performance.md are those of the result that the page names', () => {
    const performance = page('docs/explanation/performance.md');
    const file = /<!-- results: (\S+) -->/.exec(performance.text)?.[1] ?? '';
    const { workloads } = JSON.parse(readFileSync(join(root, file), 'utf8')) as Results;
    const numbersOf = (workload: string, peer: string) =>
      workloads.find((each) => each.workload.name === workload)?.summary.find((each) => each.peer === peer);
    const ratio = (peer: string) => numbersOf('blob-1m', peer)?.ratio.median ?? Number.NaN;
    const { prose } = page('README.md');
    const said =
      /reaches ([\d.]+) times the throughput of raw TCP .*?, ([\d.]+) times in a session and ([\d.]+) times with a key/;
    const expected = ['serpy-v2', 'serpy-v2-session', 'serpy-v2-key'].map((peer) => ratio(peer).toPrecision(1));
    expect(said.exec(prose)?.slice(1)).toEqual(expected);
    const rows = rowsWith(performance, '1 MiB, × raw', 'p99, µs');
    expect(rows.length).toBeGreaterThan(8);
    const shown = rows.find((row) => row[''] === 'serpy v2')?.['1 MiB, × raw'];
    expect(shown).toBe(
      Number(ratio('serpy-v2').toPrecision(3)).toLocaleString('en-US', { maximumSignificantDigits: 3 }),
    );
  });

  test('of performance fit on a page, without its tables', () => {
    const lines = page('docs/explanation/performance.md').text.split('\n');
    expect(lines.filter((line) => !line.startsWith('|')).length).toBeLessThanOrEqual(100);
  });

  test('of guards are those that the script removes', () => {
    const guards = JSON.parse(readFileSync(join(root, 'scripts/guards.json'), 'utf8')) as Guard[];
    const shown = rowsWith(page('docs/explanation/test-evidence.md'), 'guard', 'noticed by').map((row) => [
      row.guard,
      row['noticed by'],
    ]);
    expect(shown).toEqual(guards.map(({ guard, noticer }) => [guard, noticer.split('/').at(-1)]));
  });
});

/** The texts of all sources and examples, each with its path. */
function sourceTexts(): (readonly [path: string, text: string])[] {
  return [...packages.map((folder) => `packages/${folder}/src`), 'examples'].flatMap(textsBelow);
}

function textsBelow(folder: string): (readonly [path: string, text: string])[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/^(?:testing|\.types)/.test(name))
    .map((name) => [`${folder}/${name}`, readFileSync(join(root, folder, name), 'utf8')] as const);
}

/** Ports of examples that run at the same time, the second port of a computer, a port of the demo, any free port, and placeholders. */
const isOneOfMany = /^(?:examples|packages\/fault-proxy)\/|: (?:0|1|40123|5002|5010)$/;

describe('what pages point to', () => {
  test.each(pages.map((each) => [each.path, each] as const))('links of %s lead somewhere', (path, { prose }) => {
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    expect(links.filter((link) => !leadsSomewhere(path, link))).toEqual([]);
  });

  test('broken links are found', () => {
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

  test('docs/README.md lists every page of docs', () => {
    const { prose } = page('docs/README.md');
    const below = pages.map(({ path }) => path).filter((path) => /^docs\/(?!decisions\/|README)/.test(path));
    expect(below.filter((path) => !prose.includes(`(${path.slice('docs/'.length)})`))).toEqual([]);
  });

  test('a cell of a table holds one short fact, in the pages for users', () => {
    const references = ['options', 'limits', 'errors', 'architecture', 'protocol-v1', 'protocol-v2'];
    const others = /^(?:CONTRIBUTING|SECURITY|docs\/decisions)/;
    const isForUsers = (path: string) =>
      !others.test(path) && !references.some((name) => path.startsWith(`docs/${name}`));
    const lengthOf = (cell: string) => cell.replaceAll(/\]\([^)]*\)/g, ']').length;
    for (const { path, tables } of pages.filter((each) => isForUsers(each.path))) {
      const cells = tables.flatMap(({ rows }) => rows.flatMap((row) => Object.values(row)));
      expect([path, cells.filter((cell) => lengthOf(cell) > 120)]).toEqual([path, []]);
    }
  });

  test('pictures exist, are small, and load nothing from other sites', () => {
    const shown = pages.flatMap(({ path, prose }) =>
      [...prose.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, link = '']) => join(root, dirname(path), link)),
    );
    expect(shown.length).toBeGreaterThan(3);
    for (const file of new Set(shown)) {
      const svg = readFileSync(file, 'utf8');
      expect(svg.length, file).toBeLessThan(300_000);
      expect(svg.replaceAll('http://www.w3.org/2000/svg', ''), file).not.toMatch(/https?:|<script|<image|url\(/);
    }
  });

  test('files named in the prose exist', () => {
    for (const { path, prose } of pages) {
      for (const [, file = ''] of prose.matchAll(/`((?:packages|docs|examples|test|scripts)\/[\w./-]+\.\w+)`/g)) {
        expect(existsSync(join(root, file)), `${path}: ${file}`).toBe(true);
      }
    }
  });

  test('the port of an example is 5001, in pages, errors and help', () => {
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

/** Whether a link from a page leads to a file, a folder or a heading. Links to other sites are not checked. */
function leadsSomewhere(from: string, link: string): boolean {
  if (/^https:\/\//.test(link)) return true;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? join(root, from) : resolve(root, dirname(from), path);
  if (!existsSync(target)) return false;
  if (anchor === undefined || statSync(target).isDirectory()) return anchor === undefined;
  const { headings } = page(relative(root, target).replaceAll('\\', '/'));
  return headings.map(anchorOf).includes(anchor);
}
