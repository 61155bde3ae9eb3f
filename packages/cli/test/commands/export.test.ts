/** Exported recordings, read back: with h5py, zarr, tifffile and numpy where Python has them, and by Node. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { encodeNpy } from 'serpy-arrays';
import { createRecording } from 'serpy-recording';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runToEnd } from '../run.js';

/** The first Python that has these modules; the packages of a distribution belong to its own Python. */
function pythonWith(modules: string): string | undefined {
  const has = (program: string) => spawnSync(program, ['-c', `import ${modules}`]).status === 0;
  return ['python3', '/usr/bin/python3'].find(has);
}

const withH5py = pythonWith('h5py, numpy');
const withZarr = pythonWith('zarr, numpy');
const withTifffile = pythonWith('tifffile, numpy');

function python(program: string, code: string, ...args: string[]): unknown {
  return JSON.parse(execFileSync(program, ['-c', `import json, sys\n${code}`, ...args], { encoding: 'utf8' }));
}

let place = '';
let folder = '';
const out = (name: string) => join(place, name);

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-export-'));
  folder = join(place, 'run');
});

afterEach(() => rmSync(place, { recursive: true }));

const rows = 3;
const image = (n: number) => Uint16Array.from({ length: 6 }, (_, at) => 1000 * n + at);

/** One message of each kind in each round, 10 ms apart. */
function record(): void {
  let now = 0;
  const clock = { now: () => (now += 10), wallMs: () => 1_700_000_000_000 + now };
  const recording = createRecording(folder, { clock, note: 'a µ note', url: 'serpy2://127.0.0.1:5001' });
  recording.event({ type: 'peer', protocol: 'v2', session: true, encrypted: false });
  for (let n = 0; n < rows; n++) {
    for (const array of [
      { data: image(n), shape: [2, 3] },
      { data: Float32Array.of(n, 2, 3, 4), dtype: 'complex64' as const, shape: [2] },
      { data: Float32Array.of(n, 0.5), dtype: 'float16' as const, shape: [2] },
      { data: Uint8Array.of(1, 0), dtype: 'bool' as const, shape: [2] },
      { data: BigInt64Array.of(2n ** 60n, -1n), shape: [2] },
      { data: Uint8Array.from({ length: 12 }, (_, at) => 20 * at + n), shape: [2, 2, 3] },
      { data: Float64Array.of(n, 1, 2, 3, 4, 5, 6, 7), shape: [2, 2, 2] },
    ])
      recording.add({ type: 'bytes', value: encodeNpy(array) });
    recording.add({ type: 'int', value: n });
    recording.add({ type: 'float', value: n === 1 ? Number.NaN : n / 4 });
    recording.add({ type: 'str', value: `text ${n}, "µ"\nline` });
    recording.add({ type: 'bytes', value: Buffer.from('raw') });
  }
  recording.add({ type: 'int', value: 2n ** 70n });
  recording.add({ type: 'object', value: new Map([['gain', 2.5]]), mode: 4 });
  recording.event({ type: 'gap', downMs: 5 });
  recording.close();
}

/** Exports, and returns what was printed. */
async function exported(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runToEnd(['export', folder, ...args]);
  expect([status, stdout, stderr]).toEqual([
    0,
    '',
    expect.stringMatching(/exported [\d,]+ messages? to .* in [\d.]+ s\n$/),
  ]);
  return stderr;
}

