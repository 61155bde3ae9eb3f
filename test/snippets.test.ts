/** Snippets: the programs in Python and Node that `--snippet` and the page give, run against real servers, clients and recordings. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, float, generateKey, type ListenOptions, listen, type PortableConnection } from 'serpy';
import { encodeNpy } from 'serpy-arrays';
import { createRecording, openRecording } from 'serpy-recording';
import { type SnippetDescription, type SnippetLanguage, snippetOf } from 'serpy-view';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { runToEnd } from '../packages/cli/test/run.js';
import { freePort, programOf } from './docs/run.js';
import { killPrograms, type Outcome, Program } from './program.js';

const python = '/usr/bin/python3';
const runs = (program: string, code: string) => spawnSync(program, ['-c', code]).status === 0;
const hasNumpy = runs(python, 'import numpy');
const withKeys = ['python3.13', 'python3.14', `${process.env.HOME}/.pyenv/versions/3.13.0/bin/python3`].find(
  (program) => runs(program, 'import ssl; ssl.SSLContext.set_psk_client_callback'),
);
if (process.env.REQUIRE_TEST_TOOLS) expect(hasNumpy).toBe(true);

const folder = mkdtempSync(join(tmpdir(), 'serpy-snippets-'));
const ended: (() => unknown)[] = [];
afterEach(async () => {
  await killPrograms();
  for (const end of ended.splice(0).reverse()) await end();
});
afterAll(() => rmSync(folder, { recursive: true }));

let programs = 0;

function pythonProgram(code: string, program = python): Program {
  const file = join(folder, `program${++programs}.py`);
  writeFileSync(file, code);
  return new Program(program, ['-u', file]);
}
const program = (language: SnippetLanguage, description: SnippetDescription) => {
  const code = snippetOf(description, language);
  return language === 'python' ? pythonProgram(code) : programOf(join(folder, `program${++programs}.mts`), code);
};

const values = [7, float(21.5), 'gr\u00fcn', encodeNpy({ data: Uint16Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] })];

async function serving(options: object): Promise<number> {
  const server = await listen({ port: 0, closeTimeoutMs: 100, ...options } as ListenOptions);
  const warnings: unknown[] = [];
  ended.push(() => expect(warnings).toEqual([]));
  ended.push(() => server.closeServer());
  server.on('warning', (warning) => {
    if (warning.code !== 'ERR_SERPY_AUTH') warnings.push(warning);
  });
  // A program that is killed has not acknowledged its last messages.
  const isExpected = ({ code }: { readonly code?: string | undefined }) => code === 'ERR_SERPY_DELIVERY_UNKNOWN';
  const feed = async (client: PortableConnection) => {
    for (const value of values) await client.sendData(value);
  };
  server.on('connection', (client) => {
    client.on('warning', (warning) => isExpected(warning) || warnings.push(warning));
    feed(client).catch(() => {});
  });
  return server.address.port;
}

const seen = {
  python: /7\n21\.5\ngr\u00fcn\n\[\[1 2 3\]\n \[4 5 6\]\]\n/,
  node: /int 7 \nfloat 21\.5 \nstr gr\u00fcn \nbytes <Buffer 93 4e/,
} as const;
const connection = { kind: 'connection', role: 'connect', host: '127.0.0.1', security: 'none' } as const;

describe('a connection', () => {
  for (const language of ['python', 'node'] as const) {
    const isThere = language === 'node' || hasNumpy;
    test.skipIf(!isThere).each([
      ['v2', 'v2'],
      ['auto', 'auto'],
    ] as const)(`${language}: %s to a server of %s`, async (protocol, of) => {
      const port = await serving({ protocol: of });
      await program(language, { ...connection, protocol, port }).until(seen[language]);
    });

    test.skipIf(!isThere)(`${language}: a server that instruments connect to`, async () => {
      const port = await freePort();
      const reader = program(language, { ...connection, role: 'listen', protocol: 'v2', port });
      const client = await connect({ protocol: 'auto', port, waitForServer: true });
      ended.push(() => client.destroy());
      for (const value of values) await client.sendData(value);
      await reader.until(seen[language]);
    });

    test.skipIf(!isThere)(`${language}: v1, in every mode that carries no objects`, async () => {
      const server = await listen({ protocol: 'v1', port: 0, closeTimeoutMs: 100 });
      ended.push(() => server.closeServer());
      server.on('connection', async (client) => {
        await client.sendData('plain');
        await client.sendData('acknowledged', { mode: 1 });
        await client.sendData(values[3] as Buffer, { mode: 2 });
        await client.sendData(values[3] as Buffer, { mode: 3 });
        await client.sendData(3.5);
      });
      const reader = program(language, { ...connection, protocol: 'v1', port: server.address.port });
      if (language === 'python') await reader.until(/plain\nacknowledged\n(\[\[1 2 3\]\n \[4 5 6\]\]\n){2}3\.5\n/);
      else await reader.until(/text plain \ntext acknowledged \nbytes [\s\S]*text 3\.5/);
    });

    test(`${language}: lines`, async () => {
      const server = await listen({ protocol: 'lines', port: 0, closeTimeoutMs: 100 });
      ended.push(() => server.closeServer());
      server.on('connection', (client) => void client.sendData('+1.25E+00').then(() => client.sendData('ready')));
      const reader = program(language, { ...connection, protocol: 'lines', port: server.address.port });
      await reader.until(/\+1\.25E\+00 ?\n[\s\S]*ready/);
    });
  }

  test.skipIf(!hasNumpy)('python: the arrays of a panel, with their unit', async () => {
    const server = await listen({ protocol: 'v2', port: 0, closeTimeoutMs: 100 });
    ended.push(() => server.closeServer());
    server.on('connection', (client) => void client.sendData(values[3] as Buffer));
    const description = {
      ...connection,
      protocol: 'v2',
      port: server.address.port,
      values: 'array',
      unit: 'counts',
    } as const;
    await program('python', description).until(/^\(2, 3\) uint16 \[\[1 2 3\]/);
    const node = program('node', description);
    await node.until(/^uint16 \[ 2, 3 \] Uint16Array\(6\) \[ 1, 2/);
  });

  test.skipIf(withKeys === undefined)('python 3.13: a server with a key; another key is refused', async () => {
    const [key, other] = [generateKey(), generateKey()];
    const port = await serving({ protocol: 'v2', key });
    for (const [name, text] of [
      ['lab.key', key],
      ['hex.key', other],
    ] as const)
      writeFileSync(join(folder, name), text);
    const description = { ...connection, protocol: 'v2', port, security: 'key', values: 'text' } as const;
    const code = (file: string) =>
      snippetOf({ ...description, keyFile: file }, 'python').replace(`"${file}"`, JSON.stringify(join(folder, file)));
    expect(code('lab.key')).not.toContain(key);
    await pythonProgram(code('lab.key'), withKeys).until(/7\n21\.5/);
    const refused = await pythonProgram(code('hex.key'), withKeys).ended;
    expect(refused).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('ssl.SSLError') });
  });

  test('node: a server with a key', async () => {
    const key = generateKey();
    writeFileSync(join(folder, 'lab.key'), key);
    const port = await serving({ protocol: 'v2', key });
    const given = { ...connection, protocol: 'v2', port, security: 'key', keyFile: join(folder, 'lab.key') } as const;
    await program('node', given).until(/int 7/);
  });
});

/** Names that would end a literal or a line, if they were not escaped. */
const hostile = [
  'a"b',
  "it's",
  'back\\slash',
  '$' + '{process.exit(3)}',
  'new\nline',
  '%d {0} #',
  'gr\u00fc\u00dfe \u{1f52c}',
  '\u202eabc',
  '`x`',
  "'); exit(3); ('",
];

