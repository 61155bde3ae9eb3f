// Installs the Node-RED that the nodes are tested with, into the temporary folder: it is as large as all other tools together.
// Prints the folder.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { npmCli } from './setup.mjs';

const tools = { 'node-red': '4.1.8', 'node-red-node-test-helper': '0.3.6' };

/** The folder with Node-RED in its `node_modules`. Throws a sentence if it cannot be installed. */
export function installNodeRed() {
  const folder = join(tmpdir(), `serpy-node-red-${Object.values(tools).join('-')}`);
  if (existsSync(folder)) return folder;
  // Whole or not at all: another run may install it at the same time.
  const part = mkdtempSync(`${folder}-`);
  mkdirSync(part, { recursive: true });
  writeFileSync(join(part, 'package.json'), JSON.stringify({ private: true, dependencies: tools }));
  const args = ['install', '--prefix', part, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, stderr } = spawnSync(process.execPath, [npmCli(), ...args], {
    cwd: part,
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (status !== 0) {
    rmSync(part, { recursive: true, force: true });
    throw new Error(`Node-RED could not be installed from npm: ${stderr.trim().split('\n').at(-1)}`);
  }
  if (existsSync(folder)) rmSync(part, { recursive: true, force: true });
  else renameSync(part, folder);
  return folder;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    console.log(installNodeRed());
  } catch (error) {
    console.error(`node-red: ${error.message}`);
    process.exitCode = 1;
  }
}
