// Shows a release: `npm run release -- --dry-run`. Versions and changelogs come from lerna, tarballs from npm. All of it happens
// in a copy of the last commit, so that the checkout stays as it is. Nothing is published and nothing is pushed.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { npmCli, root, setup } from './setup.mjs';

const usage = `npm run release -- --dry-run [VERSION]
  VERSION     patch, minor, major or a number; by default what the subjects of the commits ask for
  --no-docs   without the documentation in the command's package
  --no-build  the tarballs hold the programs as this checkout has built them, which show the old version
  --no-test   without the tests of the tarballs
  --out DIR   where the tarballs go; by default release`;

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** What has the same tools and no link to the packages of the checkout. */
function linkTools(from, to, own) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (own.has(entry.name) || entry.name === '.cache') continue;
    const isScope = entry.name.startsWith('@') && entry.isDirectory();
    if (isScope) linkTools(join(from, entry.name), join(to, entry.name), new Set());
    else symlinkSync(join(from, entry.name), join(to, entry.name), 'junction');
  }
}

/** The last commit in a folder of its own, ready to be built. */
function makeCopy(folder) {
  execFileSync('git', ['clone', '--quiet', root, folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  execFileSync('git', ['checkout', '--quiet', '-B', 'main'], { cwd: folder });
  const packages = readdirSync(join(folder, 'packages'));
  const names = new Map(packages.map((each) => [readJson(join(folder, 'packages', each, 'package.json')).name, each]));
  const tools = join(folder, 'node_modules');
  linkTools(join(root, 'node_modules'), tools, new Set(names.keys()));
  for (const [name, each] of names) {
    symlinkSync(join(folder, 'packages', each), join(tools, name), 'junction');
    const nested = join(root, 'packages', each, 'node_modules');
    if (existsSync(nested)) linkTools(nested, join(folder, 'packages', each, 'node_modules'), new Set());
  }
}

/** Takes what the checkout has built. */
function copyBuilds(folder) {
  for (const each of readdirSync(join(root, 'packages'))) {
    const dist = join(root, 'packages', each, 'dist');
    if (existsSync(dist)) cpSync(dist, join(folder, 'packages', each, 'dist'), { recursive: true });
  }
}

function run(folder, file, ...args) {
  const env = { ...process.env, NX_DAEMON: 'false' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return stdout;
  throw new Error(`${[file, ...args].join(' ')} failed:\n${stdout}${stderr}`);
}

/** The packages that are published, with their versions. */
function versionsOf(folder) {
  const packages = readdirSync(join(folder, 'packages')).map((each) =>
    readJson(join(folder, 'packages', each, 'package.json')),
  );
  return new Map(packages.filter((each) => each.private !== true).map(({ name, version }) => [name, version]));
}

/** What lerna wrote about this version. */
function newSection(folder, version) {
  const text = readFileSync(join(folder, 'CHANGELOG.md'), 'utf8');
  const [section] = new RegExp(`^#+ \\[?${version}[\\s\\S]*?(?=^# )`, 'm').exec(`${text}\n# `) ?? ['none'];
  return section.trim().replaceAll(/\n{3,}/g, '\n\n');
}

function release({ bump, hasDocs, isBuilt, hasTest, out }) {
  setup({ toolsOnly: !isBuilt });
  const folder = mkdtempSync(join(tmpdir(), 'serpy-release-'));
  try {
    makeCopy(folder);
    const before = versionsOf(folder);
    const lerna = join(folder, 'node_modules', 'lerna', 'dist', 'cli.js');
    run(
      folder,
      lerna,
      'version',
      ...(bump ? [bump] : []),
      '--yes',
      '--no-push',
      '--no-git-tag-version',
      '--force-publish',
    );
    const after = versionsOf(folder);
    console.log('Versions:');
    for (const [name, version] of after) console.log(`  ${name} ${before.get(name)} -> ${version}`);
    console.log(`\nChangelog:\n${newSection(folder, after.get('serpy'))}\n`);
    if (isBuilt) copyBuilds(folder);
    else run(folder, join(folder, 'scripts', 'setup.mjs'), '--rebuild');
    if (hasDocs) run(folder, join(folder, 'scripts', 'docs.mjs'));
    const test = ['run', '--project', 'e2e', 'test/packed.test.ts'];
    if (hasTest) run(folder, join(folder, 'node_modules', 'vitest', 'vitest.mjs'), ...test);
    const workspaces = [...after.keys()].flatMap((name) => ['--workspace', name]);
    const packed = join(folder, 'packed');
    mkdirSync(packed);
    const tarballs = JSON.parse(
      run(folder, npmCli(), 'pack', '--json', '--ignore-scripts', '--pack-destination', packed, ...workspaces),
    );
    rmSync(out, { recursive: true, force: true });
    cpSync(packed, out, { recursive: true });
    console.log(`Tarballs in ${out}${hasTest ? ', tested' : ', not tested'}:`);
    for (const { filename, size, entryCount } of tarballs)
      console.log(`  ${filename}  ${Math.ceil(size / 1024)} KiB, ${entryCount} files`);
    console.log(
      '\nNothing was published or pushed. To release, a maintainer runs "npx lerna version", and "npx lerna publish from-package" after "npm run docs".',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function main() {
  const { values, positionals } = parseArgs({
    options: {
      'dry-run': { type: 'boolean' },
      'no-docs': { type: 'boolean' },
      'no-build': { type: 'boolean' },
      'no-test': { type: 'boolean' },
      out: { type: 'string', default: join(root, 'release') },
    },
    allowPositionals: true,
  });
  if (!values['dry-run'] || positionals.length > 1)
    throw new Error(`this script only shows a release: add --dry-run\n${usage}`);
  release({
    bump: positionals[0],
    hasDocs: !values['no-docs'],
    isBuilt: values['no-build'],
    hasTest: !values['no-test'],
    out: values.out,
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    main();
  } catch (error) {
    console.error(`release: ${error.message}`);
    process.exitCode = 1;
  }
}
