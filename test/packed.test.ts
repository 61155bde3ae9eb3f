/** What is published, used as a stranger would: packed, installed into an empty folder without a registry, imported, required, compiled. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { packages, readManifest, root } from './workspace.js';

/** What `npm pack --json` tells of a tarball. */
interface Tarball {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** An empty folder. */
const place = mkdtempSync(join(tmpdir(), 'serpy-packed-'));
const app = join(place, 'app');

// Compilers and npm, on a computer that may have other things to do.
vi.setConfig({ hookTimeout: 240_000, testTimeout: 120_000 });

let tarballs: Tarball[] = [];

/** Runs a program of Node to its end and resolves with what it printed; rejects with all it printed if it fails. */
function run(cwd: string, file: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [file, ...args], { cwd, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${file} ${args.join(' ')}\n${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}

const tool = (path: string) => join(root, 'node_modules', path);

function tarballOf(folder: string): Tarball {
  const { name } = readManifest(folder);
  const found = tarballs.find((each) => each.name === name);
  if (!found) throw new Error(`${name} was not packed`);
  return found;
}

/** The text files of an installed package's dist. */
function builtFiles(folder: string): { name: string; text: string }[] {
  const dist = join(app, 'node_modules', readManifest(folder).name, 'dist');
  return readdirSync(dist).map((name) => ({ name, text: readFileSync(join(dist, name), 'utf8') }));
}

beforeAll(async () => {
  await run(root, join(root, 'scripts', 'setup.mjs'));
  const { npmCli } = (await import(pathToFileURL(join(root, 'scripts', 'setup.mjs')).href)) as { npmCli(): string };
  const npm = npmCli();
  const ours = packages.flatMap((folder) => ['--workspace', readManifest(folder).name]);
  tarballs = JSON.parse(
    await run(root, npm, 'pack', ...ours, '--json', '--ignore-scripts', '--pack-destination', place),
  ) as Tarball[];
  cpSync(join(root, 'test', 'packed'), app, { recursive: true });
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  const files = tarballs.map(({ filename }) => join(place, filename));
  await run(app, npm, 'install', '--offline', '--no-audit', '--no-fund', ...files);
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

describe.each(packages)('the tarball of %s', (folder) => {
  test('holds dist, README.md, LICENSE and package.json, and nothing else', () => {
    const paths = tarballOf(folder).files.map(({ path }) => path);
    expect(paths.filter((path) => !path.startsWith('dist/')).sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
    expect(paths.filter((path) => !/\.(js|cjs|d\.ts|d\.cts|map)$/.test(path)).sort()).toEqual([
      'LICENSE',
      'README.md',
      'package.json',
    ]);
  });

  test('runs nothing when it is installed', () => {
    const scripts = Object.keys(readManifest(folder).scripts ?? {});
    expect(scripts.filter((name) => /^(pre|post)?(install|prepare|publish)$|^prepublishOnly$/.test(name))).toEqual([]);
  });

  test('imports nothing but Node and the packages that it depends on', () => {
    const allowed = Object.keys(readManifest(folder).dependencies ?? {});
    const foreign = builtFiles(folder).flatMap(({ name, text }) => {
      if (name.endsWith('.map')) return [];
      const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '');
      const found = code.matchAll(
        /\bfrom\s*['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm,
      );
      return [...found]
        .map(([, from, called, bare]) => from ?? called ?? bare ?? '')
        .filter((specifier) => !/^(node:|\.\/)/.test(specifier) && !allowed.includes(specifier))
        .map((specifier) => `${name}: ${specifier}`);
    });
    expect(foreign).toEqual([]);
  });

  test('tells nothing of the folder that it was built in', () => {
    const telling = builtFiles(folder).filter(({ text }) => text.includes(root));
    expect(telling.map(({ name }) => name)).toEqual([]);
  });

  test('passes publint in its strict form', async () => {
    const tarball = readFileSync(join(place, tarballOf(folder).filename));
    const buffer = tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength);
    const { messages, pkg } = await publint({ strict: true, pack: { tarball: buffer as ArrayBuffer } });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  test('has types that are right however it is imported', async () => {
    const checked = join(place, tarballOf(folder).filename);
    // Ends with another status than 0 when anything is wrong.
    await run(root, tool('@arethetypeswrong/cli/dist/index.js'), checked, '--no-color', '--no-emoji');
  });
});

describe('the installed packages', () => {
  test('come without any other package, but for what the command uses', () => {
    const installed = readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(installed.sort()).toEqual(tarballs.map(({ name }) => name).sort());
  });

  test.each(['esm.mjs', 'commonjs.cjs', 'mixed.mjs'])('exchange messages over loopback in %s', async (program) => {
    expect(await run(app, join(app, program))).toBe('exchanged\n');
  });

  test.each([
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
    await run(app, tool('typescript/lib/tsc.js'), '--project', project);
  });
});
