/** A recording that is read: from any message, array by array, while it grows. */
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy } from 'serpy-arrays';
import { createRecording, type EventLine, openRecording, type RecordingWriter } from 'serpy-recording';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let place = '';
let folder = '';
let writer: RecordingWriter;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-recording-'));
  folder = join(place, 'run');
  let now = 0;
  writer = createRecording(folder, {
    url: 'serpy2://127.0.0.1:5001',
    clock: { now: () => now++, wallMs: () => 1e12 + now },
  });
});

afterEach(() => {
  writer.close();
  rmSync(place, { recursive: true });
});

const image = (n: number) => encodeNpy({ data: Uint16Array.of(n, 1, 2, 3), shape: [2, 2] });

/** Message n of a recording: values, bytes and arrays of two headers take turns. */
function add(n: number): void {
  if (n % 4 === 0) writer.add({ type: 'int', value: n });
  else if (n % 4 === 1) writer.add({ type: 'bytes', value: image(n) });
  else if (n % 4 === 2) writer.add({ type: 'str', value: `text ${n}` });
  else writer.add({ type: 'bytes', value: Buffer.alloc(n % 7, n) });
}

function expected(n: number): unknown {
  if (n % 4 === 0) return n;
  if (n % 4 === 1) return image(n);
  return n % 4 === 2 ? `text ${n}` : Buffer.alloc(n % 7, n);
}

describe('messages', () => {
  test('are read from any number on, the first time and again', () => {
    for (let n = 0; n < 5000; n++) add(n);
    writer.event({ type: 'gap', downMs: 7 });
    writer.flush();
    const recording = openRecording(folder);
    for (const from of [0, 1, 4999, 2500, 1024, 1023, 4097, 3]) {
      const read = [...recording.messages({ from, to: from + 3 })];
      const last = Math.min(from + 3, 5000);
      expect(read.map(({ n }) => n)).toEqual(Array.from({ length: last - from }, (_, at) => from + at));
      for (const { n, value } of read) expect(value).toEqual(expected(n));
    }
    expect([...recording.messages({ from: 5000 })]).toEqual([]);
    expect([...recording.messages({ from: 9999 })]).toEqual([]);
  });

  test('are read beside each other by several readers', () => {
    for (let n = 0; n < 300; n++) add(n);
    writer.flush();
    const recording = openRecording(folder);
    const [one, other] = [recording.messages(), recording.messages({ from: 100 })];
    for (let n = 0; n < 200; n++) {
      expect(one.next().value).toMatchObject({ n, value: expected(n) });
      expect(other.next().value).toMatchObject({ n: n + 100, value: expected(n + 100) });
    }
    one.return();
    other.return();
  });

  test('keep the events between them at their places', () => {
    const events: [number, string][] = [];
    writer.event({ type: 'peer', protocol: 'v2', session: true, encrypted: false });
    for (let n = 0; n < 10; n++) {
      add(n);
      if (n === 4) writer.event({ type: 'gap', downMs: undefined });
    }
    writer.close();
    const onEvent = ({ n, type }: EventLine) => events.push([n, type]);
    expect([...openRecording(folder).messages({ onEvent })]).toHaveLength(10);
    expect(events).toEqual([
      [0, 'peer'],
      [5, 'gap'],
      [10, 'end'],
    ]);
    events.length = 0;
    expect([...openRecording(folder).messages({ from: 5, onEvent })]).toHaveLength(5);
    expect(events.map(([, type]) => type)).toEqual(['gap', 'end']);
  });

  test('of more shapes than files can be open are read to the end', () => {
    const shapes = Array.from({ length: 100 }, (_, n) => encodeNpy({ data: new Uint8Array(n + 1) }));
    for (const value of [...shapes, ...shapes]) writer.add({ type: 'bytes', value });
    writer.flush();
    expect([...openRecording(folder).messages()].map(({ value }) => value)).toEqual([...shapes, ...shapes]);
  });

  test('numbers that are none are refused', () => {
    const recording = openRecording(folder);
    for (const from of [-1, 0.5, Number.NaN, '3' as never])
      expect(() => [...recording.messages({ from })]).toThrow(/from is the number of a message/);
  });
});

describe('the index', () => {
  test('has lines whose content is read one by one', () => {
    for (let n = 0; n < 8; n++) add(n);
    writer.flush();
    const recording = openRecording(folder);
    const lines = [...recording.index({ from: 2, to: 6 })];
    expect(lines.map(({ n }) => n)).toEqual([2, 3, 4, 5]);
    const contents = lines.map((line) => recording.content(line as never));
    expect(contents.slice(0, 3)).toEqual([expected(2), expected(3), expected(4)]);
    expect(contents[3]).toEqual({ data: Uint16Array.of(5, 1, 2, 3), shape: [2, 2], dtype: 'uint16' });
    recording.close();
  });
});

