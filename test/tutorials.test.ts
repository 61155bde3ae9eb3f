/** The programs and commands of docs/tutorials and docs/how-to that need an instrument, files or a key, run like a reader runs them. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { decode } from 'fast-png';
import { connect, listen } from 'serpy';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readPages } from './docs/pages.js';
import { freePort } from './docs/run.js';
import { hasNumpy, titled } from './interop/python-peer.js';
import { killPrograms, Program } from './program.js';
import { root } from './workspace.js';

const pages = readPages();
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const hasShell = process.platform !== 'win32';

let folder = '';
let port = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'serpy-tutorial-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  port = await freePort();
});
afterEach(async () => {
  await killPrograms();
  rmSync(folder, { recursive: true });
});

/** The only block of a page in a language that contains this text, with this computer and a free port. */
function block(path: string, language: string, part: string): string {
  const found = pages
    .find((each) => each.path === path)
    ?.blocks.filter((each) => each.language === language && each.code.includes(part));
  expect(found?.map(({ name }) => name)).toHaveLength(1);
  return here(found?.[0]?.code ?? '');
}

function here(code: string): string {
  return code.replace(/'(?:192\.168\.1\.20|0\.0\.0\.0)'/, "'127.0.0.1'").replaceAll('5001', String(port));
}

/** A program in the folder of the reader. */
function inFolder(...command: string[]): Program {
  return new Program('sh', ['-c', 'cd "$0" && exec "$@"', folder, ...command], {
    PYTHONPATH: join(root, 'test', 'docs', 'python'),
    PYTHONDONTWRITEBYTECODE: '1',
  });
}

function node(name: string, code: string): Program {
  writeFileSync(join(folder, name), code);
  return inFolder(process.execPath, '--import', tsx, name);
}

/** A line of a page that runs the command, such as `npx serpy simulate camera`. */
function serpy(line: string, ...more: string[]): Program {
  const words = here(line).replace('serpy2+tls://192.168.1.20', 'serpy2+tls://127.0.0.1').trim().split(/\s+/).slice(2);
  return inFolder(process.execPath, '--import', tsx, join(root, 'packages/cli/src/main.ts'), ...words, ...more);
}

describe.skipIf(!hasShell)('docs/tutorials/first-instrument.md', () => {
  const page = 'docs/tutorials/first-instrument.md';
  const simulate = () => serpy(block(page, 'sh', 'simulate camera'), '--port', String(port));

  test('reads the camera, survives its restart, and saves an image', { timeout: 60_000 }, async () => {
    const camera = simulate();
    await camera.until(new RegExp(`^serpy2://127\\.0\\.0\\.1:${port}$`, 'm'));
    const view = node('view.mts', block(page, 'js', "keep: 'latest'"));
    const [, mean] = await view.until(/^uint16 \[ 480, 640 \] mean ([\d.]+)\n/m);
    const shown = [...block(page, 'text', 'uint16 [').matchAll(/^uint16 \[ 480, 640 \] mean ([\d.]+)$/gm)];
    for (const [, figure] of shown) expect(Number(figure) / Number(mean)).toBeCloseTo(1, 1);
    camera.interrupt();
    await camera.ended;
    await view.until(/the camera is disconnected\n/);
    await simulate().until(/^serpy2:/m);
    await view.until(/the camera is back\n/);
    await view.until(/^uint16/m);

    const save = await node('save.mts', block(page, 'js', 'fast-png')).ended;
    expect(save).toEqual({ status: 0, stdout: 'saved image.png, 640 × 480 pixels\n', stderr: '' });
    const { width, height, data } = decode(readFileSync(join(folder, 'image.png')));
    expect([width, height, Math.max(...data.slice(0, 5000)) > 0]).toEqual([640, 480, true]);
  });

  test.skipIf(!hasNumpy)(titled('reads a camera in Python', hasNumpy, 'numpy'), { timeout: 60_000 }, async () => {
    writeFileSync(join(folder, 'camera.py'), small(block(page, 'python', 'numpy.save')));
    inFolder('python3', '-u', 'camera.py');
    const waiting = block(page, 'js', "keep: 'latest'").replace(
      /^const camera = await (connect\(.*\));$/m,
      'let camera; while (!camera) camera = await $1.catch(() => undefined);',
    );
    const [, mean] = await node('view.mts', waiting).until(/^uint16 \[ 12, 16 \] mean ([\d.]+)\n/m);
    expect(Number(mean)).toBeGreaterThan(150);
  });

  /** The replacement of the Python module delivers small messages. */
  function small(code: string): string {
    expect(code).toContain('(480, 640)');
    return code.replace('(480, 640)', '(12, 16)');
  }
});

