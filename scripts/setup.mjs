// Makes a checkout ready for use: installs the tools where they are missing or old, builds the packages whose sources changed,
// and says nothing where nothing is to be done. `--rebuild` builds every package, `--tools` none: tests of the sources need none.
// Runs on any system, without a shell.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

const neededNode = [20, 19];

/** What ends the work, in a sentence for the person who typed the command. */
class SetupError extends Error {}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > neededNode[0] || (major === neededNode[0] && minor >= neededNode[1])) return;
  throw new SetupError(
    `Node ${neededNode.join('.')} or later is needed, this is ${process.versions.node}: install it from https://nodejs.org`,
  );
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/**
 * Whether node_modules holds what package-lock.json asks for, by npm's own record of what it installed: an installation
 * by hand counts too. Optional packages are left out: they are those of other systems.
 */
function isInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = readJson(record).packages;
  const wanted = readJson(join(root, 'package-lock.json')).packages;
  return Object.entries(wanted).every(
    ([path, { integrity, optional }]) =>
      !path.startsWith('node_modules/') || optional || (installed[path] && installed[path].integrity === integrity),
  );
}

/** npm as a file that this Node can run: on Windows the command is a .cmd, which needs a shell. */
export function npmCli() {
  const beside = dirname(process.execPath);
  const candidates = [
    process.env.npm_execpath,
    join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
  const found = candidates.find((path) => path?.endsWith('npm-cli.js') && existsSync(path));
  if (!found) throw new SetupError('npm was not found beside this Node: run "npm ci" by hand, then the command again');
  return found;
}

function install() {
  console.error('Installing the tools (npm ci); this takes a minute …');
  const { status } = spawnSync(process.execPath, [npmCli(), 'ci', '--ignore-scripts', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new SetupError('"npm ci" failed (see above): is the package registry reachable?');
}

/** The packages with their folders, manifests and the names of those among them that they depend on. */
function listPackages() {
  const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name));
  const packages = folders
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => ({ folder, manifest: readJson(join(folder, 'package.json')) }))
    .filter(({ manifest }) => manifest.scripts?.build); // the private ones run from their sources
  const names = packages.map(({ manifest }) => manifest.name);
  return packages.map(({ folder, manifest }) => ({
    folder,
    manifest,
    name: manifest.name,
    uses: Object.keys(manifest.dependencies ?? {}).filter((name) => names.includes(name)),
  }));
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
}

function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths.filter(existsSync)) hash.update(`${path}\0`).update(readFileSync(path)).update('\0');
  return hash.digest('hex');
}

/** What every package's build depends on besides its own sources. */
const shared = ['package-lock.json', 'tsup.config.ts', 'tsconfig.base.json', join('scripts', 'mark-types.mjs')].map(
  (name) => join(root, name),
);

/** A mark of everything that goes into a package's build, the packages that it uses included. */
function buildMark(each, packages, sharedHash) {
  const own = ['package.json', 'tsconfig.json'].map((name) => join(each.folder, name));
  const source = join(each.folder, 'src');
  const used = packages.filter(({ name }) => each.uses.includes(name));
  return createHash('sha256')
    .update(sharedHash)
    .update(hashOf([...own, ...(existsSync(source) ? filesBelow(source) : [])]))
    .update(used.map((other) => buildMark(other, packages, sharedHash)).join())
    .digest('hex');
}

/** Every file that a manifest's `exports` names. */
function exportedFiles(exports) {
  return typeof exports === 'string' ? [exports] : Object.values(exports).flatMap(exportedFiles);
}

// Beside the tools, and not in dist: dist is published, and new tools mean a new build.
const marksFile = join(root, 'node_modules', '.cache', 'serpy-builds.json');

function build(rebuild) {
  const packages = listPackages();
  const sharedHash = hashOf(shared);
  const built = existsSync(marksFile) ? readJson(marksFile) : {};
  // Taken before the build: a source that changes meanwhile makes the next build, not none.
  const marks = Object.fromEntries(packages.map((each) => [each.name, buildMark(each, packages, sharedHash)]));
  const isBuilt = ({ name, folder, manifest }) =>
    built[name] === marks[name] && exportedFiles(manifest.exports).every((file) => existsSync(join(folder, file)));
  const stale = packages.filter((each) => rebuild || !isBuilt(each)).map(({ name }) => name);
  if (stale.length === 0) return;

  console.error(`Building ${stale.join(', ')} …`);
  const lerna = join(root, 'node_modules', 'lerna', 'dist', 'cli.js');
  const scopes = stale.flatMap((name) => ['--scope', name]);
  const { status, stdout, stderr } = spawnSync(process.execPath, [lerna, 'run', 'build', ...scopes], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    // The task runner under lerna would leave a server behind.
    env: { ...process.env, NX_DAEMON: 'false' },
  });
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}`);
    throw new SetupError('the build failed (see above): mend the source it names, then run the command again');
  }
  mkdirSync(dirname(marksFile), { recursive: true });
  // Whole or not at all: half of it would be taken for none by the next run.
  writeFileSync(`${marksFile}.part`, JSON.stringify({ ...built, ...marks }));
  renameSync(`${marksFile}.part`, marksFile);
}

/** Brings the checkout up to date, or ends this process with one sentence and exit code 1. */
export function setup({ rebuild = false, toolsOnly = false } = {}) {
  try {
    checkNode();
    if (!isInstalled()) install();
    if (!toolsOnly) build(rebuild);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`setup: ${error.message}`);
    process.exit(1);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  setup({ rebuild: process.argv.includes('--rebuild'), toolsOnly: process.argv.includes('--tools') });
}
