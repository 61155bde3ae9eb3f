// The documentation site: `npm run docs` builds it, `npm run docs:dev` serves the pages and shows changes at once.
// It needs no network once the tools are installed. `--base /folder/` is for a server that has the site in a folder.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { root, setup } from './setup.mjs';

/** Where the site is built, and the copy that the command `serpy docs` shows. */
export const site = join(root, 'docs', '.vitepress', 'dist');
const copy = join(root, 'packages', 'cli', 'site');

/** The packages of the API reference: typedoc reads the declarations that they refer to. */
const documented = ['serpy', 'serpy-recording', 'serpy-hub', 'serpy-view', 'fault-proxy'];

const tool = (path) => join(root, 'node_modules', ...path.split('/'));

/** What travels in the pages: their scripts and styles contain parts of these libraries. */
const inside = [
  'vitepress',
  'vue',
  'minisearch',
  'mark.js',
  'focus-trap',
  'tabbable',
  '@vueuse/core',
  'typedoc',
  'lunr',
];

/** The licenses of the libraries inside ask for this. */
function writeNotices() {
  const texts = inside.map((name) => {
    const folder = tool(name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((each) => /^licen[cs]e(?:\.|$)/i.test(each));
    if (!file) throw new Error(`${name} travels inside, and has no license to send along`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  writeFileSync(join(site, 'THIRD-PARTY-NOTICES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

function run(base, file, ...args) {
  const env = { ...process.env, SITE_BASE: base };
  const { status } = spawnSync(process.execPath, [file, ...args], { cwd: root, stdio: 'inherit', env });
  if (status !== 0) throw new Error(`${file} failed with status ${status}`);
}

/** Builds pages and API reference, and the copy in the package of the command. */
export function buildSite(base = '/') {
  rmSync(site, { recursive: true, force: true });
  run(base, tool('vitepress/bin/vitepress.js'), 'build', 'docs');
  const packages = documented.map((name) => join('packages', name));
  run(base, tool('typescript/bin/tsc'), '--build', ...packages);
  run(base, tool('typedoc/bin/typedoc'), '--logLevel', 'Error', '--titleLink', base);
  writeNotices();
  rmSync(copy, { recursive: true, force: true });
  if (!existsSync(join(site, 'api', 'index.html'))) throw new Error('typedoc wrote no page');
  if (base === '/') cpSync(site, copy, { recursive: true });
}

function main() {
  const { values, positionals } = parseArgs({ options: { base: { type: 'string' } }, allowPositionals: true });
  const { base = '/' } = values;
  if (!/^\/(?:[\w.-]+\/)*$/.test(base))
    throw new Error('--base is a folder such as /serpy/, with a slash at both ends');
  const isServed = positionals[0] === 'dev';
  // "npx serpy docs" needs the built command.
  setup({ toolsOnly: isServed });
  if (isServed) run(base, tool('vitepress/bin/vitepress.js'), 'dev', 'docs');
  else {
    buildSite(base);
    console.log(`The site is in ${site}. "npx serpy docs" in this checkout serves it.`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    main();
  } catch (error) {
    console.error(`docs: ${error.message}`);
    process.exitCode = 1;
  }
}