describe.skipIf(!hasShell)('docs/tutorials/two-computers.md', () => {
  const page = 'docs/tutorials/two-computers.md';

  test('connects with a key, and reconnects after a restart of the server', { timeout: 60_000 }, async () => {
    expect((await serpy(block(page, 'sh', 'keygen')).ended).status).toBe(0);
    const server = () => node('instrument.mts', block(page, 'js', "from 'serpy';\n\nconst server"));
    const first = server();
    await first.until(/listening on port \d+\n/);
    const doctor = await serpy(block(page, 'sh', 'serpy doctor')).ended;
    expect([doctor.status, doctor.stdout]).toEqual([0, expect.stringMatching(/^ok +key/m)]);
    const client = node('workstation.mts', block(page, 'js', 'await connect('));
    const [shown] = await client.until(/^encrypted: .*\n21\.5\n/m);
    expect(block(page, 'text', 'encrypted:')).toContain(shown);
    await first.kill();
    await client.until(/^disconnected: \S+\n/m);
    await server().until(/listening on port \d+\n/);
    await client.until(/^back after \d+\.\d s\n/m);
    await client.until(/^21\.5\n/m);
  });
});

describe.skipIf(!hasShell || !hasNumpy)('docs/tutorials/record-a-run.md', () => {
  const page = 'docs/tutorials/record-a-run.md';

  test('records the camera, opens the images in numpy, and replays them', { timeout: 60_000 }, async () => {
    const camera = serpy(block(page, 'sh', 'simulate camera'), '--port', String(port));
    await camera.until(/^serpy2:/m);
    const record = await serpy(block(page, 'sh', 'serpy record')).ended;
    expect([record.status, record.stderr]).toEqual([0, expect.any(String)]);
    const files = pages
      .find(({ path }) => path === page)
      ?.tables.find(({ headings }) => headings.includes('file'))?.rows;
    const named = files?.map(({ file = '' }) => file.replaceAll('`', ''));
    expect(named?.filter((name) => !existsSync(join(folder, 'run-1', name)))).toEqual([]);
    camera.interrupt();
    await camera.ended;

    writeFileSync(join(folder, 'look.py'), block(page, 'python', 'numpy.load'));
    const { stdout, stderr } = await inFolder('python3', 'look.py').ended;
    const exact = (text: string) => text.replace(/^rate \d+ /m, 'rate N ');
    expect([exact(stdout), stderr]).toEqual([exact(block(page, 'text', 'uint16 True')), '']);

    const replay = serpy(block(page, 'sh', 'serpy replay'), '--port', String(port));
    await replay.untilStderr(/./);
    const heard = await serpy(block(page, 'sh', 'listen --connect')).ended;
    expect(heard.stdout.match(/^uint16 480×640/gm)).toHaveLength(3);
  });
});