test.skipIf(!withH5py)('HDF5 has all series in the layout of NeXus (needs h5py)', async () => {
  record();
  expect(await exported(out('a.h5'))).toContain(`left out ${rows} messages: bytes that are not arrays`);
  const code = `
import h5py
f = h5py.File(sys.argv[1], 'r')
text = lambda value: value.decode() if isinstance(value, bytes) else str(value)
entry = f[f.attrs['default']]
plot = entry[entry.attrs['default']]
print(json.dumps({
    'classes': [text(f.attrs['NX_class']), text(entry.attrs['NX_class']), text(plot.attrs['NX_class'])],
    'default': text(entry.attrs['default']),
    'signal': text(plot.attrs['signal']), 'axes': [text(each) for each in plot.attrs['axes']],
    'units': text(plot['time'].attrs['units']), 'interpretation': text(plot['data'].attrs['interpretation']),
    'title': text(entry['title'][()]), 'start': text(entry['start_time'][()]), 'end': text(entry['end_time'][()]),
    'note': json.loads(entry['serpy_recording'][()])['note'],
    'series': {name: [list(group['data'].shape), str(group['data'].dtype)] for name, group in entry.items() if hasattr(group, 'keys')},
    'image': plot['data'][2].tolist(), 'time': plot['time'][:].tolist(), 'wall': plot['wall_time'][0], 'n': plot['n'][:].tolist(),
    'complex': str(entry['complex64-2/data'][1].tolist()), 'half': entry['float16-2/data'][2].tolist(),
    'long': entry['int64-2/data'][0].tolist(), 'numbers': [str(each) for each in entry['numbers/data'][:]],
    'texts': [text(each) for each in entry['texts/data'][:]], 'events': [json.loads(each) for each in entry['events/data'][:]],
}))
`;
  expect(python(withH5py!, code, out('a.h5'))).toEqual({
    classes: ['NXroot', 'NXentry', 'NXdata'],
    default: 'uint16-2x3',
    signal: 'data',
    axes: ['time', '.', '.'],
    units: 's',
    interpretation: 'image',
    title: 'a µ note',
    start: '2023-11-14T22:13:20.010Z',
    end: expect.stringMatching(/^2023-11-14T22:13:20\.\d+Z$/),
    note: 'a µ note',
    series: {
      'bool-2': [[rows, 2], 'uint8'],
      'complex64-2': [[rows, 2], 'complex64'],
      'float16-2': [[rows, 2], 'float32'],
      'float64-2x2x2': [[rows, 2, 2, 2], 'float64'],
      'int64-2': [[rows, 2], 'int64'],
      'uint16-2x3': [[rows, 2, 3], 'uint16'],
      'uint8-2x2x3': [[rows, 2, 2, 3], 'uint8'],
      numbers: [[2 * rows + 1], 'float64'],
      texts: [[rows + 1], '|S1024'],
      events: [[3], '|S1024'],
    },
    image: [
      [2000, 2001, 2002],
      [2003, 2004, 2005],
    ],
    time: [0.02, 0.13, 0.24],
    wall: 1_700_000_000.03,
    n: [0, 11, 22],
    complex: '[(1+2j), (3+4j)]',
    half: [2, 0.5],
    long: [2 ** 60, -1],
    numbers: ['0.0', '0.0', '1.0', 'nan', '2.0', '0.5', '1.1805916207174113e+21'],
    texts: ['text 0, "µ"\nline', 'text 1, "µ"\nline', 'text 2, "µ"\nline', '{"gain":2.5}'],
    events: [
      { type: 'peer', protocol: 'v2', session: true, encrypted: false },
      { type: 'gap', downMs: 5 },
      { type: 'end', reason: 'closed' },
    ],
  });
});

