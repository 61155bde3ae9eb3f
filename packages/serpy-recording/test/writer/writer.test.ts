import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy, readNpyHeader } from 'serpy-arrays';
import {
  createRecording,
  type Disk,
  OmittedValue,
  RecordedArray,
  type RecordedMessage,
  type RecordingOptions,
  systemDisk,
} from 'serpy-recording';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reverseAxes } from '../../src/format/npy-form.js';
import { maxArrayFiles } from '../../src/writer/array-files.js';
import { hasNumpy, mapWithNumpy, python } from '../numpy.js';
import { readRecording } from '../read.js';

let place = '';
let folder = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-recording-'));
  folder = join(place, 'a recording');
});

afterEach(() => rmSync(place, { recursive: true }));

/** Each look at it is 10 ms after the one before. */
function steadyClock() {
  let now = 5000;
  return { now: () => (now += 10), wallMs: () => 1_700_000_000_000 + now };
}

function record(messages: readonly RecordedMessage[], options: Partial<RecordingOptions> = {}) {
  const recorder = createRecording(folder, { clock: steadyClock(), url: 'serpy2://127.0.0.1:5001', ...options });
  for (const message of messages) recorder.add(message);
  return recorder;
}

function recorded(...messages: RecordedMessage[]): RecordedMessage[] {
  record(messages).close();
  return [...readRecording(folder)].map(({ n, timeMs, wallMs, ...message }) => message);
}

