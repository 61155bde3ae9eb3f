import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { connect, listen } from 'serpy';
import { encodeNpy } from 'serpy-arrays';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { killPrograms, Program } from '../../../test/program.js';
import { readRecording } from '../src/recording/reader.js';
import { createRecorder } from '../src/recording/recorder.js';
import { type InstalledCommand, installedCommand } from './command.js';
import { hasNumpy, mapWithNumpy } from './recording/numpy.js';

let serpy: InstalledCommand;
const folder = mkdtempSync(join(tmpdir(), 'serpy-replay-'));

beforeAll(async () => {
  serpy = await installedCommand();
}, 240_000);

afterEach(killPrograms);

afterAll(() => rmSync(folder, { recursive: true }));

test('a replay at full speed to a peer that takes everything ends with Ctrl-C', async () => {
  const messages = 300_000;
  const recorder = createRecorder(join(folder, 'run'), {
    clock: { now: () => 0, wallMs: () => 0 },
    url: 'serpy2://127.0.0.1:1',
  });
  for (let n = 0; n < messages; n++) recorder.add({ type: 'int', value: n });
  recorder.close();

  const program = serpy.start(['replay', join(folder, 'run'), '--port', '0', '--speed', 'max']);
  const [url] = await program.until(/^serpy2:\/\/\S+$/m);
  const connection = await connect(url);
  await connection.getData();
  program.interrupt();
  let taken = 1;
  for await (const _ of connection) taken++;
  const { status, stderr } = await program.ended;
  expect(stderr).toMatch(/interrupted: sent [\d,]+ messages in/);
  expect(status).toBe(0);
  expect(taken).toBeLessThan(messages);
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
      /^recording .*\nserpy: the recording .* ended after \d+ messages, which can be read, as .*\n$/,
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