test.skipIf(!withZarr)('Zarr has all series (needs zarr of Python)', async () => {
  record();
  await exported(out('a.zarr'));
  const code = `
import zarr
z = zarr.open(sys.argv[1], mode='r')
c = zarr.open_consolidated(sys.argv[1])
print(json.dumps({
    'note': z.attrs['serpy']['note'], 'dimensions': z['uint16-2x3/data'].attrs['_ARRAY_DIMENSIONS'],
    'series': {name: [list(z[name]['data'].shape), str(z[name]['data'].dtype)] for name in z.group_keys()},
    'image': c['uint16-2x3/data'][2].tolist(), 'time': z['uint16-2x3/time'][:].tolist(), 'n': z['uint16-2x3/n'][:].tolist(),
    'complex': str(z['complex64-2/data'][1].tolist()), 'bool': z['bool-2/data'][0].tolist(),
    'numbers': [str(each) for each in z['numbers/data'][:]], 'texts': [each.decode() for each in z['texts/data'][:]],
}))
`;
  expect(python(withZarr!, code, out('a.zarr'))).toEqual({
    note: 'a µ note',
    dimensions: ['time', 'axis_1', 'axis_2'],
    series: {
      'bool-2': [[rows, 2], 'bool'],
      'complex64-2': [[rows, 2], 'complex64'],
      'float16-2': [[rows, 2], 'float32'],
      'float64-2x2x2': [[rows, 2, 2, 2], 'float64'],
      'int64-2': [[rows, 2], 'int64'],
      'uint16-2x3': [[rows, 2, 3], 'uint16'],
      'uint8-2x2x3': [[rows, 2, 2, 3], 'uint8'],
      numbers: [[2 * rows + 1], 'float64'],
      texts: [[rows + 1], '|S1024'],
      events: [[3], '|S1024'],
    },
    image: [
      [2000, 2001, 2002],
      [2003, 2004, 2005],
    ],
    time: [0.02, 0.13, 0.24],
    n: [0, 11, 22],
    complex: '[(1+2j), (3+4j)]',
    bool: [true, false],
    numbers: ['0.0', '0.0', '1.0', 'nan', '2.0', '0.5', '1.1805916207174113e+21'],
    texts: ['text 0, "µ"\nline', 'text 1, "µ"\nline', 'text 2, "µ"\nline', '{"gain":2.5}'],
  });
});

/** Reads an array of a Zarr as its specification says. */
function readZarr(path: string): { shape: number[]; bytes: Buffer } {
  const { shape, chunks, dtype } = JSON.parse(readFileSync(join(path, '.zarray'), 'utf8'));
  const names = readdirSync(path).filter((name) => !name.startsWith('.'));
  const inOrder = names.sort((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10));
  const rowBytes = shape.slice(1).reduce((a: number, b: number) => a * b, Number(/\d+/.exec(dtype)![0]));
  for (const name of names) expect(readFileSync(join(path, name)).length).toBe(chunks[0] * rowBytes);
  const all = Buffer.concat(inOrder.map((name) => readFileSync(join(path, name))));
  return { shape, bytes: all.subarray(0, shape[0] * rowBytes) };
}

test('Zarr and HDF5 of many rows in several batches and chunks have all of them in order', async () => {
  const recording = createRecording(folder);
  const data = new Float32Array(300_000);
  for (let n = 0; n < 25; n++) {
    data.fill(n);
    recording.add({ type: 'bytes', value: encodeNpy({ data, shape: [300, 1000] }) });
    for (let each = 0; each < 2000; each++) recording.add({ type: 'int', value: 2000 * n + each });
  }
  recording.close();
  await exported(out('b.zarr'));
  const { shape, bytes } = readZarr(out('b.zarr/float32-300x1000/data'));
  expect(shape).toEqual([25, 300, 1000]);
  for (let n = 0; n < 25; n++) {
    expect(bytes.readFloatLE(n * 1_200_000)).toBe(n);
    expect(bytes.readFloatLE((n + 1) * 1_200_000 - 4)).toBe(n);
  }
  const numbers = readZarr(out('b.zarr/numbers/data')).bytes;
  expect(numbers.length).toBe(8 * 50_000);
  for (let n = 0; n < 50_000; n += 777) expect(numbers.readDoubleLE(8 * n)).toBe(n);

  await exported(out('b.h5'));
  const { File, ready } = await import('h5wasm/node');
  await ready;
  const file = new File(out('b.h5'), 'r');
  const read = (path: string, ranges: [number, number][]) => {
    const dataset = file.get(path) as InstanceType<typeof import('h5wasm/node')['Dataset']>;
    return { shape: dataset.shape, values: [...(dataset.slice(ranges) as Float64Array)] };
  };
  const image = read('entry/float32-300x1000/data', [
    [0, 25],
    [299, 300],
    [999, 1000],
  ]);
  expect(image).toEqual({ shape: [25, 300, 1000], values: Array.from({ length: 25 }, (_, n) => n) });
  const { values } = read('entry/numbers/data', [[0, 50_000]]);
  expect(values.every((value, n) => value === n)).toBe(true);
  file.close();
});

