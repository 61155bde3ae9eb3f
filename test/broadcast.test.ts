/** Broadcasting programs of pages and examples: one viewer is killed, another stops reading, and the others are not affected. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, decodeNpy, type PortableConnection, type PortableMessage } from 'serpy';
import { Server } from 'serpy-v2';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startCounter } from '../examples/serpy/photon-counter.js';
import { readPages } from './docs/pages.js';
import { programOf } from './docs/run.js';
import { killPrograms, Program } from './program.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serpy-broadcast-'));
});
afterEach(async () => {
  await killPrograms();
  rmSync(folder, { recursive: true });
});

type Protocol = 'v1' | 'v2';

/** Options of a client. Over v2 it uses a session, which the server keeps when the client is killed. */
const session = { v1: '?autoRestart=true', v2: '?autoRestart=true&session=require&sessionTimeoutMs=10000' };

/** A program that prints what it receives. Resolves when it has printed something. */
async function viewer(protocol: Protocol, port: string): Promise<Program> {
  const url = `serpy${protocol[1]}://127.0.0.1:${port}${session[protocol]}`;
  const code = `import { connect } from 'serpy';
const connection = await connect('${url}');
console.log('connected');
for await (const data of connection) console.log('seen', String(data).length);
`;
  const program = programOf(join(folder, 'viewer.mts'), code);
  await program.until(/connected\n/);
  return program;
}

/** A client that is connected and never reads. */
async function connectWithoutReading(port: string): Promise<void> {
  const socket = createConnection(Number(port), '127.0.0.1').on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.pause();
}

async function watching(protocol: Protocol, port: string): Promise<PortableConnection> {
  const url = `serpy${protocol[1]}://127.0.0.1:${port}${session[protocol]}`;
  const connection: PortableConnection = await connect(url);
  onTestFinished(() => connection.destroy());
  return connection;
}

/** Kills one of three viewers, while another does not read. `judge` checks each message that the third one receives. */
async function goesOn(protocol: Protocol, port: string, judge: (message: PortableMessage) => void): Promise<void> {
  const good = await watching(protocol, port);
  const doomed = await viewer(protocol, port);
  await connectWithoutReading(port);
  await doomed.until(/seen/);
  await doomed.kill();
  for (let i = 0; i < 40; i++) judge(await good.getMessage({ timeoutMs: 10_000 }));
}

test('the recipe of docs/how-to/live-views.md serves every viewer at its own pace', async () => {
  const page = readPages().find(({ path }) => path === 'docs/how-to/live-views.md');
  const recipe = page?.blocks.find(({ code }) => code.includes('takeImage()'))?.code ?? '';
  expect(recipe).toContain('server.broadcast(');
  const around = `function takeImage() { return new Float32Array(512 * 512).fill(1.5); }
${recipe.replace('5001', '0').replace('40);', '5);')}
console.log('listening on', server.address.port);
let shown;
setInterval(() => {
  const all = [...server].map((viewer) => [viewer.state, viewer.stats().sendQueueMessages <= 2, viewer.stats().droppedSending > 0]);
  const text = JSON.stringify(all);
  if (text !== shown) console.log(text);
  shown = text;
}, 10);
`;
  const program = programOf(join(folder, 'server.mts'), around);
  const [, port = ''] = await program.until(/listening on (\d+)\n/);
  await goesOn('v2', port, (message) => expect(decodeNpy(message.bytes())).toMatchObject({ shape: [512, 512] }));
  // The viewers that were killed or do not read miss images; whether the good one does, the computer decides.
  await program.until(
    /^\[\["connected",true,(?:true|false)\],\["reconnecting",true,true\],\["connected",true,true\]\]\n/m,
  );
  expect(program.stdout).not.toContain(',false,');
  expect(program.stderr).toBe('');
});

describe.each(['v1', 'v2'] as const)('the broadcast server of serpy-%s', (protocol) => {
  test('passes messages on, including those that the sender wants acknowledged', async () => {
    const server = Program.example(`serpy-${protocol}/broadcast-server.ts`, ['--port', '0']);
    const [, port = ''] = await server.until(/listening on 127\.0\.0\.1:(\d+)\n/);
    const speaker = await watching(protocol, port);
    const text = 'x'.repeat(2 ** 20);
    let over = false;
    const speaking = (async () => {
      for (let i = 0; !over; i++) {
        const options = protocol === 'v1' ? { mode: i % 4 } : {};
        await (speaker as { sendData(value: string, options: object): Promise<boolean> }).sendData(text, options);
      }
    })();
    await goesOn(protocol, port, (message) => {
      expect(message.text()).toHaveLength(2 ** 20);
      if (message.protocol === 'v1') expect([0, 2]).toContain(message.mode); // waiting for the acknowledgement of every client would fill the memory
    });
    over = true;
    await speaking;
    expect(server.stderr).toBe('');
  });
});

test('the photon counter keeps sending to the others', async () => {
  const counter = await startCounter();
  onTestFinished(() => counter.close());
  const [, port = ''] = /:(\d+)$/.exec(counter.url) ?? [];
  await goesOn('v2', port, (message) => expect(message.number()).toBeGreaterThan(3000));
});

test('the simulated camera of the command keeps sending to the others', async () => {
  const main = join(import.meta.dirname, '../packages/cli/src/main.ts');
  const args = ['--import', 'tsx', main, 'simulate', 'camera', 'serpy2://127.0.0.1:0', '--rate', '200'];
  const program = new Program(process.execPath, args);
  const [, port = ''] = await program.until(/serpy2:\/\/127\.0\.0\.1:(\d+)/);
  await goesOn('v2', port, (message) => expect(message.type).toBe('bytes'));
});

test('the web page keeps sending to the others when a browser does not read', async () => {
  const instrument = await new Server({ port: 0 }).start();
  onTestFinished(() => instrument.closeServer());
  const url = `serpy2://127.0.0.1:${instrument.address.port}`;
  const program = Program.example('serpy/web-page.ts', ['--port', '0', '--url', url]);
  const [, web = ''] = await program.until(/page on http:\/\/127\.0\.0\.1:(\d+)\//);
  const source = await instrument.getConnection();

  const slow = createConnection(Number(web), '127.0.0.1', () => slow.write('GET /counts HTTP/1.1\r\nHost: x\r\n\r\n'));
  onTestFinished(() => void slow.destroy());
  await once(slow, 'readable');
  const large = 'x'.repeat(2 ** 20);
  const browser = await fetch(`http://127.0.0.1:${web}/counts`);
  const chunks = browser.body?.getReader();
  /** Reads until this number of further bytes has arrived. */
  const read = async (bytes: number) => {
    for (let got = 0; got < bytes; ) got += (await chunks?.read())?.value?.length ?? Number.NaN;
  };
  for (let i = 0; i < 40; i++) {
    await source.sendData(large);
    await read(large.length);
  }
  let slowBytes = 0;
  let tail = '';
  slow.on('data', (chunk) => {
    slowBytes += chunk.length;
    tail = (tail + chunk.toString('latin1')).slice(-100);
  });
  await vi.waitFor(async () => {
    await source.sendData('end');
    expect(tail).toContain('data: "end"');
  });
  expect(slowBytes).toBeLessThan(30 * large.length);
  await chunks?.cancel();
});
