/** Both directions against numpy itself, where it is there. */
import { spawnSync } from 'node:child_process';
import { type DType, decodeNpy, encodeNpy, type NdArray, npyHeader, type TypedArray } from 'serpy-arrays';
import { describe, expect, test } from 'vitest';
import { hexOf } from './bytes.js';

function python(script: string, input: string): string {
  const { status, stdout, stderr, error } = spawnSync('python3', ['-c', script], {
    input,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (error !== undefined || status !== 0) throw new Error(`python3: ${error?.message ?? stderr}`);
  return stdout;
}

function hasNumpy(): boolean {
  return spawnSync('python3', ['-c', 'import numpy']).status === 0;
}

const there = hasNumpy();
const titled = (title: string) =>
  there ? title : `${title} (skipped: there is no python3 with numpy on this machine)`;

/** Of each array what it is, what its elements are in C order, little-endian, and how numpy saves it. */
const describeArrays = `
import io, json, sys
import numpy as np
for line in sys.stdin:
    array = np.load(io.BytesIO(bytes.fromhex(line)))
    plain = np.ascontiguousarray(array) if array.ndim else array
    saved = io.BytesIO()
    np.save(saved, array)
    print(json.dumps({
        'dtype': array.dtype.name,
        'shape': array.shape,
        'elements': plain.astype(plain.dtype.newbyteorder('<')).tobytes().hex(),
        'saved': saved.getvalue().hex(),
    }))
`;

interface Seen {
  readonly dtype: string;
  readonly shape: number[];
  readonly elements: string;
  readonly saved: string;
}

function seenByNumpy(npys: readonly Buffer[]): Seen[] {
  const printed = python(describeArrays, npys.map((npy) => `${npy.toString('hex')}\n`).join(''));
  return printed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Seen);
}

/** Bytes in which every bit is sometimes set: 31 and 256 have no common divisor. */
const noise = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff).buffer;

const dataOf: Record<DType, (count: number) => TypedArray> = {
  bool: (count) => Uint8Array.from({ length: count }, (_, i) => i % 2),
  int8: (count) => new Int8Array(noise(count)),
  uint8: (count) => new Uint8Array(noise(count)),
  int16: (count) => new Int16Array(noise(2 * count)),
  uint16: (count) => new Uint16Array(noise(2 * count)),
  int32: (count) => new Int32Array(noise(4 * count)),
  uint32: (count) => new Uint32Array(noise(4 * count)),
  int64: (count) => new BigInt64Array(noise(8 * count)),
  uint64: (count) => new BigUint64Array(noise(8 * count)),
  float16: (count) => new Uint16Array(noise(2 * count)),
  float32: (count) => new Float32Array(noise(4 * count)),
  float64: (count) => new Float64Array(noise(8 * count)),
  complex64: (count) => new Float32Array(noise(8 * count)),
  complex128: (count) => new Float64Array(noise(16 * count)),
};

const shapes = [[], [0], [1], [7], [3, 0, 2], [2, 3], [4, 3, 2], [1, 5, 1], [2, 2, 2, 2, 2], [300, 40]];

describe.skipIf(!there)(titled('numpy'), () => {
  test('opens what we write, as what it is, and would have written the same', () => {
    const arrays = Object.entries(dataOf).flatMap(([dtype, make]) =>
      shapes.map((shape) => ({ data: make(shape.reduce((a, b) => a * b, 1)), shape, dtype: dtype as DType })),
    );
    const npys = arrays.map((array) => encodeNpy(array));
    const seen = seenByNumpy(npys);
    expect(seen.length).toBe(Object.keys(dataOf).length * shapes.length);
    for (const [i, { data, shape, dtype }] of arrays.entries()) {
      const expected = { dtype, shape, elements: hexOf(data), saved: npys[i]?.toString('hex') };
      expect(seen[i], `${dtype} ${shape}`).toEqual(expected);
    }
  });

  test('writes what we read: every dtype, both byte orders, both orders of axes', () => {
    const script = `
import io, json, sys
import numpy as np
shapes = json.load(sys.stdin)
names = ['bool'] + [k + n for k in ('int', 'uint') for n in ('8', '16', '32', '64')]
names += ['float16', 'float32', 'float64', 'complex64', 'complex128']
for name in names:
    for order in '<>':
        for shape in shapes:
            dtype = np.dtype(name).newbyteorder(order)
            count = int(np.prod(shape, dtype=int))
            if name == 'bool':
                array = np.arange(count) % 3 == 1
            else:
                array = (np.arange(count * dtype.itemsize, dtype='u4') * 37 % 251).astype('u1').view(dtype)
            array = array.reshape(shape)
            for save in (array, np.asfortranarray(array), array.T):
                file = io.BytesIO()
                np.save(file, save)
                plain = save.astype('<f4') if name == 'float16' else save.astype(dtype.newbyteorder('<'))
                elements = plain.tobytes('C').hex()
                print(json.dumps({'npy': file.getvalue().hex(), 'dtype': name, 'shape': save.shape, 'elements': elements}))
`;
    const lines = python(script, JSON.stringify(shapes)).trim().split('\n');
    expect(lines.length).toBe(14 * 2 * 3 * shapes.length);
    for (const line of lines) {
      const { npy, dtype, shape, elements } = JSON.parse(line) as {
        npy: string;
        dtype: string;
        shape: number[];
        elements: string;
      };
      const array: NdArray = decodeNpy(Buffer.from(npy, 'hex'));
      expect({ ...array, data: hexOf(array.data) }, `${dtype} ${shape}`).toEqual({ dtype, shape, data: elements });
    }
  });

  test('opens a file whose header was written again in its place as it grew', () => {
    const rows = Buffer.from(noise(4 * 3 * 1000));
    const growing = [0, 1, 9, 10, 999, 1000].map((count) => {
      const header = npyHeader({ dtype: 'float32', shape: [count, 3] });
      return Buffer.concat([header, rows.subarray(0, count * 12)]);
    });
    expect(new Set(growing.map((npy, i) => npy.length - [0, 1, 9, 10, 999, 1000][i]! * 12)).size).toBe(1);
    expect(seenByNumpy(growing).map(({ shape }) => shape[0])).toEqual([0, 1, 9, 10, 999, 1000]);
  });
});
