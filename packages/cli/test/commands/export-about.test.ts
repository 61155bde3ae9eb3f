/** Units, names and axes in exported recordings, read back by h5py, zarr and Node; and what the commands print. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { encodeNpy } from 'serpy-arrays';
import { createRecording } from 'serpy-recording';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runToEnd } from '../run.js';

const has = (modules: string) => spawnSync('/usr/bin/python3', ['-c', `import ${modules}`]).status === 0;
const python = (code: string, ...args: string[]): unknown =>
  JSON.parse(execFileSync('/usr/bin/python3', ['-c', `import json, sys\n${code}`, ...args], { encoding: 'utf8' }));

let place = '';
let folder = '';
const out = (name: string) => join(place, name);
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-export-about-'));
  folder = join(place, 'run');
  const recording = createRecording(folder);
  const image = encodeNpy({ data: Uint16Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
  for (let n = 0; n < 2; n++) {
    recording.add({ type: 'bytes', value: image, about: { name: 'camera', unit: 'counts', axes: ['y', 'x (µm)'] } });
    recording.add({ type: 'float', value: 20 + n, about: { name: 'temperature', unit: 'K' } });
    recording.add({ type: 'float', value: 1000 + n, about: { name: '../pressure', unit: 'mbar' } });
    recording.add({ type: 'int', value: n });
    recording.add({ type: 'bytes', value: image, about: { axes: ['data', 'data'] } });
    recording.add({ type: 'bytes', value: image, about: { name: 'camera', axes: ['z', 'y', 'x'] } });
  }
  recording.close();
});
afterEach(() => rmSync(place, { recursive: true }));

async function exported(name: string): Promise<void> {
  const { status, stderr } = await runToEnd(['export', folder, out(name)]);
  expect([status, stderr]).toEqual([0, expect.stringContaining('exported')]);
}

test.skipIf(!has('h5py'))('HDF5: a series for each quantity, with units and axes (needs h5py)', async () => {
  await exported('a.h5');
  const code = `
import h5py
f = h5py.File(sys.argv[1], 'r')
text = lambda value: value.decode() if isinstance(value, bytes) else str(value)
entry = f['entry']
of = lambda name: {key: text(value) for key, value in entry[name]['data'].attrs.items() if key in ('units', 'long_name')}
print(json.dumps({
    'series': sorted(name for name, group in entry.items() if hasattr(group, 'keys') and name != 'events'),
    'image': of('uint16-2x3'), 'axes': [text(each) for each in entry['uint16-2x3'].attrs['axes']],
    'labels': [text(entry['uint16-2x3'][name].attrs['long_name']) for name in ('y', 'x_m')],
    'indices': entry['uint16-2x3/x_m'][:].tolist(),
    'awkward': [text(each) for each in entry['uint16-2x3-2'].attrs['axes']],
    'wrong': [text(each) for each in entry['uint16-2x3-camera'].attrs['axes']],
    'numbers': of('numbers'), 'values': entry['numbers/data'][:].tolist(),
    'pressure': of('numbers-pressure'), 'plain': of('numbers-2'),
}))`;
  expect(python(code, out('a.h5'))).toEqual({
    series: ['numbers', 'numbers-2', 'numbers-pressure', 'uint16-2x3', 'uint16-2x3-2', 'uint16-2x3-camera'],
    image: { units: 'counts', long_name: 'camera (counts)' },
    axes: ['time', 'y', 'x_m'],
    labels: ['y', 'x (µm)'],
    indices: [0, 1, 2],
    awkward: ['time', 'axis_1', 'axis_2'],
    wrong: ['time', '.', '.'],
    numbers: { units: 'K', long_name: 'temperature (K)' },
    values: [20, 21],
    pressure: { units: 'mbar', long_name: '../pressure (mbar)' },
    plain: { long_name: 'numbers-2' },
  });
});

test.skipIf(!has('zarr'))('Zarr: units and the names of dimensions (needs zarr)', async () => {
  await exported('a.zarr');
  const code = `
import zarr
root = zarr.open_consolidated(sys.argv[1], mode='r')
print(json.dumps({
    'image': dict(root['uint16-2x3/data'].attrs), 'awkward': dict(root['uint16-2x3-2/data'].attrs),
    'numbers': dict(root['numbers/data'].attrs), 'values': root['numbers-pressure/data'][:].tolist(),
}))`;
  expect(python(code, out('a.zarr'))).toEqual({
    image: { _ARRAY_DIMENSIONS: ['time', 'y', 'x_m'], long_name: 'camera', units: 'counts' },
    awkward: { _ARRAY_DIMENSIONS: ['time', 'data', 'axis_2'] },
    numbers: { _ARRAY_DIMENSIONS: ['time'], long_name: 'temperature', units: 'K' },
    values: [1000, 1001],
  });
});

test('CSV and Parquet have a column for the name and one for the unit', async () => {
  await exported('a.csv');
  const rows = readFileSync(out('a.csv'), 'utf8').trim().split('\r\n');
  expect(rows[0]).toBe('n,time_s,wall_time,type,from,value,name,unit');
  expect(rows[1]).toMatch(/^1,.*,float,,20,temperature,K$/);
  expect(rows[3]).toMatch(/^3,.*,int,,0,,$/);
  await exported('a.parquet');
  const bytes = readFileSync(out('a.parquet'));
  const objects = await parquetReadObjects({
    file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  });
  expect(objects.slice(0, 3)).toMatchObject([
    { number: 20, name: 'temperature', unit: 'K' },
    { number: 1000, name: '../pressure', unit: 'mbar' },
    { number: 0, name: null, unit: null },
  ]);
});