describe('a recording', () => {
  test.skipIf(!hasNumpy).each([hostile.slice(0, 5).join(''), hostile.slice(5).join('')])(
    'python and node read it from a folder with the name %j',
    async (name) => {
      const run = join(folder, 'names', name);
      mkdirSync(join(folder, 'names'), { recursive: true });
      const recording = createRecording(run);
      recording.add({ type: 'bytes', value: values[3], about: { unit: 'counts' } });
      recording.add({ type: 'float', value: 21.5 });
      recording.close();
      const [stack] = openRecording(run).arrays();
      const arrays = { kind: 'arrays', folder: run, ...stack!, unit: 'counts' } as const;
      const list = { kind: 'values', folder: run, file: 'values.jsonl' } as const;
      const running = (['python', 'node'] as const).flatMap((each) => [program(each, arrays), program(each, list)]);
      const [a, b, c, d] = (await Promise.all(running.map(({ ended }) => ended))) as [
        Outcome,
        Outcome,
        Outcome,
        Outcome,
      ];
      expect([a.stderr, b.stderr]).toEqual(['', '']);
      expect(a.stdout).toBe('(1, 2, 3) uint16\n[[1 2 3]\n [4 5 6]]\n');
      expect(b.stdout).toMatch(/ float 21\.5\n$/);
      expect([c.stderr, d.stderr]).toEqual(['', '']);
      expect(c.stdout).toMatch(/^1 uint16 \[ 2, 3 \] Uint16Array\(6\)/);
      expect(d.stdout).toMatch(/ float 21\.5\n$/);
    },
  );
});

