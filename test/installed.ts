/**
 * The packages as users install them: packed, and installed into an empty folder without a registry. The first test file of a run does
 * it; the others wait.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { inject } from 'vitest';
import { packages, readManifest, root } from './workspace.js';

/** The output of `npm pack --json` for a tarball. */
export interface Tarball {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

export interface Installed {
  /** The folder with `node_modules` and the tarballs. */
  readonly folder: string;
  /** The packages of this repository. */
  readonly tarballs: readonly Tarball[];
  /** Their dependencies, and the dependencies of those. */
  readonly libraries: readonly string[];
  /** Their tarballs in the folder, which npm needs where it has no registry. */
  readonly libraryFiles: readonly string[];
  /** The older versions of libraries that others need, for package.json. */
  readonly overrides: object;
}

/** Runs a Node program, and resolves with its output. Rejects with its complete output if it fails. */
export function runNode(cwd: string, file: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [file, ...args], { cwd, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${file} ${args.join(' ')}\n${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}

/** npm, as a file for Node. */
export async function npmFile(): Promise<string> {
  const { npmCli } = (await import(pathToFileURL(join(root, 'scripts', 'setup.mjs')).href)) as { npmCli(): string };
  return npmCli();
}

/** The installed packages. Takes half a minute the first time: for `beforeAll`, with a timeout of 4 minutes. */
export async function installed(): Promise<Installed> {
  const folder = inject('installed');
  const done = join(folder, 'installed.json');
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, 'lock');
  while (!existsSync(done)) {
    if (!take(lock)) {
      await sleep(100);
      continue;
    }
    try {
      if (!existsSync(done)) writeFileSync(done, JSON.stringify(await install(folder)));
    } finally {
      rmdirSync(lock);
    }
  }
  return JSON.parse(readFileSync(done, 'utf8')) as Installed;
}

function take(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    return false;
  }
}

async function install(folder: string): Promise<Installed> {
  await runNode(root, join(root, 'scripts', 'setup.mjs'));
  const npm = await npmFile();
  const pack = async (...what: string[]) =>
    JSON.parse(
      await runNode(root, npm, 'pack', ...what, '--json', '--ignore-scripts', '--pack-destination', folder),
    ) as Tarball[];
  const tarballs = await pack(...packages.flatMap((each) => ['--workspace', readManifest(each).name]));
  const others = [...librariesBelow(join(root, 'packages', 'cli'))];
  const libraries = await pack(...oneOfEach(others));
  const overrides = overridesOf(others, libraries, folder);
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'app', private: true, type: 'module', overrides }),
  );
  const files = [...tarballs, ...newestOfEach(libraries)].map(({ filename }) => join(folder, filename));
  await runNode(folder, npm, 'install', '--offline', '--no-audit', '--no-fund', ...files);
  const newest = newestOfEach(libraries);
  const libraryFiles = newest.map(({ filename }) => filename);
  return { folder, tarballs, libraries: newest.map(({ name }) => name), libraryFiles, overrides };
}

interface Dependent {
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

/** The folders of all dependencies of a package that are not in this repository. */
function librariesBelow(folder: string, found = new Set<string>()): Set<string> {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Dependent;
  const ours = new Set(packages.map((each) => readManifest(each).name));
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const library = find(name, folder);
    if (library === undefined || found.has(library)) continue;
    if (!ours.has(name)) found.add(library);
    librariesBelow(library, found);
  }
  return found;
}

interface Library extends Dependent {
  readonly name: string;
  readonly version: string;
}

function manifestIn(folder: string): Library {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Library;
}

/** Folders without those that hold the same version of the same library. */
function oneOfEach(folders: readonly string[]): string[] {
  const known = new Map(folders.map((folder) => [`${manifestIn(folder).name}@${manifestIn(folder).version}`, folder]));
  return [...known.values()];
}

/** Where there are two versions of a library, the newer one is installed for the program. */
function newestOfEach(tarballs: readonly Tarball[]): Tarball[] {
  const newest = new Map<string, Tarball>();
  for (const each of tarballs) {
    const { version = '' } = newest.get(each.name) ?? {};
    if (each.version.localeCompare(version, undefined, { numeric: true }) > 0) newest.set(each.name, each);
  }
  return [...newest.values()];
}

/** The older versions, for the libraries that need them: without a registry, npm finds only what it is given. */
function overridesOf(folders: readonly string[], tarballs: readonly Tarball[], place: string) {
  const newest = new Set(newestOfEach(tarballs));
  const overrides: Record<string, Record<string, string>> = {};
  for (const folder of folders) {
    const { name, dependencies = {} } = manifestIn(folder);
    for (const each of Object.keys(dependencies)) {
      const used = find(each, folder);
      const version = used === undefined ? undefined : manifestIn(used).version;
      const tarball = tarballs.find((other) => other.name === each && other.version === version);
      if (tarball && !newest.has(tarball))
        overrides[name] = { ...overrides[name], [each]: `file:${join(place, tarball.filename)}` };
    }
  }
  return overrides;
}

/** Where Node finds a package from a folder. */
function find(name: string, from: string): string | undefined {
  const here = join(from, 'node_modules', name);
  if (existsSync(join(here, 'package.json'))) return here;
  return dirname(from) === from ? undefined : find(name, dirname(from));
}
