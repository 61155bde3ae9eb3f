/** Each change of any file is found, and recordings of killed recorders are verified as far as they go. */
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy } from 'serpy-arrays';
import { createRecording, type RecordingWriter, verifyRecording } from 'serpy-recording';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let place = '';
let folder = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-verify-'));
  folder = join(place, 'run');
});

afterEach(() => rmSync(place, { recursive: true }));

const clock = { now: () => 0, wallMs: () => 1e12 };

/** A few messages of each kind. */
function write(recording: RecordingWriter, count = 12): void {
  for (let n = 0; n < count; n++) {
    recording.add({ type: 'int', value: n });
    recording.add({ type: 'bytes', value: Buffer.alloc(20, n) });
    recording.add({ type: 'bytes', value: encodeNpy({ data: Uint16Array.of(n, 2, 3, 4), shape: [2, 2] }) });
    if (n % 5 === 2) recording.event({ type: 'reconnect', downMs: 5 });
  }
}

function recorded(): void {
  const recording = createRecording(folder, { clock, note: 'a note' });
  recording.event({ type: 'peer', protocol: 'v2', session: true, encrypted: false });
  write(recording);
  recording.close();
}

test('an unchanged recording is complete and unaltered', async () => {
  recorded();
  expect(await verifyRecording(folder)).toEqual({
    isUnaltered: true,
    isComplete: true,
    isClosed: true,
    messages: 36,
    gaps: 0,
    reconnects: 2,
    dropped: 0,
    marks: 0,
    sessions: 1,
    otherPeers: 0,
    startedWallMs: 1e12,
    lastWallMs: 1e12,
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    problems: [],
    unlistedBytes: {},
  });
});

test('one that grows is verified as far as its lines go, and its hash is found again later', async () => {
  const recording = createRecording(folder, { clock });
  write(recording, 3);
  recording.flush();
  const first = await verifyRecording(folder);
  expect(first).toMatchObject({ isUnaltered: true, isClosed: false, messages: 9, unlistedBytes: {} });
  write(recording, 2);
  const unlisted = { 'bytes.bin': 40, 'uint16-2x2.npy': 16 };
  expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: true, messages: 9, unlistedBytes: unlisted });
  recording.close();
  const last = await verifyRecording(folder, { hash: first.hash });
  expect(last).toMatchObject({ isUnaltered: true, isClosed: true, messages: 15 });
  expect(last.hash).not.toBe(first.hash);
  const other = 'ab'.repeat(32);
  expect((await verifyRecording(folder, { hash: other })).problems).toEqual([`no line has the hash ${other}`]);
});

test('gaps and dropped messages are counted, and the recording is not complete', async () => {
  const recording = createRecording(folder, { clock });
  write(recording, 1);
  recording.event({ type: 'gap', downMs: undefined });
  recording.event({ type: 'drop', messages: 7 });
  recording.close();
  expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: true, isComplete: false, gaps: 1, dropped: 7 });
});

describe('a change', () => {
  test('of any byte of any file is found', async () => {
    recorded();
    const copy = join(place, 'copy');
    for (const name of readdirSync(folder)) {
      const { length } = readFileSync(join(folder, name));
      for (let at = 0; at < length; at += 1 + Math.floor(length / 40)) {
        rmSync(copy, { recursive: true, force: true });
        cpSync(folder, copy, { recursive: true });
        const bytes = readFileSync(join(copy, name));
        bytes[at]! ^= 1;
        writeFileSync(join(copy, name), bytes);
        const found = await verifyRecording(copy).then(
          ({ isUnaltered }) => !isUnaltered,
          () => true,
        );
        expect(found, `${name}, byte ${at}`).toBe(true);
      }
    }
  }, 60_000);

  test.each(['index.jsonl', 'values.jsonl', 'bytes.bin', 'uint16-2x2.npy'])(
    'of the length of %s is found',
    async (name) => {
      recorded();
      appendFileSync(join(folder, name), 'x');
      expect((await verifyRecording(folder)).problems).toEqual([`${name} has 1 bytes that were not recorded`]);
      truncateSync(join(folder, name), readFileSync(join(folder, name)).length - 3);
      const { isUnaltered, isClosed } = await verifyRecording(folder);
      expect(isUnaltered && isClosed).toBe(false);
      rmSync(join(folder, name));
      expect((await verifyRecording(folder)).problems[0]).toMatch(/no such file/);
    },
  );

  test.each([
    ['a line is removed', (lines: string[]) => lines.toSpliced(7, 1)],
    ['a line is repeated', (lines: string[]) => lines.toSpliced(7, 0, lines[7]!)],
    ['two lines are swapped', (lines: string[]) => lines.toSpliced(7, 2, lines[8]!, lines[7]!)],
    ['a reconnect is removed', (lines: string[]) => lines.filter((line) => !line.includes('"reconnect"'))],
    ['a hash is removed', (lines: string[]) => lines.with(7, lines[7]!.replace(/,"chain":"\w+"/, ''))],
    ['a time is changed', (lines: string[]) => lines.with(7, lines[7]!.replace('"timeMs":0', '"timeMs":1'))],
  ])('is found where %s', async (_, change) => {
    recorded();
    const path = join(folder, 'index.jsonl');
    writeFileSync(path, change(readFileSync(path, 'utf8').split('\n')).join('\n'));
    const { isUnaltered, problems } = await verifyRecording(folder);
    expect(isUnaltered).toBe(false);
    expect(problems[0]).toMatch(/index\.jsonl, line \d/);
  });

  test('is found where another file of arrays is added', async () => {
    recorded();
    writeFileSync(join(folder, 'uint8-2.npy'), encodeNpy({ data: Uint8Array.of(1, 2), shape: [1, 2] }));
    expect((await verifyRecording(folder)).problems).toEqual(['uint8-2.npy has 130 bytes that were not recorded']);
  });

  test('of everything is reported in a few sentences', async () => {
    recorded();
    const path = join(folder, 'index.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/"chain":"\w{4}/g, '"chain":"0000'));
    const { problems } = await verifyRecording(folder);
    expect(problems.length).toBeGreaterThan(1);
    expect(problems.length).toBeLessThanOrEqual(20);
  });
});

test('removed lines at the end are found by the hash that was noted', async () => {
  recorded();
  const { hash } = await verifyRecording(folder);
  const path = join(folder, 'index.jsonl');
  writeFileSync(path, `${readFileSync(path, 'utf8').split('\n').slice(0, -5).join('\n')}\n`);
  expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: true, isClosed: false });
  expect(await verifyRecording(folder, { hash })).toMatchObject({ isUnaltered: false });
});

test('a hash that is none is a wrong option, and an aborted verification ends', async () => {
  recorded();
  await expect(verifyRecording(folder, { hash: 'abc' })).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
  const aborted = verifyRecording(folder, { signal: AbortSignal.abort() });
  await expect(aborted).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED' });
});