describe.skipIf(!hasShell)('docs/how-to', () => {
  test('serial-ports.md: clients reach an instrument that sends lines', async () => {
    const instrument = createServer((socket) => {
      socket.on('data', (bytes) => socket.write(`answer to ${bytes}`)).on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(instrument, 'listening');
    const { port: serial } = instrument.address() as AddressInfo;
    const code = block('docs/how-to/serial-ports.md', 'js', 'createInterface');
    const opened = "import { createConnection } from 'node:net';\nconst port = createConnection(";
    const bridge = node(
      'bridge.mts',
      `${opened}${serial}, '127.0.0.1');\n${code.replace('server.on(', "console.log('ready');\nserver.on(")}`,
    );
    await bridge.until(/ready\n/);
    const client = await connect({ protocol: 'v2', port });
    await client.sendData('*IDN?');
    expect(await client.getData()).toBe('answer to *IDN?');
    await client.close();
    await bridge.kill();
    instrument.close();
  });

  test('run-as-a-service.md: the service closes its connections when it is stopped', async () => {
    const service = node('server.mts', block('docs/how-to/run-as-a-service.md', 'js', 'SIGTERM'));
    await service.until(/listening on port \d+\n/);
    const client = await connect({ protocol: 'v2', port, session: 'require', autoRestart: false });
    await client.sendData('21.5');
    await service.until(/^21\.5\n/m);
    service.signal('SIGTERM');
    expect(await service.ended).toMatchObject({ status: 0, stderr: '' });
    await expect(client.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    expect(client.closeInfo).toMatchObject({ clean: true, peerReason: 'the service stops' });
  });

  test('run-as-a-service.md: the client waits for its instrument', async () => {
    const program = node('client.mts', block('docs/how-to/run-as-a-service.md', 'js', 'await connect('));
    await program.untilStderr(/ERR_SERPY_CONNECT|nothing listens/);
    const server = await listen({ protocol: 'v2', port });
    await (await server.getConnection()).sendData(21.5);
    await program.until(/^21\.5\n/m);
    await server.closeServer();
  });

  test.skipIf(!hasOpenssl())(
    'certificates.md: the server accepts only a client with a certificate',
    { timeout: 60_000 },
    async () => {
      const page = 'docs/how-to/certificates.md';
      const commands =
        pages.find(({ path }) => path === page)?.blocks.filter(({ language }) => language === 'sh') ?? [];
      for (const { code } of commands) {
        expect(await inFolder('sh', '-e', '-c', code).ended).toMatchObject({ status: 0 });
      }
      expect(readdirSync(folder)).toEqual(expect.arrayContaining(['ca.pem', 'server.pem', 'client.pem']));
      const server = node('server.mts', block(page, 'js', 'requestCert: true'));
      await server.until(/listening on port \d+\n/);
      const client = await node('client.mts', block(page, 'js', 'client.pem')).ended;
      expect(client).toEqual({ status: 0, stdout: 'you asked temperature?\n', stderr: '' });
      await server.until(/^fingerprint \S+\n/m);
      const without = block(page, 'js', 'client.pem').replace(/, cert: .*?client\.key'\) }/, ' }');
      expect((await node('without.mts', without).ended).stderr).toMatch(/ERR_SERPY_(?:AUTH|CLOSED)/);
      await server.until(/certificate/);
    },
  );

  test('cameras-and-images.md: raw bytes in the byte order of LabVIEW are an image', async () => {
    const server = await listen({ protocol: 'v2', port });
    const opened = `import { connect } from 'serpy';\nconst connection = await connect({ protocol: 'v2', port: ${port} });\n`;
    const program = node('bare.mts', opened + block('docs/how-to/cameras-and-images.md', 'js', "byteOrder: 'big'"));
    const pixels = Buffer.alloc(2 * 480 * 640);
    pixels.writeUInt16BE(1000);
    await (await server.getConnection()).sendData(pixels);
    await program.until(/^1000\n/m);
    await program.kill();
    await server.closeServer();
  });
});

function hasOpenssl(): boolean {
  return hasShell && (process.env.PATH ?? '').split(':').some((place) => existsSync(join(place, 'openssl')));
}
