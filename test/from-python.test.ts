/** docs/how-to/from-python.md: its programs in both languages exchange messages. The peers of test/python replace the Python modules. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v2 from 'serpy-v2';
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Page, readPages } from './docs/pages.js';
import { freePort, programOf } from './docs/run.js';
import { hasNumpy, hasPython, PythonPeer, titled } from './interop/python-peer.js';
import { killPrograms, Program } from './program.js';
import { root } from './workspace.js';

const page = readPages().find(({ path }) => path === 'docs/how-to/from-python.md') as Page;
const folder = mkdtempSync(join(tmpdir(), 'serpy-from-python-'));
const modules = join(root, 'test', 'docs', 'python');

let port: number;
beforeEach(async () => {
  port = await freePort();
});
afterEach(killPrograms);
afterAll(() => rmSync(folder, { recursive: true }));

/** The only block of a language that contains these texts, with the addresses of this computer. */
function block(language: string, ...parts: string[]): string {
  const found = page.blocks.filter(
    (each) => each.language === language && parts.every((part) => each.code.includes(part)),
  );
  expect(found.map(({ name }) => name)).toHaveLength(1);
  const code = found[0]?.code ?? '';
  return code.replace(/192\.168\.1\.20|0\.0\.0\.0/, '127.0.0.1').replace('5001', `${port}`);
}

function python(code: string): Program {
  const file = join(folder, 'program.py');
  writeFileSync(file, code);
  return new Program('python3', ['-u', file], { PYTHONPATH: modules, PYTHONDONTWRITEBYTECODE: '1' });
}

const node = (code: string) => programOf(join(folder, 'program.mts'), code);

/** A server of the page, which prints when it listens. */
async function listening(program: Program): Promise<void> {
  await program.until(/listening\n/);
}

const saying = (code: string) =>
  code.replace(/^((?:await )?server\.start\(\);?)$/m, (line, start) =>
    line.startsWith('await') ? `${start} console.log('listening');` : `${start}; print("listening")`,
  );

describe('serpy', () => {
  test.skipIf(!hasPython)(titled('the Python client asks the JavaScript server', hasPython), async () => {
    await listening(node(saying(block('js', "from 'serpy-v1'", 'new Server'))));
    const client = python(`${block('python', 'from serpy import Connection')}print(answer)\n`);
    expect(await client.ended).toEqual({ status: 0, stdout: 'welcome\n', stderr: '' });
  });

  test.skipIf(!hasPython)(titled('the JavaScript client asks the Python server', hasPython), async () => {
    const server = python(saying(block('python', 'from serpy import Server')));
    await listening(server);
    const client = node(`${block('js', "from 'serpy-v1'", "sendData('measure'")}console.log(String(answer));\n`);
    expect(await client.ended).toEqual({ status: 0, stdout: 'welcome\n', stderr: '' });
  });

  test.skipIf(!hasNumpy)(titled('an image as an object has its shape and its pixels', hasNumpy, 'numpy'), async () => {
    const peer = await PythonPeer.listen('v1', '--port', String(port));
    onTestFinished(() => peer.stop());
    const program = node(block('js', "from 'serpy-v1'", "'dtype' in image"));
    await peer.next('connected');
    await peer.do({ do: 'send', type: 'array', mode: 4, dtype: '<f4', shape: [2, 3], seed: 5 });
    await program.until(/^\[ 2, 3 \] 5\n/);
  });
});

describe('serpy2', () => {
  test.skipIf(!hasPython)(titled('the Python client asks the JavaScript server', hasPython), async () => {
    await listening(node(saying(block('js', "from 'serpy-v2'", 'new Server'))));
    const code = block('python', 'from serpy2 import Connection');
    const client = python(code.replace('connection.close()', 'print(temperature)\nconnection.close()'));
    expect(await client.ended).toEqual({ status: 0, stdout: '21.5\n', stderr: '' });
  });

  test('the JavaScript client asks a server, and reads what has arrived', async () => {
    const server = await new v2.Server({ port }).start();
    onTestFinished(() => server.closeServer());
    const code = block('js', "from 'serpy-v2'", "sendData('temperature?')");
    const client = node(`${code}console.log(temperature);\n`);
    const peer = await server.getConnection();
    expect(await peer.getData()).toBe('temperature?');
    await peer.sendData(21.5);
    expect(await client.ended).toEqual({ status: 0, stdout: '21.5\n', stderr: '' });
  });

  test('float(2) is sent as a float', async () => {
    const server = await new v2.Server({ port }).start();
    onTestFinished(() => server.closeServer());
    node(block('js', 'float(2)'));
    expect(await (await server.getConnection()).getMessage()).toEqual({ type: 'float', value: 2 });
  });

  /** The replacement of the Python module delivers small messages. */
  const small = (code: string) => code.replaceAll('512', '16');

  /** Python runs these lines on an image, and the page's JavaScript program receives what it sends. */
  async function sentAround(lines: readonly string[], javaScript: string): Promise<void> {
    const server = await new v2.Server({ port }).start();
    onTestFinished(() => server.closeServer());
    const code = [
      'import numpy',
      'from serpy2 import Connection',
      'connection = Connection()',
      `connection.connect("127.0.0.1", ${port})`,
      'image = sent = (numpy.arange(16 * 16) % 7 / 2).astype("<f4").reshape(16, 16)',
      ...lines,
      'print(back.shape, back.dtype, back.sum() in (0, sent.sum()))',
      'connection.close()',
    ];
    const client = python(`${code.join('\n')}\n`);
    const fromPython = await server.getConnection();
    const back = node(javaScript);
    const toJavaScript = await server.getConnection();
    await toJavaScript.sendData((await fromPython.getData()) as Buffer);
    await fromPython.sendData((await toJavaScript.getData()) as Buffer);
    expect(await client.ended).toEqual({ status: 0, stdout: '(16, 16) float32 True\n', stderr: '' });
    await back.kill();
  }

  test.skipIf(!hasNumpy)(titled('an array goes to JavaScript and back', hasNumpy, 'numpy'), async () => {
    const lines = block('python', 'numpy.load').trim().split('\n');
    const javaScript = block('js', 'getArray({ timeoutMs');
    await sentAround(
      lines.map((line) => small(line.replace(/^image = /, 'back = '))),
      small(javaScript),
    );
  });

  test.skipIf(!hasNumpy)(titled('the raw bytes of an array go to JavaScript and back', hasNumpy, 'numpy'), async () => {
    const lines = block('python', 'numpy.frombuffer').trim().split('\n');
    const javaScript = block('js', "getArray({ dtype: 'float32'");
    await sentAround(
      lines.map((line) => small(line.replace(/^image = /, 'back = '))),
      small(javaScript),
    );
  });
});
