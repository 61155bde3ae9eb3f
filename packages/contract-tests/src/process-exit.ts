/** A statement about a process: after it has closed everything, it ends by itself. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const script = (module: string) => `
  import { Connection, Server } from ${JSON.stringify(module)};
  const server = await new Server({ port: 0 }).start();
  const { host, port } = server.address;
  const reconnect = { baseDelayMs: 1, minDelayMs: 0 };
  const client = await new Connection({ autoRestart: true, reconnect }).connect(host, port);
  const accepted = await server.getConnection();
  await client.sendData('hello', { timeoutMs: 60_000 });
  await accepted.getData({ timeoutMs: 60_000, signal: new AbortController().signal });
  accepted.destroy();
  await new Promise((resolve) => client.once('reconnect', resolve));
  await client.close();
  await server.closeServer();
  const refused = new Connection({ connectTimeoutMs: 60_000 });
  await refused.connect(host, port).catch((error) => console.log(error.code));
  console.log('closed');
`;

export function processExitStatement(module: URL): void {
  test('a process that has closed everything ends by itself', async () => {
    const tsconfig = fileURLToPath(new URL('../../../tsconfig.base.json', import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', script(module.href)],
      { env: { ...process.env, TSX_TSCONFIG_PATH: tsconfig, NODE_OPTIONS: '' }, timeout: 15_000 },
    );
    expect(stdout).toBe('ERR_SERPY_CONNECT\nclosed\n');
    expect(stderr).toBe('');
  });
}