describe('hostile texts', () => {
  test.each(hostile)('%j stays inside a literal or a comment', (text) => {
    for (const protocol of ['v1', 'v2', 'auto', 'lines'] as const) {
      for (const role of ['connect', 'listen'] as const) {
        const given = { ...connection, role, protocol, host: text, port: 5001, unit: text, keyFile: text } as const;
        const lines = (['python', 'node', 'matlab'] as const).map(
          (language) => snippetOf(given, language).split('\n').length,
        );
        const plain = { ...given, host: 'host', unit: 'K', keyFile: 'key' };
        expect(lines).toEqual(
          (['python', 'node', 'matlab'] as const).map((each) => snippetOf(plain, each).split('\n').length),
        );
        expect(
          spawnSync(python, ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], {
            input: snippetOf(given, 'python'),
          }).status,
        ).toBe(0);
      }
    }
  });

  test('MATLAB: quotes are doubled, and other characters joined by their numbers', () => {
    const given = { kind: 'values', folder: 'a"b\nc', file: 'values.jsonl' } as const;
    expect(snippetOf(given, 'matlab')).toContain('readlines(("a""b" + char(10) + "c/values.jsonl"),');
  });
});

describe('the commands', () => {
  test('listen, view and record print the lines and connect to nothing', async () => {
    const url = 'serpy2://192.168.1.20:5001';
    for (const args of [
      ['listen', '--connect', url],
      ['view', `cam=${url}`, '--unit', 'cam=counts'],
      ['record', url, join(folder, 'nothing')],
    ]) {
      const { status, stdout, stderr } = await runToEnd([...args, '--snippet', 'python']);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain('socket.create_connection(("192.168.1.20", 5001))');
      expect(stdout.includes('# counts')).toBe(args[0] === 'view');
    }
    const server = await runToEnd(['listen', '--snippet', 'node', 'serpy2://127.0.0.1:5001']);
    expect(server.stdout).toContain(
      'const server = await listen({ protocol: \'v2\', host: "127.0.0.1", port: 5001 });',
    );
    const unknown = await runToEnd(['listen', '--snippet', 'cobol']);
    expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringContaining('python, node, matlab')]);
  });

  test('a key is named by its file, and never printed', async () => {
    const key = generateKey();
    const file = join(folder, 'secret.key');
    writeFileSync(file, key);
    for (const language of ['python', 'node', 'matlab'] as const) {
      const args = ['listen', '--connect', 'serpy2://127.0.0.1:5001', '--key-file', file, '--snippet', language];
      const { status, stdout } = await runToEnd(args);
      expect(status).toBe(0);
      expect(stdout).not.toContain(key);
      expect(stdout.includes('secret.key')).toBe(language !== 'matlab');
    }
    const inUrl = await runToEnd(['listen', '--connect', `serpy2://127.0.0.1:5001?key=${key}`, '--snippet', 'node']);
    expect(inUrl.stdout).not.toContain(key);
  });

  test('view and record of a folder with a recording print a program for each file', async () => {
    const run = join(folder, 'run');
    const recording = createRecording(run);
    recording.add({ type: 'bytes', value: values[3], about: { unit: 'counts' } });
    recording.add({ type: 'int', value: 1 });
    recording.close();
    for (const args of [
      ['view', run],
      ['record', 'serpy2://127.0.0.1:5001', run],
    ]) {
      const { status, stdout } = await runToEnd([...args, '--snippet', 'matlab']);
      expect(status).toBe(0);
      expect(stdout).toContain("\"Format\", {'uint16', [3 2], 'array'}");
      expect(stdout).toContain('counts');
      expect(stdout).toContain('values.jsonl');
    }
  });
});
