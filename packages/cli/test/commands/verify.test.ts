/** `serpy verify` and `serpy doctor FOLDER`: what they say about recordings, and that they change nothing. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy } from 'serpy-arrays';
import { createRecording, type RecordingWriter, verifyRecording } from 'serpy-recording';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runToEnd } from '../run.js';

let place = '';
let folder = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-verify-'));
  folder = join(place, 'run');
});

afterEach(() => rmSync(place, { recursive: true }));

function begin(): RecordingWriter {
  const clock = { now: () => 0, wallMs: () => 1_700_000_000_000 };
  const recording = createRecording(folder, { clock, url: 'serpy2://127.0.0.1:5001', note: 'sample\u001b[31m 12' });
  recording.event({ type: 'peer', protocol: 'v2', session: true, encrypted: false });
  for (let n = 0; n < 3; n++) {
    recording.add({ type: 'int', value: n });
    recording.add({ type: 'bytes', value: encodeNpy({ data: Uint8Array.of(n) }) });
  }
  return recording;
}

const content = () =>
  readdirSync(folder)
    .sort()
    .map((name) => readFileSync(join(folder, name), 'latin1'));

describe('serpy verify', () => {
  test('says that a recording is complete and unaltered, with status 0', async () => {
    begin().close();
    const { hash } = await verifyRecording(folder);
    const before = content();
    const { status, stdout, stderr } = await runToEnd(['verify', folder]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      `${folder}: 6 messages, from 2023-11-14T22:13:20.000Z to 2023-11-14T22:13:20.000Z`,
      'unaltered: each message and each line has its hash',
      'complete: 0 gaps, 0 dropped, 0 reconnects without loss; the session numbered all messages',
      'closed: this is the whole recording',
      `hash: ${hash}`,
      '',
    ]);
    expect(content()).toEqual(before);
    expect(await runToEnd(['verify', folder, '--hash', hash])).toMatchObject({ status: 0 });
    expect(await runToEnd(['verify', folder, '--hash', 'a'.repeat(64)])).toMatchObject({ status: 1 });
  });

  test('accepts a recording that grows, and says so', async () => {
    const recording = begin();
    recording.flush();
    recording.add({ type: 'bytes', value: Buffer.alloc(2000) });
    const { status, stdout } = await runToEnd(['verify', folder]);
    expect(status).toBe(0);
    expect(stdout).toContain(
      'not closed: the recorder is running, or it was killed; after the last line: 2 kB in bytes.bin',
    );
    recording.close();
  });

  test('names what was altered, with status 1', async () => {
    begin().close();
    const path = join(folder, 'values.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"value":1', '"value":7'));
    const { status, stdout, stderr } = await runToEnd(['verify', folder]);
    expect(status).toBe(1);
    expect(stdout).toContain('ALTERED:\n  index.jsonl, line 4: values.jsonl up to this message');
    expect(stderr).toMatch(/^serpy: index\.jsonl, line 4: values\.jsonl up to this message, .* was altered\n$/);
  });

  test('names missing messages, with status 1', async () => {
    const recording = begin();
    recording.event({ type: 'gap', downMs: 20 });
    recording.event({ type: 'drop', messages: 1200 });
    recording.close();
    const { status, stdout, stderr } = await runToEnd(['verify', folder]);
    expect(status).toBe(1);
    expect(stdout).toContain('NOT COMPLETE: 1 gap, 1,200 dropped, ');
    expect(stderr).toMatch(/^serpy: messages are missing: 1 gap, 1,200 dropped, .* index\.jsonl says where\n$/);
  });

  test('prints JSON', async () => {
    begin().close();
    const { status, stdout } = await runToEnd(['verify', folder, '--json']);
    expect([status, JSON.parse(stdout)]).toEqual([0, { folder, ...(await verifyRecording(folder)) }]);
  });

  test('of another folder, and with another hash, is a wrong command line', async () => {
    expect(await runToEnd(['verify', place])).toMatchObject({
      status: 2,
      stderr: `serpy: ${place} is not a recording: name a folder of "serpy record" or createRecording\n`,
    });
    expect(await runToEnd(['verify', place, '--hash', 'x'])).toMatchObject({
      status: 2,
      stderr: `serpy: --hash takes the 64 characters that "serpy verify" prints, not 'x'\n`,
    });
  });
});

describe('serpy doctor of a folder', () => {
  test('tells the state of a closed recording', async () => {
    begin().close();
    const { status, stdout, stderr } = await runToEnd(['doctor', folder]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      `serpy doctor: ${folder}`,
      'a recording of serpy2://127.0.0.1:5001, started 2023-11-14T22:13:20.000Z',
      'note: sample\\u001b[31m 12',
      '6 messages in 0 s: 3 in values.jsonl, 3 in uint8-1.npy',
      'no gap, 0 reconnects without loss',
      'closed: nothing is to be done',
      `"serpy verify ${folder}" compares all files with their hashes`,
      '',
    ]);
  });

  test('explains a killed one, and repairs nothing', async () => {
    const recording = begin();
    recording.flush();
    recording.add({ type: 'bytes', value: encodeNpy({ data: Uint8Array.of(9) }) });
    appendFileSync(join(folder, 'index.jsonl'), '{"n":6,"ti');
    const before = content();
    const { status, stdout } = await runToEnd(['doctor', folder]);
    expect(status).toBe(0);
    expect(stdout).toContain('3 in uint8-1.npy; 1 file has arrays after the last line');
    expect(stdout).toContain('it was killed; 10 bytes of an incomplete last line are ignored');
    expect(stdout).toContain('nothing needs repair, and nothing was changed');
    expect(content()).toEqual(before);
    recording.close();
  });

  test('names what is damaged, and what is not a recording', async () => {
    begin().close();
    appendFileSync(join(folder, 'index.jsonl'), 'x\n');
    expect(await runToEnd(['doctor', folder])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/is damaged: index\.jsonl, line 9: /),
    });
    expect(await runToEnd(['doctor', place])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/is not a recording/),
    });
  });
});
