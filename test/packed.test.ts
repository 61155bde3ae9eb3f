/** The published packages as users have them: packed, installed into an empty folder without a registry, imported, required, compiled. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { readPages } from './docs/pages.js';
import { type Installed, installed, npmFile, runNode, type Tarball } from './installed.js';
import { allPackages, packages, readManifest, root } from './workspace.js';

// Compilers and npm need time on a busy computer.
vi.setConfig({ hookTimeout: 240_000, testTimeout: 120_000 });

let there: Installed;
/** A program's folder, below that of the packages. */
let app = '';

/** Where what does not depend on the Node is left out: set by `.ci/run`, which runs this file on each Node. */
const isOtherNode = process.env.OTHER_NODE === '1';

const tool = (path: string) => join(root, 'node_modules', path);

function tarballOf(folder: string): Tarball {
  const { name } = readManifest(folder);
  const found = there.tarballs.find((each) => each.name === name);
  if (!found) throw new Error(`${name} was not packed`);
  return found;
}

/** The text files of an installed package's dist, without the web page. */
function builtFiles(folder: string): { name: string; text: string }[] {
  const dist = join(there.folder, 'node_modules', readManifest(folder).name, 'dist');
  const files = readdirSync(dist, { withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ name }) => ({ name, text: readFileSync(join(dist, name), 'utf8') }));
}

beforeAll(async () => {
  there = await installed();
  app = mkdtempSync(join(there.folder, 'app-'));
  cpSync(join(root, 'test', 'packed'), app, { recursive: true });
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
});

afterAll(() => rmSync(app, { recursive: true, force: true }));

