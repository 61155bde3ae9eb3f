/** docs/recordings.md, compared with recordings. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy } from 'serpy-arrays';
import { createRecording, type RecordedMessage } from 'serpy-recording';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hasNumpy, python } from '../packages/serpy-recording/test/numpy.js';
import { codeIn, readPages } from './docs/pages.js';

const page = readPages().find(({ path }) => path === 'docs/recordings.md')!;

const messages: RecordedMessage[] = [
  { type: 'bytes', value: encodeNpy({ data: Uint16Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }) },
  { type: 'int', value: 7 },
  { type: 'text', value: 'exposure 20 ms', mode: 1 },
  { type: 'bytes', value: Buffer.from('abc'), mode: 2 },
  { type: 'int', value: 2n ** 60n },
  { type: 'float', value: -0, about: { name: 'offset', unit: 'V' } },
  { type: 'float', value: Number.NaN },
  { type: 'object', value: new Map<unknown, unknown>([[1, Buffer.from([1, 2])]]), mode: 4 },
  { type: 'object', value: new Set(['x']), mode: 4 },
  { type: 'bytes', value: encodeNpy({ data: Float64Array.of(0.5), shape: [] }) },
];

/** Those that came as if the recorder listened. */
const served = [4, 9];

let folder = '';

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'serpy-recordings-')), 'run-1');
  const recorder = createRecording(folder, {
    clock: { now: () => 0, wallMs: () => 1e12 },
    url: 'serpy2://127.0.0.1:5001',
    note: 'a note',
    meta: { sample: '12' },
    origin: { computer: 'lab' },
    options: { protocol: 'v2' },
  });
  recorder.event({ type: 'peer', protocol: 'v2', session: true, encrypted: false });
  recorder.event({ type: 'gap', downMs: undefined });
  recorder.event({ type: 'reconnect', downMs: 5 });
  recorder.event({ type: 'drop', messages: 2 });
  for (const [n, message] of messages.entries())
    recorder.add(message, served.includes(n) ? '127.0.0.1:50123' : undefined);
  recorder.event({ type: 'mark', first: 0, last: 1, label: 'a flash' });
  recorder.close();
});

afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