test('CSV has a row for each number, text and object', async () => {
  record();
  expect(await exported(out('a.csv'))).toContain('left out 24 messages: a CSV has no place for arrays and bytes');
  expect(readFileSync(out('a.csv'), 'utf8').split('\r\n').slice(0, 7)).toEqual([
    'n,time_s,wall_time,type,from,value,name,unit',
    '7,0.09,2023-11-14T22:13:20.100Z,int,,0,,',
    '8,0.1,2023-11-14T22:13:20.110Z,float,,0,,',
    '9,0.11,2023-11-14T22:13:20.120Z,str,,"text 0, ""µ""\nline",,',
    '18,0.2,2023-11-14T22:13:20.210Z,int,,1,,',
    '19,0.21,2023-11-14T22:13:20.220Z,float,,nan,,',
    '20,0.22,2023-11-14T22:13:20.230Z,str,,"text 1, ""µ""\nline",,',
  ]);
  expect(readFileSync(out('a.csv'), 'utf8')).toContain(',int,,1180591620717411303424,,\r\n');
  expect(readFileSync(out('a.csv'), 'utf8')).toContain(',object,,"{""gain"":2.5}",,\r\n');
});

test('Parquet has a row for each number, text and object, and the metadata', async () => {
  record();
  await exported(out('a.parquet'));
  const bytes = readFileSync(out('a.parquet'));
  const { parquetMetadata, parquetReadObjects } = await import('hyparquet');
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const [metadata] = parquetMetadata(file).key_value_metadata ?? [];
  expect(JSON.parse(metadata?.value ?? '')).toMatchObject({ format: 'serpy-recording', note: 'a µ note' });
  const read = await parquetReadObjects({ file });
  expect(read).toHaveLength(3 * rows + 2);
  const common = { from: null, text: null };
  expect(read.slice(0, 2)).toMatchObject([
    { ...common, n: 7n, time_s: 0.09, type: 'int', number: 0, integer: 0n },
    { ...common, n: 8n, time_s: 0.1, type: 'float', number: 0, integer: null },
  ]);
  expect((read[0] as { wall_time: Date }).wall_time.toISOString()).toBe('2023-11-14T22:13:20.100Z');
  expect(read.at(-2)).toMatchObject({ integer: null, text: String(2n ** 70n) });
  expect(read.at(-1)).toMatchObject({ number: null, text: '{"gain":2.5}' });
});

describe('images', () => {
  test('are PNG files of 8 and 16 bits', async () => {
    record();
    expect(await exported(out('images'), '--as', 'png')).toContain('PNG holds only images of 8 or 16 bits');
    expect(readdirSync(out('images')).sort()).toEqual([
      ...[0, 1, 2].map((n) => `uint16-2x3-00000${n}.png`),
      ...[0, 1, 2].map((n) => `uint8-2x2x3-00000${n}.png`),
    ]);
    const gray = decode(readFileSync(out('images/uint16-2x3-000002.png')));
    expect([gray.width, gray.height, gray.depth, gray.channels, [...gray.data]]).toEqual([3, 2, 16, 1, [...image(2)]]);
    const color = decode(readFileSync(out('images/uint8-2x2x3-000001.png')));
    expect([color.channels, [...color.data]]).toEqual([3, Array.from({ length: 12 }, (_, at) => 20 * at + 1)]);
  });

  test.skipIf(!withTifffile)('are TIFF files of any numbers and of several pages (needs tifffile)', async () => {
    record();
    await exported(out('images'), '--as', 'tiff');
    const code = `
import glob, tifffile
print(json.dumps({path.rpartition('/')[2]: [list(a.shape), str(a.dtype), a.ravel().tolist()]
    for path in sorted(glob.glob(sys.argv[1] + '/*2.tiff')) for a in [tifffile.imread(path)]}))
`;
    expect(python(withTifffile!, code, out('images'))).toEqual({
      'float64-2x2x2-000002.tiff': [[2, 2, 2], 'float64', [2, 1, 2, 3, 4, 5, 6, 7]],
      'uint16-2x3-000002.tiff': [[2, 3], 'uint16', [...image(2)]],
      'uint8-2x2x3-000002.tiff': [[2, 2, 3], 'uint8', Array.from({ length: 12 }, (_, at) => 20 * at + 2)],
    });
  });
});

