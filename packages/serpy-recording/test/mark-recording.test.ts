/** Intervals that a user has marked: by the recorder, and later in a recording that was closed. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRecording, markRecording, openRecording, type RecordingWriter, verifyRecording } from 'serpy-recording';
import { afterEach, beforeEach, expect, test } from 'vitest';

let place = '';
let folder = '';
let writer: RecordingWriter;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-marks-'));
  folder = join(place, 'run');
  writer = createRecording(folder, { clock: { now: () => 5, wallMs: () => 1e12 } });
  for (let n = 0; n < 10; n++) writer.add({ type: 'int', value: n });
});

afterEach(() => {
  writer.close();
  rmSync(place, { recursive: true });
});

const shown = () =>
  openRecording(folder)
    .info()
    .marks.map(({ first, last, label }) => [first, last, label]);
const unaltered = { isUnaltered: true, isComplete: true, isClosed: true, messages: 10 };

test('a mark of the recorder is a line of the index, with its hash', async () => {
  writer.event({ type: 'mark', first: 2, last: 4, label: 'a "peak" λ' });
  writer.event({ type: 'mark', first: 9, last: 9 });
  writer.add({ type: 'int', value: 10 });
  writer.close();
  expect(shown()).toEqual([
    [2, 4, 'a "peak" λ'],
    [9, 9, undefined],
  ]);
  expect(await verifyRecording(folder)).toMatchObject({ ...unaltered, messages: 11, marks: 2 });
});

test('a closed recording is marked after its end, and stays closed and unaltered', async () => {
  writer.event({ type: 'mark', first: 0, last: 1 });
  writer.close();
  const { lastWallMs, hash } = await verifyRecording(folder);
  for (let n = 0; n < 3; n++) markRecording(folder, { first: n, last: 9, label: `mark ${n}` });
  expect(shown()).toEqual([[0, 1, undefined], ...[0, 1, 2].map((n) => [n, 9, `mark ${n}`])]);
  expect(await verifyRecording(folder, { hash })).toMatchObject({ ...unaltered, marks: 4, lastWallMs });
  expect(openRecording(folder).info()).toMatchObject({ isClosed: true, messages: 10, durationMs: 0 });
  const events: string[] = [];
  for await (const _ of openRecording(folder).follow({ onEvent: ({ type }) => events.push(type) }));
  expect(events).toEqual(['mark', 'end', 'mark', 'mark', 'mark']);
});

test('a mark that was altered or removed from the middle is found', async () => {
  writer.close();
  for (let n = 0; n < 3; n++) markRecording(folder, { first: n, last: 9 });
  const path = join(folder, 'index.jsonl');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('"first":1,"last":9', '"first":1,"last":8'));
  expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: false });
  writeFileSync(path, text.split('\n').toSpliced(12, 1).join('\n'));
  expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: false });
});

test.each([
  ['a message that was not recorded', { first: 0, last: 10 }, 'ERR_RECORDING_RANGE', 'its messages are 0 to 9'],
  ['an interval that ends before it begins', { first: 3, last: 2 }, 'ERR_SERPY_OPTION', '3 comes after 2'],
  ['half a message', { first: 0.5, last: 2 }, 'ERR_SERPY_OPTION', 'not 0.5'],
  ['a long label', { first: 0, last: 2, label: 'x'.repeat(201) }, 'ERR_SERPY_OPTION', 'at most 200'],
])('%s cannot be marked', (_, interval, code, message) => {
  const refused = expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error;
  expect(() => writer.event({ type: 'mark', ...interval })).toThrow(refused);
  writer.close();
  expect(() => markRecording(folder, interval)).toThrow(refused);
});

test('a recording that is not closed is marked by its recorder only', () => {
  writer.event({ type: 'mark', first: 0, last: 1 });
  writer.flush();
  const refused = expect.objectContaining({ code: 'ERR_RECORDING_OPEN' }) as Error;
  expect(() => markRecording(folder, { first: 0, last: 1 })).toThrow(refused);
  writer.close();
  appendFileSync(join(folder, 'index.jsonl'), '{"n":10');
  expect(() => markRecording(folder, { first: 0, last: 1 })).toThrow(refused);
});

test('there are at most 1,000 marks', () => {
  for (let n = 0; n < 1000; n++) writer.event({ type: 'mark', first: 0, last: 1 });
  const refused = expect.objectContaining({ code: 'ERR_RECORDING_RANGE' }) as Error;
  expect(() => writer.event({ type: 'mark', first: 0, last: 1 })).toThrow(refused);
  writer.flush();
  expect(shown()).toHaveLength(1000);
});

test('two programs do not mark at once, and a lock of a killed one is removed', () => {
  writer.close();
  const lock = join(folder, '.serpy-mark.lock');
  writeFileSync(lock, '1');
  const refused = expect.objectContaining({ code: 'ERR_RECORDING_OPEN' }) as Error;
  expect(() => markRecording(folder, { first: 0, last: 1 })).toThrow(refused);
  utimesSync(lock, 1e9, 1e9);
  markRecording(folder, { first: 0, last: 1 });
  expect(existsSync(lock)).toBe(false);
});

test('an index that is a link is not marked', () => {
  writer.close();
  const path = join(folder, 'index.jsonl');
  const other = join(place, 'other');
  writeFileSync(other, readFileSync(path));
  rmSync(path);
  symlinkSync(other, path);
  expect(() => markRecording(folder, { first: 0, last: 1 })).toThrow(/link to another file/);
  expect(readFileSync(other, 'utf8')).not.toContain('mark');
});

test.each([
  ['that ends before it begins', '"first":3,"last":2'],
  ['of messages that come later', '"first":3,"last":10'],
  ['with a label that is not a text', '"first":1,"last":2,"label":5'],
])('a line of a mark %s is damage', (_, fields) => {
  writer.flush();
  appendFileSync(join(folder, 'index.jsonl'), `{"n":10,"timeMs":0,"wallMs":0,"type":"mark","file":null,${fields}}\n`);
  expect(() => openRecording(folder).info()).toThrow(
    expect.objectContaining({ code: 'ERR_RECORDING_DAMAGED' }) as Error,
  );
});

test('a cursor reads on where it was when the recording grows, and message reads one', () => {
  const recording = openRecording(folder);
  const cursor = recording.cursor(3);
  expect(cursor.next()).toBeUndefined();
  writer.flush();
  const numbers = () => Array.from({ length: 20 }, () => cursor.next()?.n).filter((n) => n !== undefined);
  expect(numbers()).toEqual([3, 4, 5, 6, 7, 8, 9]);
  writer.add({ type: 'str', value: 'more' });
  writer.flush();
  expect(numbers()).toEqual([10]);
  expect([recording.message(10)?.value, recording.message(2)?.value, recording.message(11)]).toEqual([
    'more',
    2,
    undefined,
  ]);
  cursor.close();
  recording.close();
});