const lines = (name: string) =>
  readFileSync(join(folder, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const rows = (...headings: string[]) =>
  page.tables.filter(({ headings: actual }) => actual.join() === headings.join()).flatMap((table) => table.rows);
const programs = page.blocks.filter(({ language }) => language === 'python');
const codes = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code);

test('names the files of a recording', () => {
  const named = rows('file', 'holds').map(({ file }) => codeIn(file ?? ''));
  expect(readdirSync(folder).sort()).toEqual(
    [...named.filter((name) => !name.endsWith('.npy')), 'float64-scalar.npy', 'uint16-2x3.npy'].sort(),
  );
  const about = JSON.parse(readFileSync(join(folder, 'recording.json'), 'utf8')) as object;
  expect(Object.keys(about).sort()).toEqual(
    rows('name', 'is')
      .flatMap(({ name }) => codes(name))
      .sort(),
  );
});

test('names the fields of the index, and which messages have them', () => {
  const listed = lines('index.jsonl').filter(({ file }) => file !== null);
  const fields = rows('field', 'in', 'is').flatMap((row) =>
    codes(row.field).map((field) => [field!, row.in!] as const),
  );
  expect([...new Set(listed.flatMap(Object.keys))].sort()).toEqual(fields.map(([field]) => field).sort());
  const having = (field: string) => listed.filter((line) => field in line).map(({ n }) => n);
  const expected: Record<string, unknown[]> = {
    all: listed.map(({ n }) => n),
    v1: [2, 3, 7, 8],
    values: [1, 2, 4, 5, 6, 7, 8],
    'values and bytes': [1, 2, 3, 4, 5, 6, 7, 8],
    arrays: [0, 9],
    '`--listen`, `view`': served,
    'messages of a session': [5],
  };
  for (const [field, where] of fields) expect(having(field), field).toEqual(expected[where]);
  const types = rows('field', 'in', 'is').find(({ field }) => field === '`type`');
  for (const { type } of messages) expect(codes(types?.is)).toContain(type);
});

test('names the events and their fields', () => {
  const events = lines('index.jsonl').filter(({ file }) => file === null);
  const common = ['n', 'timeMs', 'wallMs', 'type', 'file', 'chain'];
  const named = rows('`type`', 'says', 'fields').map((row) => [
    codes(row['`type`'])[0],
    codes(row.fields?.replace('`null`', '')),
  ]);
  const actual = events.map((event) => [event.type, Object.keys(event).filter((field) => !common.includes(field))]);
  expect(named).toEqual(actual);
});

test('shows what stands for values that JSON lacks', () => {
  const values = lines('values.jsonl');
  const fields = rows('field', 'is').flatMap(({ field }) => codes(field));
  for (const value of values) {
    const own = fields.filter((field) => field !== 'from' || served.includes(value.n as number));
    expect(Object.keys(value).sort()).toEqual(own.sort());
  }
  const text = page.text.replaceAll('\n', ' ');
  for (const { value } of values) {
    const [tag = ''] = typeof value === 'object' ? Object.keys(value as object) : [];
    if (tag !== '') expect(text).toContain(`{"${tag}":`);
  }
  expect(text).toContain(JSON.stringify(values.find(({ n }) => n === 4)?.value));
  expect(text).toContain(JSON.stringify(values.find(({ n }) => n === 5)?.value));
  expect(JSON.stringify(values)).toContain('{"$bytes":"AQI="}');
});

test.skipIf(!hasNumpy)('has a Python program that reads a recording, even a truncated one (needs numpy)', () => {
  const program = programs[0]!.code;
  for (const name of ['index.jsonl', 'values.jsonl']) {
    writeFileSync(join(folder, name), `${readFileSync(join(folder, name), 'utf8')}{"n":9`);
  }
  expect(python(program, folder).trim().split('\n')).toEqual([
    ...['peer', 'gap', 'reconnect', 'drop'].map((type) => `${type} before message 0`),
    '0 uint16 (2, 3) 21',
    '1 7',
    '2 exposure 20 ms',
    "3 b'abc'",
    "4 {'$int': '1152921504606846976'}",
    "5 {'$float': '-0.0'}",
    "6 {'$float': 'NaN'}",
    "7 {'$dict': [[1, {'$bytes': 'AQI='}]]}",
    "8 {'$set': ['x']}",
    '9 float64 () 0.5',
    'mark before message 10',
    'end before message 10',
  ]);
});

test.skipIf(!hasNumpy)('has a Python program that verifies the hashes (needs numpy)', () => {
  const verified = () => python(programs[2]!.code, folder).trim().split('\n');
  expect(verified()).toHaveLength(16);
  expect(verified().every((line) => line.endsWith(' right'))).toBe(true);
  const path = join(folder, 'values.jsonl');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"value":7', '"value":8'));
  expect(verified().filter((line) => line.endsWith(' ALTERED'))[0]).toBe('1 int ALTERED');
});

test.skipIf(!hasNumpy)('has a Python program that reads the arrays of one of several instruments (needs numpy)', () => {
  const several = join(folder, '..', 'several');
  const recorder = createRecording(several, {
    clock: { now: () => 0, wallMs: () => 1e12 },
    url: 'serpy2://[::]:5001',
  });
  const senders = ['192.168.1.20:50123', '192.168.1.21:50123', '192.168.1.20:50124', '[fe80::1]:50123'];
  for (const sender of senders) for (const message of messages) recorder.add(message, sender);
  recorder.close();
  const shapeFrom = (host: string) => python(programs[1]!.code, several, 'uint16-2x3.npy', host).trim();
  expect(shapeFrom('192.168.1.20')).toBe('(2, 2, 3)');
  expect(shapeFrom('[fe80::1]')).toBe('(1, 2, 3)');
});