describe('arrays', () => {
  test('are read by number, also those that have come since', () => {
    add(1);
    using recording = openRecording(folder);
    const file = 'uint16-2x2.npy';
    expect(recording.arrays()).toEqual([{ file, dtype: 'uint16', shape: [2, 2], count: 1, headerBytes: 128 }]);
    expect(() => recording.frame(file, 1)).toThrow(`${file} has no array 1, and its arrays are 0 to 0`);
    add(5);
    expect(recording.frame(file, 1)).toEqual({ data: Uint16Array.of(5, 1, 2, 3), shape: [2, 2], dtype: 'uint16' });
    expect(recording.frame(file, 0).data[0]).toBe(1);
    for (const n of [-1, 2, 0.5, Number.NaN])
      expect(() => recording.frame(file, n)).toThrow(expect.objectContaining({ code: 'ERR_RECORDING_RANGE' }));
    for (const name of ['uint8-1.npy', '../run/uint16-2x2.npy', 'index.jsonl', ''])
      expect(() => recording.frame(name, 0)).toThrow(expect.objectContaining({ code: 'ERR_RECORDING_RANGE' }));
  });
});

describe('info', () => {
  test('counts what there is, and says whether the recording was closed', () => {
    const recording = openRecording(folder);
    for (let n = 0; n < 8; n++) add(n);
    writer.event({ type: 'gap', downMs: 5 });
    writer.event({ type: 'reconnect', downMs: 5 });
    writer.event({ type: 'drop', messages: 3 });
    writer.flush();
    appendFileSync(join(folder, 'index.jsonl'), '{"n":8');
    const counts = { messages: 8, gaps: 1, reconnects: 1, dropped: 3, isClosed: false, incompleteBytes: 6 };
    expect(recording.info()).toMatchObject({
      ...counts,
      url: 'serpy2://127.0.0.1:5001',
      messagesOfFile: { 'values.jsonl': 4, 'bytes.bin': 2, 'uint16-2x2.npy': 2 },
    });
    writer.close(); // writes over the incomplete line
    expect(recording.info()).toMatchObject({ ...counts, isClosed: true, incompleteBytes: 0 });
  });
});

describe('follow', () => {
  test('gives the messages that come, and ends when the recording is closed', async () => {
    add(0);
    writer.flush();
    const seen: number[] = [];
    const following = (async () => {
      for await (const { n, value } of openRecording(folder).follow({ pollMs: 1 })) {
        expect(value).toEqual(expected(n));
        seen.push(n);
      }
    })();
    for (let n = 1; n < 600; n++) {
      add(n);
      if (n % 50 === 0) {
        writer.flush();
        while (seen.length <= n) await new Promise(setImmediate);
      }
    }
    writer.close();
    await following;
    expect(seen).toEqual(Array.from({ length: 600 }, (_, n) => n));
  });

  test('waits for the rest of a line that is written in two parts', async () => {
    add(0);
    writer.flush();
    const messages = openRecording(folder).follow({ pollMs: 1 });
    expect((await messages.next()).value).toMatchObject({ n: 0 });
    appendFileSync(join(folder, 'index.jsonl'), '{"n":1,"timeMs":1,"wallMs":1,"type":"by');
    const next = messages.next();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    appendFileSync(join(folder, 'index.jsonl'), 'tes","file":"bytes.bin","offset":0,"length":0}\n');
    expect((await next).value).toMatchObject({ n: 1, value: Buffer.alloc(0) });
    await messages.return();
  });

  test('ends without an error at the signal, before and while it waits', async () => {
    add(0);
    writer.flush();
    const stop = new AbortController();
    const seen: number[] = [];
    const following = (async () => {
      for await (const { n } of openRecording(folder).follow({ signal: stop.signal, pollMs: 3_600_000 })) seen.push(n);
    })();
    while (seen.length === 0) await new Promise(setImmediate);
    stop.abort();
    await following;
    expect(await openRecording(folder).follow({ signal: stop.signal }).next()).toMatchObject({ done: true });
  });
});

test.skipIf(process.platform !== 'linux')('readers leave no file open', () => {
  for (let n = 0; n < 20; n++) add(n);
  writer.flush();
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  const recording = openRecording(folder);
  for (const { n } of recording.messages()) if (n === 7) break;
  [...recording.messages()].length;
  recording.frame('uint16-2x2.npy', 0);
  recording.info();
  recording.close();
  expect(open()).toBe(before);
});

test('a recording needs a folder, and metadata of a reasonable size', () => {
  expect(() => createRecording('')).toThrow(expect.objectContaining({ code: 'ERR_SERPY_OPTION' }));
  const other = join(place, 'other');
  expect(() => createRecording(other, { maxBytes: -1 })).toThrow(/maxBytes is a number above 0/);
  expect(() => createRecording(other, { note: 'x'.repeat(2 ** 21) })).toThrow(/the limit is 1048576/);
  expect(readdirSync(place)).toEqual(['run']);
});

test('a value without a form in JSON is refused, and the recording continues', () => {
  expect(() => writer.add({ type: 'int', value: undefined })).toThrow(
    expect.objectContaining({ code: 'ERR_SERPY_VALUE' }),
  );
  add(0);
  writer.close();
  expect([...openRecording(folder).messages()].map(({ value }) => value)).toEqual([0]);
});