describe.each(packages)('the tarball of %s', (folder) => {
  test('contains dist, README.md, LICENSE and package.json, and nothing else', () => {
    const contents = tarballOf(folder).files.map(({ path }) => path);
    // The documentation travels with the command where it has been built.
    const paths = folder === 'cli' ? contents.filter((path) => !path.startsWith('site/')) : contents;
    expect(paths.filter((path) => !path.startsWith('dist/')).sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
    const isBuilt = /\.(js|cjs|d\.ts|d\.cts|map)$|^dist\/THIRD-PARTY|^dist\/page\/[\w.-]+$/;
    expect(paths.filter((path) => !isBuilt.test(path)).sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
  });

  test('has the license of every bundled library, and of no other', () => {
    const maps = builtFiles(folder).filter(({ name }) => name.endsWith('.map'));
    const sources = maps.flatMap(({ text }) => (JSON.parse(text) as { sources: string[] }).sources);
    const inside = new Set(sources.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []));
    const notices = builtFiles(folder).find(({ name }) => name === 'THIRD-PARTY-NOTICES.txt')?.text ?? '';
    const headings = [...notices.matchAll(/^(\S+) \d+\.\d+\.\d+ \([\w.-]+\)$/gm)].map(([, name]) => name);
    expect(headings).toEqual([...inside].sort());
    for (const name of inside) {
      const library = join(root, 'node_modules', name);
      const file = readdirSync(library).find((each) => /^license/i.test(each)) ?? '';
      expect(notices).toContain(readFileSync(join(library, file), 'utf8').trim());
    }
    if (folder === 'core') expect([...inside].sort()).toEqual(['leven']);
  });

  test('runs nothing when it is installed', () => {
    const scripts = Object.keys(readManifest(folder).scripts ?? {});
    expect(scripts.filter((name) => /^(pre|post)?(install|prepare|publish)$|^prepublishOnly$/.test(name))).toEqual([]);
  });

  test('imports only Node and its dependencies', () => {
    const { dependencies, peerDependencies } = readManifest(folder);
    const allowed = Object.keys({ ...dependencies, ...peerDependencies });
    const foreign = builtFiles(folder).flatMap(({ name, text }) => {
      if (name.endsWith('.map')) return [];
      const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '');
      const found = code.matchAll(
        /(?<![-\w])from\s*['"]([^'"\s]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm,
      );
      return [...found]
        .map(([, from, called, bare]) => from ?? called ?? bare ?? '')
        .filter((specifier) => !/^(node:|\.{1,2}\/)/.test(specifier) && !allowed.includes(packageOf(specifier)))
        .map((specifier) => `${name}: ${specifier}`);
    });
    expect(foreign).toEqual([]);
  });

  test('does not contain the path of the folder that it was built in', () => {
    const telling = builtFiles(folder).filter(({ text }) => text.includes(root));
    expect(telling.map(({ name }) => name)).toEqual([]);
  });

  test.skipIf(isOtherNode)('passes publint in its strict form', async () => {
    const tarball = readFileSync(join(there.folder, tarballOf(folder).filename));
    const buffer = tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength);
    const { messages, pkg } = await publint({ strict: true, pack: { tarball: buffer as ArrayBuffer } });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  test.skipIf(!isImported(folder) || isOtherNode)('declares exactly its exports as values', async () => {
    const dist = join(there.folder, 'node_modules', readManifest(folder).name, 'dist');
    for (const name of ['index', 'testing'].filter((each) => existsSync(join(dist, `${each}.js`)))) {
      const module = (await import(pathToFileURL(join(dist, `${name}.js`)).href)) as object;
      const values = Object.keys(module).sort();
      expect(declaredValues(join(dist, `${name}.d.ts`))).toEqual(values);
      expect(declaredValues(join(dist, `${name}.d.cts`))).toEqual(values);
    }
  });

  // Programs do not import a command, so it has no types.
  test.skipIf(!isImported(folder) || isOtherNode)('has correct types for each way to import it', async () => {
    const checked = join(there.folder, tarballOf(folder).filename);
    // Exits with another status than 0 if a type is wrong.
    await runNode(root, tool('@arethetypeswrong/cli/dist/index.js'), checked, '--no-color', '--no-emoji');
  });
});

/** The package of what is imported: an entry such as `serpy-core/types` belongs to `serpy-core`. */
function packageOf(specifier: string): string {
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
}

/** What a program may use as a value, by a declaration file. */
function declaredValues(path: string): string[] {
  const program = ts.createProgram([path], { module: ts.ModuleKind.NodeNext, noLib: true, types: [] });
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(path) as ts.SourceFile;
  const module = checker.getSymbolAtLocation(file) as ts.Symbol;
  // The names of `export type * from '…'`.
  const borrowed = file.statements
    .filter((each) => ts.isExportDeclaration(each) && each.isTypeOnly && each.exportClause === undefined)
    .map((each) => checker.getSymbolAtLocation((each as ts.ExportDeclaration).moduleSpecifier as ts.Expression))
    .flatMap((other) => (other ? checker.getExportsOfModule(other) : []));
  return checker
    .getExportsOfModule(module)
    .filter((name) => {
      if (borrowed.includes(name)) return false;
      const isType = name.declarations?.some((each) => ts.isExportSpecifier(each) && each.isTypeOnly);
      const { flags } = name.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(name) : name;
      return !isType && (flags & ts.SymbolFlags.Value) !== 0;
    })
    .map(({ name }) => name)
    .sort();
}

function isImported(folder: string): boolean {
  const { exports } = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as {
    exports: object;
  };
  return '.' in exports;
}

describe('the installed packages', () => {
  const everything = () => [...there.tarballs.map(({ name }) => name), ...there.libraries].sort();

  test('come without other packages, except those that the command uses', () => {
    const folder = join(there.folder, 'node_modules');
    const names = readdirSync(folder).flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(folder, name)).map((each) => `${name}/${each}`) : [name],
    );
    expect(names.filter((name) => !name.startsWith('.')).sort()).toEqual(everything());
    expect(there.libraries.length).toBeLessThan(80);
  });

  test('run nothing at installation, and neither do the packages that the command uses', () => {
    const running = everything().filter((name) => {
      const folder = join(there.folder, 'node_modules', name);
      const { scripts = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { scripts?: object };
      const isRun = ['preinstall', 'install', 'postinstall'].some((each) => each in scripts);
      return isRun || existsSync(join(folder, 'binding.gyp'));
    });
    expect(running).toEqual([]);
  });

  test.each(['esm.mjs', 'commonjs.cjs', 'mixed.mjs'])('exchange messages over loopback in %s', async (program) => {
    expect(await runNode(app, join(app, program))).toBe('exchanged\n');
  });

  test.skipIf(isOtherNode).each([
    { module: 'nodenext', moduleResolution: 'nodenext' },
    { module: 'preserve', moduleResolution: 'bundler' },
  ])('compile strictly under module $module and moduleResolution $moduleResolution', async (options) => {
    const project = join(app, `tsconfig.${options.module}.json`);
    const compilerOptions = {
      ...options,
      target: 'es2022',
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
      typeRoots: [tool('@types')],
    };
    writeFileSync(project, JSON.stringify({ compilerOptions, files: ['consumer.ts', 'commonjs-consumer.cts'] }));
    await runNode(app, tool('typescript/lib/tsc.js'), '--project', project);
  });
});

describe('the commands of "Install" in README.md', () => {
  const block = readPages()
    .find(({ path }) => path === 'README.md')
    ?.blocks.find(({ code }) => code.includes('npm pack'));
  const commands = (block?.code ?? '')
    .trim()
    .split('\n')
    .map((line) => line.replace(/ +#.*/, ''));
  const named = [...(commands[2] ?? '').matchAll(/ -w (\S+)/g)].map(([, name = '']) => name);

  test('are what this file runs', () => {
    expect(commands).toEqual([
      'npm run build',
      'mkdir ../my-program',
      `npm pack ${named.map((name) => `-w ${name}`).join(' ')} --pack-destination ../my-program`,
      'cd ../my-program',
      'npm install ./serpy*.tgz',
    ]);
    // test/installed.ts packs without scripts.
    const scripts = allPackages.flatMap((folder) => Object.keys(readManifest(folder).scripts ?? {}));
    expect(scripts.filter((name) => /^(pre|post)?pack$|^prepare$/.test(name))).toEqual([]);
  });

  test('install the command and the packages, and no package of this repository is missing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'serpy-my-program-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    for (const name of named) {
      const { filename } = there.tarballs.find((each) => each.name === name) as Tarball;
      copyFileSync(join(there.folder, filename), join(folder, filename));
    }
    const files = readdirSync(folder).filter((name) => /^serpy.*\.tgz$/.test(name));
    // Where there is a registry, npm gets the libraries from it.
    const { overrides, libraryFiles } = there;
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, overrides }));
    const given = [...files.map((name) => `./${name}`), ...libraryFiles.map((name) => join(there.folder, name))];
    await runNode(folder, await npmFile(), 'install', '--offline', '--no-audit', '--no-fund', ...given);
    const { version } = readManifest('cli');
    expect(await runNode(folder, join('node_modules', 'serpy-cli', 'dist', 'main.js'), '--version')).toContain(version);
    const imported = named.filter((name) => name !== 'serpy-cli');
    const program = imported.map((name) => `await import('${name}');`).join('\n');
    writeFileSync(join(folder, 'program.mjs'), `${program}\nconsole.log('imported');`);
    expect(await runNode(folder, 'program.mjs')).toBe('imported\n');
  });
});