const file = (name: string) => join(folder, name);
/** The lines without their hashes. */
const lines = (name: string) =>
  readFileSync(file(name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .map(({ chain, ...line }) => line);
const messageLines = () => lines('index.jsonl').filter((line) => line.file !== null);
const arrayFiles = () => readdirSync(folder).filter((name) => name.endsWith('.npy'));

/** An image of its own for each number. */
const image = (n: number) =>
  encodeNpy({ data: Uint16Array.from({ length: 12 }, (_, at) => 100 * n + at), shape: [3, 4] });
const bytes = (value: Uint8Array): RecordedMessage => ({ type: 'bytes', value: Buffer.from(value) });
const images = (count: number) => Array.from({ length: count }, (_, n) => bytes(image(n)));

/** A Fortran-ordered array as numpy saves it: 2 × 3 of int32. */
function fortranArray(): Buffer {
  const header = encodeNpy({ data: new Int32Array(6), shape: [2, 3] }).subarray(0, -24);
  const text = header.toString('latin1').replace("'fortran_order': False", "'fortran_order': True ");
  return Buffer.concat([Buffer.from(text, 'latin1'), Buffer.from(Int32Array.of(1, 4, 2, 5, 3, 6).buffer)]);
}

test('turns an array of 64 axes, most of one place, in the time of one with two', () => {
  const data = Buffer.alloc(2 ** 20).map((_, at) => at * 7);
  const turn = (shape: number[]) => {
    const before = process.cpuUsage();
    return { turned: reverseAxes(data, shape, 1), cpuUs: process.cpuUsage(before).user };
  };
  const plain = turn([2 ** 19, 2]);
  const many = turn([2 ** 19, ...Array<number>(62).fill(1), 2]);
  expect(many.turned.equals(plain.turned)).toBe(true);
  expect(many.cpuUs).toBeLessThan(4 * plain.cpuUs + 50_000);
});

describe('a recording', () => {
  test('gives back every value of v2 as it was', () => {
    const messages: RecordedMessage[] = [
      ...[0, -7, 2 ** 53 - 1, 2n ** 63n - 1n, -(2n ** 63n)].map((value) => ({ type: 'int', value })),
      ...[1, 0.1, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324].map((value) => ({
        type: 'float',
        value,
      })),
      ...['', 'temperature?', 'two\nlines\0µ\u2028"', '\ud83d\ude00'].map((value) => ({ type: 'str', value })),
      bytes(Buffer.alloc(0)),
      bytes(Buffer.from([10, 0, 255, 10])),
      bytes(image(1)),
    ];
    expect(recorded(...messages)).toEqual(messages);
  });

  test('gives back every value of v1 as it was, with its mode', () => {
    const messages: RecordedMessage[] = [
      { type: 'text', value: 'exposure 20 ms', mode: 1 },
      { type: 'bytes', value: Buffer.from([1, 2]), mode: 3 },
      { type: 'object', value: ['gain', 2.5, null, true, [-0, 2n ** 70n]], mode: 4 },
      {
        type: 'object',
        value: new Map<unknown, unknown>([
          ['a', 1],
          ['b', Buffer.from([7])],
        ]),
        mode: 5,
      },
      {
        type: 'object',
        value: new Map<unknown, unknown>([
          [1, new Set(['x'])],
          ['$int', 2],
        ]),
        mode: 4,
      },
      { type: 'object', value: new Map([['__proto__', 1]]), mode: 4 },
      { type: 'object', value: new Map([['$int', 1]]), mode: 4 },
      { type: 'object', value: new Map(), mode: 4 },
    ];
    expect(recorded(...messages)).toEqual(messages);
  });

  test('gives back an integer that was too long to be converted, as its bytes', () => {
    const message = { type: 'longint', value: Buffer.alloc(2000, 3) };
    expect(recorded(message, { type: 'int', value: 1 })).toEqual([message, { type: 'int', value: 1 }]);
  });

  test('gives back a numpy array that an object holds', () => {
    const array = { dtype: '<u2', shape: [2, 1], fortran: true, data: Buffer.from([1, 0, 2, 0]) };
    const value = new Map<string, unknown>([
      ['gain', 2],
      ['image', array],
    ]);
    const [message] = recorded({ type: 'object', value, mode: 4 });
    expect(Object.fromEntries(message?.value as Map<string, unknown>)).toEqual({
      gain: 2,
      image: new RecordedArray('<u2', [2, 1], true, array.data),
    });
  });

  test('takes what refers to the same list again and again in the time of its text', () => {
    let list: unknown[] = [];
    for (let level = 0; level < 5; level++) list = Array(10).fill(list);
    const before = process.cpuUsage();
    const [message] = recorded({ type: 'object', value: list, mode: 4 });
    expect(message?.value).toEqual(list);
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
  });

  test('omits and counts a value that is too long for a line, and continues', () => {
    let list: unknown[] = [1, 2];
    for (let level = 0; level < 9; level++) list = Array(10).fill(list);
    const recorder = record([
      { type: 'object', value: list, mode: 4 },
      { type: 'text', value: 'next', mode: 0 },
    ]);
    recorder.close();
    expect([recorder.messages, recorder.omittedValues]).toEqual([2, 1]);
    expect([...readRecording(folder)].map(({ value }) => value)).toEqual([
      new OmittedValue('an object that is too long for a line of JSON'),
      'next',
    ]);
  });

  test('refuses an integer whose digits would take long to read', () => {
    record([{ type: 'str', value: 'x'.repeat(2480) }]).close();
    const text = readFileSync(file('values.jsonl'), 'utf8');
    const long = `{"$int":"${'7'.repeat(2469)}"}`;
    writeFileSync(
      file('values.jsonl'),
      text.replace(/"x+"/, (value) => long.padEnd(value.length)),
    );
    expect(() => [...readRecording(folder)]).toThrow(/is damaged: index\.jsonl, line 1: \$int is not an integer/);
  });

  test('stores a pickled numpy array as one that numpy opens, and an unreadable pickle unchanged', () => {
    const data = Buffer.from(Float64Array.of(1.5, 2.5).buffer);
    const pickled = { dtype: '<f8', shape: [2], fortran: false, data };
    const opaque = { bytes: Buffer.from('cos\nsystem\n.'), reason: 'names os.system' };
    const [array, pickle] = recorded(
      { type: 'object', value: pickled, mode: 4 },
      { type: 'object', value: opaque, mode: 4 },
    );
    expect(readNpyHeader(array!.value as Buffer)).toMatchObject({ dtype: 'float64', shape: [2] });
    expect((array!.value as Buffer).subarray(-16)).toEqual(data);
    expect(arrayFiles()).toEqual(['float64-2.npy']);
    expect(pickle!.value).toEqual(opaque.bytes);
  });

  test('says of each message when it came, by both clocks, and where it is', () => {
    record([
      { type: 'int', value: 4 },
      bytes(Buffer.from('abc')),
      bytes(image(0)),
      bytes(image(1)),
      bytes(Buffer.from('de')),
    ]).close();
    expect(messageLines().map(({ wallMs, timeMs, header, ...line }) => line)).toEqual([
      { n: 0, type: 'int', file: 'values.jsonl', line: 0, offset: 0, length: 66 },
      { n: 1, type: 'bytes', file: 'bytes.bin', offset: 0, length: 3 },
      { n: 2, type: 'bytes', file: 'uint16-3x4.npy', row: 0 },
      { n: 3, type: 'bytes', file: 'uint16-3x4.npy', row: 1 },
      { n: 4, type: 'bytes', file: 'bytes.bin', offset: 3, length: 2 },
    ]);
    const times = messageLines().map(({ timeMs, wallMs }) => [timeMs as number, wallMs as number]);
    expect(times.every(([timeMs, wallMs]) => wallMs! - timeMs! === times[0]![1]! - times[0]![0]!)).toBe(true);
    expect(times.map(([timeMs]) => timeMs)).toEqual(times.map(([timeMs]) => timeMs).toSorted((a, b) => a! - b!));
    expect(lines('values.jsonl')).toEqual([
      { n: 0, timeMs: times[0]![0], wallMs: times[0]![1], type: 'int', value: 4 },
    ]);
    expect(JSON.parse(readFileSync(file('recording.json'), 'utf8'))).toMatchObject({
      format: 'serpy-recording',
      version: 2,
      startedAt: '2023-11-14T22:13:25.010Z',
      url: 'serpy2://127.0.0.1:5001',
    });
  });

  test('says of each message from whom it came where several can send, and gives that back', () => {
    const recorder = record([]);
    const from = ['127.0.0.1:50001', '[::1]:50002'];
    for (const each of from) {
      for (const message of [{ type: 'int', value: 4 }, bytes(image(0)), bytes(Buffer.from('abc'))])
        recorder.add(message, each);
    }
    recorder.close();
    const senders = from.flatMap((each) => [each, each, each]);
    expect(messageLines().map((line) => line.from)).toEqual(senders);
    expect(lines('values.jsonl').map((line) => line.from)).toEqual(from);
    expect([...readRecording(folder)].map((message) => message.from)).toEqual(senders);
    expect(arrayFiles()).toEqual(['uint16-3x4.npy']);
  });

  test('has one file for the arrays of a type and shape, and another for each other', () => {
    const same = encodeNpy({ data: new Float32Array(4), shape: [2, 2] });
    const other = encodeNpy({ data: new Float32Array(4), shape: [4] });
    const scalar = encodeNpy({ data: new Float64Array(1), shape: [] });
    expect(recorded(...[same, other, same, scalar, same].map(bytes)).map(({ value }) => value)).toEqual([
      same,
      other,
      same,
      scalar,
      same,
    ]);
    expect(arrayFiles().sort()).toEqual(['float32-2x2.npy', 'float32-4.npy', 'float64-scalar.npy']);
    expect(readNpyHeader(readFileSync(file('float32-2x2.npy'))).shape).toEqual([3, 2, 2]);
  });

  test('gives the file of an array with many long axes a short name, and another one for each shape', () => {
    const axes = Array<number>(40).fill(2 ** 52);
    const shapes = [
      [0, ...axes],
      [...axes, 0],
      [0, ...axes],
    ];
    const messages = shapes.map((shape) => bytes(encodeNpy({ data: new Uint8Array(0), shape })));
    messages.push(bytes(encodeNpy({ data: new Uint8Array(0), shape: [0, ...Array<number>(20).fill(100)] })));
    expect(recorded(...messages)).toEqual(messages);
    const names = readdirSync(folder).filter((name) => name.endsWith('.npy'));
    const usual = `uint8-0${'x100'.repeat(20)}.npy`;
    expect(names).toHaveLength(3);
    expect(names).toContain(usual);
    for (const name of names) if (name !== usual) expect(name).toMatch(/^uint8-41axes-[0-9a-f]{16}\.npy$/);
  });

  test('takes arrays whose headers are written differently into one file, and gives each its own back', () => {
    const plain = image(1);
    const tight = Buffer.concat([
      plain.subarray(0, 10),
      Buffer.from(plain.toString('latin1', 10, 128).trimEnd().padEnd(84, ' ').concat('\n')),
      plain.subarray(128),
    ]);
    tight.writeUInt16LE(tight.length - 24 - 10, 8);
    const messages = [plain, tight, tight, plain].map(bytes);
    expect(recorded(...messages)).toEqual(messages);
    expect(arrayFiles()).toEqual(['uint16-3x4.npy']);
  });

  test('keeps what only looks like an array, or is none of numbers, byte for byte', () => {
    const odd = [
      image(0).subarray(0, -1),
      Buffer.concat([image(0), Buffer.from([0])]),
      Buffer.from('\x93NUMPY', 'latin1'),
      image(0).subarray(0, 40),
    ];
    expect(recorded(...odd.map(bytes)).map(({ value }) => value)).toEqual(odd);
    expect(arrayFiles()).toEqual([]);
  });

  test('can be read at any moment: after each message, the files promise no more than there is', () => {
    const recorder = record([]);
    for (const [n, message] of [...images(12), { type: 'int', value: 5 }, bytes(Buffer.from('x'))].entries()) {
      recorder.add(message);
      if (n < 12) expect(readNpyHeader(readFileSync(file('uint16-3x4.npy')))).toMatchObject({ shape: [n + 1, 3, 4] });
      if (n % 3 === 2) recorder.flush();
      expect([...readRecording(folder)].length).toBe(n - (n % 3) + (n % 3 === 2 ? 3 : 0));
    }
    recorder.close();
    expect([...readRecording(folder)].length).toBe(14);
  });

  test('is read up to a last line that was cut off', () => {
    record(images(3)).close();
    appendFileSync(file('index.jsonl'), '{"n":3,"timeMs":1');
    expect([...readRecording(folder)].length).toBe(3);
  });

  test.each([
    ['a line that is none', () => appendFileSync(file('index.jsonl'), 'nonsense\n'), /index\.jsonl, line 4: .*JSON/],
    [
      'a line that says too little',
      () => appendFileSync(file('index.jsonl'), '{"n":3}\n'),
      /line 4: it is not a line of an index/,
    ],
    [
      'a sender that is none',
      () =>
        appendFileSync(
          file('index.jsonl'),
          '{"n":3,"timeMs":1,"wallMs":1,"type":"bytes","from":7,"file":"bytes.bin","offset":0,"length":0}\n',
        ),
      /line 4: it is not a line of an index/,
    ],
    [
      'a file elsewhere',
      () =>
        appendFileSync(
          file('index.jsonl'),
          '{"n":3,"timeMs":1,"wallMs":1,"type":"bytes","file":"../x","offset":0,"length":1}\n',
        ),
      /"\.\.\/x" is not a file of a recording/,
    ],
    [
      'arrays that are missing',
      () => truncateSync(file('uint16-3x4.npy'), 150),
      /line 1: the index refers to 24 bytes at 128, and the file has 150/,
    ],
  ])('is refused in a sentence that names the line for %s', (_, damage, sentence) => {
    record(images(3)).flush();
    damage();
    expect(() => [...readRecording(folder)]).toThrow(sentence);
  });

  test('is nothing that is read where there is none', () => {
    expect(() => [...readRecording(place)]).toThrow(/is not a recording: name a folder of "serpy record"/);
    record([]).close();
    writeFileSync(file('recording.json'), '{"format":"serpy-recording","version":3}');
    expect(() => [...readRecording(folder)]).toThrow(
      /has version 3 of the format, and this program reads version 2: update serpy-cli/,
    );
    writeFileSync(file('recording.json'), '{"format":"serpy-recording","version":1}');
    expect(() => [...readRecording(folder)]).toThrow(
      /version 1 .*: read it with the version of serpy that recorded it/,
    );
  });

  test('starts only in an empty folder', () => {
    writeFileSync(join(place, 'results.txt'), 'precious');
    folder = place;
    expect(() => record([])).toThrow(/is not empty: name a new or empty one/);
    expect(readdirSync(place)).toEqual(['results.txt']);
  });

  test('takes a thousand shapes with few files open at a time', () => {
    let open = 0;
    let most = 0;
    const disk: Disk = {
      ...systemDisk,
      open: (path) => {
        most = Math.max(most, ++open);
        return systemDisk.open(path);
      },
      close: (handle) => {
        open--;
        systemDisk.close(handle);
      },
    };
    const messages = Array.from({ length: 1000 }, (_, n) =>
      bytes(encodeNpy({ data: new Uint8Array((n * 7) % 500), shape: [(n * 7) % 500] })),
    );
    record(messages, { disk }).close();
    expect([...readRecording(folder)].map(({ value }) => value)).toEqual(messages.map(({ value }) => value));
    expect(most).toBeLessThan(40);
    expect(open).toBe(0);
  });

  test('counts with maxBytes what many small files take of a disk', () => {
    const recorder = record([], { maxBytes: 200_000 });
    let taken = 0;
    while (taken < 500 && recorder.add(bytes(encodeNpy({ data: new Uint8Array(0), shape: [0, taken + 1] })))) taken++;
    recorder.close();
    const blocks = readdirSync(folder).reduce((sum, name) => sum + Math.ceil(statSync(file(name)).size / 4096), 0);
    expect(blocks * 4096).toBeLessThanOrEqual(200_000 + 2 * 4096);
    expect(taken).toBeGreaterThan(30);
  });

  test('makes files for so many types and shapes, and keeps arrays of further ones among the bytes', () => {
    const shapes = maxArrayFiles + 3;
    const messages = Array.from({ length: shapes }, (_, n) =>
      bytes(encodeNpy({ data: new Uint8Array(0), shape: [0, n] })),
    );
    const again = [messages[0], messages[shapes - 1]] as RecordedMessage[];
    record([...messages, ...again]).close();
    expect(arrayFiles().length).toBe(maxArrayFiles);
    const read = [...readRecording(folder)].map(({ value }) => value);
    expect(read).toEqual([...messages, ...again].map(({ value }) => value));
  });

  test('takes no more than maxBytes, and says so before it has taken anything', () => {
    const recorder = record([], { maxBytes: 6000 + 4096 });
    let taken = 0;
    while (
      recorder.add(
        taken % 3 === 0
          ? { type: 'str', value: 'text'.repeat(9) }
          : bytes(taken % 3 === 1 ? image(taken) : Buffer.alloc(60)),
      )
    )
      taken++;
    recorder.close();
    const size = readdirSync(folder).reduce((sum, name) => sum + statSync(file(name)).size, 0);
    expect(recorder.bytes).toBe(size);
    expect(size).toBeLessThanOrEqual(6000); // the rest is what a file of arrays takes besides
    expect(taken).toBeGreaterThan(5);
    expect([...readRecording(folder)].length).toBe(taken);
  });
});

describe('a disk that is full', () => {
  /** Has room for a number of bytes, and writes a part of what does not fit, like a real disk. */
  function smallDisk(room: number): Disk {
    const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const sizes = new Map<number, number>();
    return {
      ...systemDisk,
      write(handle, data, position) {
        const size = sizes.get(handle) ?? 0;
        const grows = Math.max(0, position + data.length - size);
        const used = [...sizes.values()].reduce((sum, each) => sum + each, 0);
        const fits = grows > 0 ? data.length - grows + Math.min(grows, room - used) : data.length;
        if (fits <= 0) throw full();
        sizes.set(handle, Math.max(size, position + fits));
        return systemDisk.write(handle, data.subarray(0, fits), position);
      },
      truncate(handle, length) {
        sizes.set(handle, length);
        systemDisk.truncate(handle, length);
      },
    };
  }

  const mixed: RecordedMessage[] = Array.from({ length: 200 }, (_, n) => {
    if (n % 4 === 0) return { type: 'str', value: `text ${n}` };
    return n % 4 === 1 ? bytes(Buffer.alloc(50, n)) : bytes(image(n));
  });

  test.each(Array.from({ length: 40 }, (_, each) => 200 + 317 * each))(
    'ends the recording with an error after %d bytes, and what came before can be read',
    (room) => {
      const recorder = record([], { disk: smallDisk(room) });
      let failure: Error | undefined;
      for (const [n, message] of mixed.entries()) {
        try {
          recorder.add(message);
          if (n % 5 === 4) recorder.flush();
        } catch (error) {
          failure = error as Error;
          break;
        }
      }
      expect(failure).toMatchObject({ code: 'ERR_RECORDING_ENDED' });
      expect(failure!.message).toMatch(
        /^the recording .* ended after \d+ messages?: the disk is full \(ENOSPC\)\. Its messages can be read; free space, and record to another folder$/,
      );
      const read = [...readRecording(folder)];
      expect(failure!.message).toContain(`after ${read.length} messages`);
      expect(recorder.messages).toBe(read.length);
      expect(read.map(({ type, value }) => ({ type, value }))).toEqual(mixed.slice(0, read.length));
      for (const name of arrayFiles()) {
        const { headerBytes, dataBytes } = readNpyHeader(readFileSync(file(name)));
        expect(statSync(file(name)).size, name).toBe(headerBytes + dataBytes);
      }
      expect(recorder.add({ type: 'int', value: 1 })).toBe(false);
      recorder.close();
    },
  );

  test('reports a disk that is full from the start', () => {
    const disk: Disk = {
      ...systemDisk,
      create: () => {
        throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      },
    };
    expect(() => record([], { disk })).toThrow(
      /^cannot record to .*: the disk is full \(ENOSPC\); name another folder$/,
    );
  });
});

describe.skipIf(!hasNumpy)('numpy', () => {
  test('maps the arrays during the recording', () => {
    const recorder = record(images(3));
    expect(mapWithNumpy([file('uint16-3x4.npy')])[0]).toMatchObject({ shape: [3, 3, 4], dtype: '<u2' });
    recorder.add(bytes(image(3)));
    const [mapped] = mapWithNumpy([file('uint16-3x4.npy')]);
    expect(mapped!.shape).toEqual([4, 3, 4]);
    expect(mapped!.elements.slice(36, 38)).toEqual(['300', '301']);
    recorder.close();
  });

  test('opens every type, order and shape, and what is given back is what it saved', () => {
    const code = `
import sys, io, numpy, base64
kinds = ['?', 'i1', 'u1', '<i2', '>i2', '<u4', '>u8', '<f2', '>f4', '<f8', '<c8', '>c16']
shapes = [(), (0,), (3,), (2, 3), (2, 0, 4), (1, 2, 3, 4)]
for kind in kinds:
    for shape in shapes:
        for order in 'CF':
            n = int(numpy.prod(shape))
            a = numpy.asarray((numpy.arange(n) % 100).reshape(shape).astype(kind), order=order)
            b = io.BytesIO(); numpy.save(b, a); print(base64.b64encode(b.getvalue()).decode())
`;
    const saved = python(code)
      .trim()
      .split('\n')
      .map((line) => Buffer.from(line, 'base64'));
    expect(saved.length).toBe(144);
    expect(recorded(...saved.map(bytes)).map(({ value }) => value)).toEqual(saved);
    for (const [at, { shape, elements }] of mapWithNumpy(arrayFiles().map(file)).entries()) {
      const length = shape.slice(1).reduce((product, each) => product * each, 1);
      expect(shape[0], arrayFiles()[at]).toBe(2); // once in C order, once in Fortran's
      expect(elements.slice(0, length), arrayFiles()[at]).toEqual(elements.slice(length, 2 * length));
      if (length > 1) expect(elements.length).toBe(2 * length);
    }
  });

  test('finds Fortran’s order where it was', () => {
    recorded(bytes(fortranArray()));
    expect(mapWithNumpy([file('int32-2x3.npy')])[0]).toMatchObject({
      shape: [1, 2, 3],
      elements: ['1', '2', '3', '4', '5', '6'],
    });
  });
});

test('arrays in Fortran’s order are written in C order, and given back as they came', () => {
  const array = fortranArray();
  expect(recorded(bytes(array))).toEqual([bytes(array)]);
  const stack = readFileSync(file('int32-2x3.npy'));
  const { headerBytes, fortranOrder, shape } = readNpyHeader(stack);
  expect([fortranOrder, shape]).toEqual([false, [1, 2, 3]]);
  expect([...new Int32Array(new Uint8Array(stack.subarray(headerBytes)).buffer)]).toEqual([1, 2, 3, 4, 5, 6]);
});
