/** Runs a code block as a reader would: in a process of its own, from a file in an empty folder. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../workspace.js';
import type { CodeBlock } from './pages.js';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** What `serpy` is in a block for the shell. */
const command = `serpy() { "${process.execPath}" --import "${tsx}" "${join(root, 'packages/cli/src/main.ts')}" "$@"; }`;

/** What the block prints on stdout and stderr. The sources of the packages are used, so that nothing has to be built. */
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
