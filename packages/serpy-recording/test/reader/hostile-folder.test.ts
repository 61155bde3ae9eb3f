/** A prepared folder to replay: it cannot make the command send other files, wait or grow. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy } from 'serpy-arrays';
import { createRecording } from 'serpy-recording';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { readRecording } from '../read.js';

let place = '';
let folder = '';

/** A recording with a text, bytes and an array. */
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-hostile-'));
  folder = join(place, 'run');
  const recorder = createRecording(folder, {
    clock: { now: () => 0, wallMs: () => 0 },
    url: 'serpy2://127.0.0.1:5001',
  });
  recorder.add({ type: 'str', value: 'text' });
  recorder.add({ type: 'bytes', value: Buffer.from('data') });
  recorder.add({ type: 'bytes', value: encodeNpy({ data: Uint8Array.of(1, 2, 3) }) });
  recorder.flush();
  onTestFinished(() => recorder.close());
});

afterEach(() => rmSync(place, { recursive: true }));

const all = ['index.jsonl', 'values.jsonl', 'bytes.bin', 'uint8-3.npy'];
const readAll = () => [...readRecording(folder)].length;

function replace(name: string, put: (path: string) => void): void {
  rmSync(join(folder, name));
  put(join(folder, name));
}

describe.skipIf(process.platform === 'win32')('a file of a recording', () => {
  test.each(all)('%s that is a link sends nothing of the file behind it', (name) => {
    const secret = join(place, 'secret');
    writeFileSync(secret, 'a secret of four lines or so');
    replace(name, (path) => symlinkSync(secret, path));
    expect(readAll).toThrow(
      /is damaged: .*is a link to another file, and a recording has only files: copy the file itself there$/,
    );
  });

  test.each(all)('%s that is a pipe is not waited for', (name) => {
    replace(name, (path) => execFileSync('mkfifo', [path]));
    expect(readAll).toThrow(/is damaged: .*is not a file, and a recording has only files/);
  });

  test.each(all)('%s that is a folder or a device is none', (name) => {
    replace(name, (path) => mkdirSync(path));
    expect(readAll).toThrow(/is not a file, and a recording has only files/);
    rmSync(join(folder, name), { recursive: true });
    symlinkSync('/dev/zero', join(folder, name));
    expect(readAll).toThrow(/is a link to another file/);
  });

  test.each([symlinkSync.bind(null, '/etc/passwd'), (path: string) => execFileSync('mkfifo', [path])])(
    'recording.json that is none makes the folder no recording',
    (put) => {
      replace('recording.json', put as (path: string) => void);
      expect(readAll).toThrow(/is not a recording/);
    },
  );
});

describe('a length in the index', () => {
  const line = (offset: number, length: number) =>
    `${JSON.stringify({ n: 3, timeMs: 0, wallMs: 0, type: 'bytes', file: 'bytes.bin', offset, length })}\n`;

  test.each([
    [0, 5, 'the index refers to 5 bytes at 0, and the file has 4'],
    [0, 2 ** 31 + 5, 'the index refers to 2147483653 bytes at 0, and the file has 4'],
    [2 ** 52, 2 ** 31, 'the index refers to 2147483648 bytes at 4503599627370496, and the file has 4'],
    [0, 2 ** 53 - 1, 'a message cannot have 9007199254740991 bytes'],
  ])('that begins at %i and has %i bytes is reported as damaged', (offset, length, why) => {
    appendFileSync(join(folder, 'index.jsonl'), line(offset, length));
    expect(readAll).toThrow(`index.jsonl, line 4: ${why}`);
  });

  test('is not believed where the file is large and empty', () => {
    truncateSync(join(folder, 'bytes.bin'), 2 ** 40);
    appendFileSync(join(folder, 'index.jsonl'), line(0, 2 ** 33));
    expect(readAll).toThrow('line 4: a message cannot have 8589934592 bytes');
  });
});

test('reads a recording of more shapes than files can be open', () => {
  const many = join(place, 'many');
  const recorder = createRecording(many, { clock: { now: () => 0, wallMs: () => 0 }, url: '' });
  const arrays = [1, 2].flatMap((value) =>
    Array.from({ length: 40 }, (_, length) => encodeNpy({ data: new Uint8Array(length).fill(value) })),
  );
  for (const value of arrays) recorder.add({ type: 'bytes', value });
  recorder.close();
  expect([...readRecording(many)].map(({ value }) => value)).toEqual(arrays);
});
