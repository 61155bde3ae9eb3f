import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { connect, listen } from 'serpy';
import { encodeNpy, readNpyHeader } from 'serpy-arrays';
import { createRecording } from 'serpy-recording';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { killPrograms, Program } from '../../../../test/program.js';
import { hasNumpy, mapWithNumpy } from '../../../serpy-recording/test/numpy.js';
import { readRecording } from '../../../serpy-recording/test/read.js';
import { type InstalledCommand, installedCommand } from '../command.js';

let serpy: InstalledCommand;
const folder = mkdtempSync(join(tmpdir(), 'serpy-replay-'));

beforeAll(async () => {
  serpy = await installedCommand();
}, 240_000);

afterEach(killPrograms);

afterAll(() => rmSync(folder, { recursive: true }));

test('a replay at full speed to a peer that takes everything ends with Ctrl-C', async () => {
  const messages = 300_000;
  const recorder = createRecording(join(folder, 'run'), {
    clock: { now: () => 0, wallMs: () => 0 },
    url: 'serpy2://127.0.0.1:1',
  });
  for (let n = 0; n < messages; n++) recorder.add({ type: 'int', value: n });
  recorder.close();

  const program = serpy.start(['replay', join(folder, 'run'), '--port', '0', '--speed', 'max']);
  const [url] = await program.until(/^serpy2:\/\/\S+$/m);
  const connection = await connect(`${url}?autoRestart=false`);
  await connection.getData();
  program.interrupt();
  let taken = 1;
  for await (const _ of connection) taken++;
  const { status, stderr } = await program.ended;
  expect(stderr).toMatch(/interrupted: sent [\d,]+ messages? in/);
  expect(status).toBe(0);
  expect(taken).toBeLessThan(messages);
});

test('instruments that connect are recorded in one recording until Ctrl-C', async () => {
  const place = join(folder, 'served');
  const recorder = serpy.start(['record', '--listen', 'serpy://127.0.0.1:0', place]);
  const [, port = ''] = await recorder.untilStderr(/listening on 127\.0\.0\.1:(\d+)/);
  const file = join(folder, 'image.npy');
  const image = encodeNpy({ data: Uint16Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
  writeFileSync(file, image);
  const staying = serpy.start(['chat', '--no-reconnect', '--protocol', 'v2', '--port', port]);
  staying.type('camera ready\n');
  const url = (age: 1 | 2) => `serpy${age}://127.0.0.1:${port}`;
  expect(await serpy.start(['send', url(1), 'exposure', '--file', file]).ended).toMatchObject({ status: 0 });
  const second = serpy.start(['send', url(2), '--file', file, '--number', '42']);
  expect(await second.ended).toMatchObject({ status: 0 });
  const indexed = () => readFileSync(join(place, 'index.jsonl'), 'utf8').split('"file":"').length - 1;
  while (indexed() < 5) await immediate();
  recorder.interrupt();
  const { status, stderr } = await recorder.ended;
  expect([status, stderr]).toEqual([0, expect.stringMatching(/recorded 5 messages in \d+\.\d s, .*served\n$/)]);
  await staying.ended;

  const read = [...readRecording(place)];
  const senders = [...new Set(read.map(({ from }) => from))];
  const values = senders.map((sender) =>
    read.filter(({ from }) => from === sender).map(({ type, value }) => [type, value]),
  );
  expect(values.length).toBe(3);
  expect(values).toContainEqual([['str', 'camera ready']]);
  expect(values).toContainEqual(
    expect.arrayContaining([
      ['text', 'exposure'],
      ['bytes', image],
    ]),
  );
  expect(values).toContainEqual(
    expect.arrayContaining([
      ['int', 42],
      ['bytes', image],
    ]),
  );
  expect(readNpyHeader(readFileSync(join(place, 'uint16-2x3.npy'))).shape).toEqual([2, 2, 3]);
});

test.skipIf(process.platform === 'win32')(
  'a record that can write no more ends with one sentence and status 1, and can be read',
  async () => {
    const server = await listen({ protocol: 'v2', port: 0 });
    server.on('connection', async (connection) => {
      const data = new Uint16Array(1000);
      while (connection.isConnected()) {
        await connection.sendData(encodeNpy({ data })).catch(() => {});
        await immediate();
      }
    });
    const place = join(folder, 'full');
    const url = `serpy2://127.0.0.1:${server.address.port}`;
    // The system's limit for a file stands for a full disk: the write that goes beyond is cut short, the next is refused.
    const limited = ['-c', 'ulimit -f 64 && exec "$@"', 'sh', process.execPath, serpy.main, 'record', url, place];
    const { status, stderr } = await new Program('sh', limited, { NO_COLOR: '1' }).ended;
    await server.closeServer();
    expect(stderr).toMatch(
      /^recording .*\nserpy: the recording .* ended after \d+ messages: .* Its messages can be read; .*\n$/,
    );
    expect(status).toBe(1);
    const read = [...readRecording(place)];
    expect(stderr).toContain(`after ${read.length} messages`);
    expect(read.length).toBeGreaterThan(10);
    const file = join(place, 'uint16-1000.npy');
    expect((statSync(file).size - 128) / 2000).toBe(read.length);
    if (hasNumpy) expect(mapWithNumpy([file])[0]?.shape).toEqual([read.length, 1000]);
  },
);

test.skipIf(process.platform === 'win32')('so does one that listens, while several send', async () => {
  const place = join(folder, 'full-served');
  const limited = ['-c', 'ulimit -f 64 && exec "$@"', 'sh', process.execPath, serpy.main];
  const args = ['record', '--listen', 'serpy2://127.0.0.1:0', place];
  const recorder = new Program('sh', [...limited, ...args], { NO_COLOR: '1' });
  const [, port] = await recorder.untilStderr(/listening on 127\.0\.0\.1:(\d+)/);
  const send = async () => {
    const connection = await connect({ autoRestart: false, protocol: 'v2', port: Number(port) });
    while (connection.isConnected()) {
      await connection.sendData(encodeNpy({ data: new Uint16Array(1000) })).catch(() => {});
      await immediate();
    }
  };
  await Promise.all([send(), send()]);
  const { status, stderr } = await recorder.ended;
  const read = [...readRecording(place)];
  expect(stderr).toMatch(/\nserpy: the recording .* ended after \d+ messages: .* Its messages can be read; .*\n$/);
  expect(stderr).toContain(`after ${read.length} messages`);
  expect(status).toBe(1);
  expect(read.length).toBeGreaterThan(10);
  expect((statSync(join(place, 'uint16-1000.npy')).size - 128) / 2000).toBe(read.length);
});
