/** Runs a code block like a reader: in a separate process, from a file in an empty folder. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Program } from '../program.js';
import { root } from '../workspace.js';
import type { CodeBlock } from './pages.js';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** The command `serpy` in shell blocks. */
const command = `serpy() { "${process.execPath}" --import "${tsx}" "${join(root, 'packages/cli/src/main.ts')}" "$@"; }`;

/** The output of the block on stdout and stderr. It uses the sources of the packages, so that nothing must be built. */
export async function runBlock({ code, language }: CodeBlock): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'serpy-docs-'));
  try {
    const port = String(await freePort());
    const isShell = language === 'sh';
    const file = join(folder, isShell ? 'block.sh' : 'block.mts');
    writeFileSync(file, (isShell ? `${command}\n${code}` : code).replaceAll('5001', port));
    const sources = { TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') };
    const env = { ...process.env, ...sources, ...(isShell && { SERPY_PORT: port }) };
    const [program, args] = isShell ? ['sh', [file]] : [process.execPath, ['--import', tsx, file]];
    return await new Promise((resolve) => {
      execFile(program, args, { cwd: folder, env, timeout: 60_000 }, (error, stdout, stderr) => {
        resolve(error ? `${stdout}${stderr}${error.message}` : stdout + stderr);
      });
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A free port. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A running program of a page, which a test uses; `file` is its path. */
export function programOf(file: string, code: string): Program {
  writeFileSync(file, code);
  return new Program(process.execPath, ['--import', tsx, file]);
}
