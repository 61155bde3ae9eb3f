import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'serpy';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { killPrograms } from '../../../test/program.js';
import { createRecorder } from '../src/recording/recorder.js';
import { type InstalledCommand, installedCommand } from './command.js';

let serpy: InstalledCommand;
const folder = mkdtempSync(join(tmpdir(), 'serpy-replay-'));

beforeAll(async () => {
  serpy = await installedCommand();
}, 240_000);

afterEach(async () => {
  await killPrograms();
  rmSync(folder, { recursive: true });
});

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