describe('an export', () => {
  test('of a part has the messages of that part', async () => {
    record();
    await exported(out('a.csv'), '--messages', '18..20');
    expect(
      readFileSync(out('a.csv'), 'utf8')
        .split('\r\n')
        .slice(1, -1)
        .map((row) => row.split(',')[0]),
    ).toEqual(['18', '19']);
  });

  test('of a growing recording, and of one whose recorder was killed, has what the index has', async () => {
    const recording = createRecording(folder);
    for (let n = 0; n < 5; n++) recording.add({ type: 'int', value: n });
    recording.flush();
    appendFileSync(join(folder, 'index.jsonl'), '{"n":5,"ti');
    expect(await exported(out('a.csv'))).toContain('exported 5 messages');
    recording.close();
  });

  test('never replaces a file without --force, and never a folder', async () => {
    record();
    writeFileSync(out('a.csv'), 'precious');
    const refused = await runToEnd(['export', folder, out('a.csv')]);
    expect([refused.status, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/a\.csv exists: name another file, or add --force/),
    ]);
    expect(readFileSync(out('a.csv'), 'utf8')).toBe('precious');
    await exported(out('a.csv'), '--force');
    expect(readFileSync(out('a.csv'), 'utf8')).toMatch(/^n,time_s/);
    mkdirSync(out('b.zarr'));
    mkdirSync(out('b.csv'));
    for (const name of ['b.zarr', 'b.csv']) {
      const { status, stderr } = await runToEnd(['export', folder, out(name), '--force']);
      expect([status, stderr]).toEqual([2, expect.stringMatching(/replaces (no folder|only files)/)]);
    }
    if (process.platform !== 'win32') {
      symlinkSync(out('a.csv'), out('link.csv'));
      expect((await runToEnd(['export', folder, out('link.csv'), '--force'])).status).toBe(2);
    }
  });

  test('that fails leaves nothing', async () => {
    record();
    writeFileSync(join(folder, 'values.jsonl'), 'x');
    for (const name of ['a.csv', 'a.h5', 'a.zarr', 'a.parquet']) {
      const { status, stderr } = await runToEnd(['export', folder, out(name)]);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/is damaged: message 7: /)]);
    }
    expect(readdirSync(place)).toEqual(['run']);
  });

  test('without any message of the format fails, and leaves nothing', async () => {
    const recording = createRecording(folder);
    recording.add({ type: 'int', value: 1 });
    recording.close();
    const { status, stderr } = await runToEnd(['export', folder, out('images'), '--as', 'png']);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/nothing was exported/)]);
    expect(readdirSync(place)).toEqual(['run']);
  });

  test('cuts texts of more than 1,024 bytes in HDF5 and Zarr, and says so', async () => {
    const recording = createRecording(folder);
    recording.add({ type: 'str', value: 'x'.repeat(2000) });
    recording.close();
    expect(await exported(out('a.zarr'))).toContain('cut 1 text:');
    await exported(out('a.csv'));
    expect(readFileSync(out('a.csv'), 'utf8')).toContain('x'.repeat(2000));
  });

  test.each([
    [['out.xyz'], /out\.xyz has no ending that names a format: add --as with h5, zarr, parquet, csv, tiff, png/],
    [['out'], /has no ending that names a format/],
    [['out', '--as', 'doc'], /--as takes h5, zarr, parquet, csv, tiff, png, not 'doc'/],
    [['missing/out.csv'], /the folder .*missing does not exist/],
    [['out.csv', '--messages', '5..5'], /--messages takes numbers such as/],
    [['out.csv', '--messages', '..'], /--messages takes numbers such as/],
    [['out.csv', '--messages', 'x'], /--messages takes numbers such as/],
  ])('%j is a wrong command line', async ([name, ...flags], sentence) => {
    record();
    const { status, stderr } = await runToEnd(['export', folder, out(name!), ...flags]);
    expect([status, stderr]).toEqual([2, expect.stringMatching(sentence)]);
  });
});
