/** Reader and writer against CPython itself, and numpy where it is there. */

import { spawnSync } from 'node:child_process';
import { fc } from 'serpy-contract-tests/properties';
import { describe, expect, test } from 'vitest';
import { NumpyArray, type Picklable, type PickleValue, readPickle, writePickle } from '../../src/pickle/index.js';

function python(script: string, input = ''): string {
  const { status, stdout, stderr, error } = spawnSync('python3', ['-c', script], {
    input,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (error !== undefined || status !== 0) throw new Error(`python3: ${error?.message ?? stderr}`);
  return stdout;
}

function runs(script: string): boolean {
  try {
    python(script);
    return true;
  } catch {
    return false;
  }
}

const hasPython = runs('import sys; assert sys.version_info >= (3, 8)');
const hasNumpy = hasPython && runs('import numpy');
const titled = (title: string, there: boolean, what: string) =>
  there ? title : `${title} (skipped: there is no ${what} on this machine)`;

/** Values as nested lists of strings, the same from Python and from JavaScript. Ints that JavaScript holds exactly are numbers. */
const canonicalInPython = `
import json, pickle, struct, sys

def canonical(value):
    if value is None or isinstance(value, bool):
        return [str(value)]
    if isinstance(value, int) and abs(value) > 2**53 - 1:
        return ['int', str(value)]
    if isinstance(value, (int, float)):
        return ['number', 'nan' if value != value else struct.pack('>d', value).hex()]
    if isinstance(value, str):
        return ['str', value.encode('utf-16-be', 'surrogatepass').hex()]
    if isinstance(value, (bytes, bytearray)):
        return ['bytes', value.hex()]
    if isinstance(value, (list, tuple)):
        return ['list'] + [canonical(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return ['set'] + sorted([canonical(item) for item in value], key=text)
    if isinstance(value, dict):
        return ['dict'] + sorted([[canonical(key), canonical(item)] for key, item in value.items()], key=text)
    raise TypeError(type(value))

def text(value):
    return json.dumps(value, separators=(',', ':'))
`;

type Canonical = (string | Canonical)[];

function canonical(value: PickleValue | Picklable): Canonical {
  if (value === null || value === undefined) return ['None'];
  if (typeof value === 'boolean') return [value ? 'True' : 'False'];
  if (typeof value === 'bigint' && !Number.isSafeInteger(Number(value))) return ['int', String(value)];
  if (typeof value === 'number' || typeof value === 'bigint') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(Number(value));
    return ['number', Number.isNaN(value) ? 'nan' : bytes.toString('hex')];
  }
  if (typeof value === 'string') return ['str', Buffer.from(value, 'utf16le').swap16().toString('hex')];
  if (value instanceof Uint8Array) return ['bytes', Buffer.from(value).toString('hex')];
  if (Array.isArray(value)) return ['list', ...value.map(canonical)];
  if (value instanceof Set) return ['set', ...sorted(Array.from(value, canonical))];
  if (value instanceof NumpyArray) throw new TypeError('a NumpyArray among plain data');
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return ['dict', ...sorted(entries.map(([key, item]) => [canonical(key), canonical(item)]))];
}

function sorted(values: Canonical[]): Canonical[] {
  return values.toSorted((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
}

describe.skipIf(!hasPython)(titled('what CPython pickles', hasPython, 'python3'), () => {
  const generator = `${canonicalInPython}
import random
random.seed(SEED)

def number():
    return random.choice([
        random.randrange(-5, 300), random.randrange(-2**16, 2**17), random.randrange(-2**33, 2**33),
        random.randrange(-2**65, 2**65), random.randrange(-2**2100, 2**2100), 2**53, -2**53, 2**53 - 1, 2**63, -2**63,
        random.random(), random.uniform(-1e300, 1e300), 5e-324, 1e16, float('inf'), float('-inf'), 1.0])

def string():
    alphabet = random.choice(['ab', 'a\\\\\\n\\r\\'"\\0', 'aé\\xff', 'µ€\\ufffd', '\\U0001f600a', 'a\\ud800', '\\udfffb'])
    return ''.join(random.choice(alphabet) for _ in range(random.choice([0, 1, 3, 255, 256, 300])))

def data():
    return bytes(random.randrange(256) for _ in range(random.choice([0, 1, 10, 255, 256, 300])))

def key(depth):
    kinds = [number, string, data, lambda: None, lambda: random.random() < 0.5]
    if depth > 0:
        kinds.append(lambda: tuple(key(depth - 1) for _ in range(random.randrange(4))))
        kinds.append(lambda: frozenset(key(depth - 1) for _ in range(random.randrange(4))))
    return random.choice(kinds)()

def value(depth):
    kinds = [lambda: key(1), lambda: float('nan'), lambda: -0.0, lambda: bytearray(data())]
    if depth > 0:
        some = lambda make: [make() for _ in range(random.choice([0, 1, 2, 3, 5]))]
        below = lambda: value(depth - 1)
        kinds += 2 * [lambda: some(below), lambda: tuple(some(below)), lambda: [below()] * 3,
                      lambda: {key(1): below() for _ in range(random.randrange(5))}, lambda: set(some(lambda: key(1)))]
    return random.choice(kinds)()

values = [value(4) for _ in range(250)] + [list(range(2500)), {str(n): n for n in range(1500)}, set(range(1200)), b'x' * 70000, 'y' * 70000]
for each in values:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        print(text([protocol, pickle.dumps(each, protocol).hex(), canonical(each)]))
`;

  test('is read as it was, in every protocol', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
        const lines = python(generator.replace('SEED', String(seed)))
          .trimEnd()
          .split('\n');
        expect(lines.length).toBeGreaterThan(1000);
        for (const line of lines) {
          const [protocol, pickle, expected] = JSON.parse(line) as [number, string, Canonical];
          const result = readPickle(Buffer.from(pickle, 'hex'));
          if (!result.ok) throw new Error(`protocol ${protocol}, ${pickle}: ${result.reason}`);
          expect(canonical(result.value), `protocol ${protocol}, ${pickle}`).toEqual(expected);
        }
      }),
      { numRuns: 1 },
    );
  });
});

describe.skipIf(!hasPython)(titled('what is written', hasPython, 'python3'), () => {
  /** An unpickler to which every class and function is forbidden. */
  const reader = `${canonicalInPython}
import io

class DataOnly(pickle.Unpickler):
    def find_class(self, module, name):
        raise TypeError(module + '.' + name)

for line in sys.stdin:
    print(text(canonical(DataOnly(io.BytesIO(bytes.fromhex(line))).load())))
`;

  const primitive = fc.oneof(
    fc.constantFrom(
      null,
      true,
      false,
      -0,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      2 ** 53,
      -(2 ** 53),
      2n ** 63n,
      -(2n ** 63n),
    ),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.bigInt(),
    fc.bigInt({ min: -(2n ** 2100n), max: 2n ** 2100n }),
    fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
    fc.string({ unit: 'grapheme', minLength: 0, maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
  );
  const key = fc.oneof(fc.string(), fc.integer());
  const { value } = fc.letrec<{ value: Picklable }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      primitive,
      fc.array(tie('value')),
      fc.array(fc.tuple(key, tie('value'))).map((entries) => new Map(entries)),
      fc.dictionary(fc.string(), tie('value')),
      fc.array(fc.oneof(key, fc.tuple(key, key))).map((members) => new Set(members)),
    ),
  }));

  test('is loaded as it was by an unpickler that knows no class', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 300, maxLength: 400 }), (values) => {
        const distinct = values.filter(isWritten);
        expect(distinct.length).toBeGreaterThan(100);
        const lines = distinct.map((each) => writePickle(each).toString('hex')).join('\n');
        const loaded = python(reader, lines).trimEnd().split('\n');
        expect(loaded.map((line) => JSON.parse(line) as Canonical)).toEqual(distinct.map(canonical));
      }),
      { numRuns: 1, endOnFailure: true },
    );
  });

  /** Random sets may have members that are one to Python; those are refused, and of no interest here. */
  function isWritten(each: Picklable): boolean {
    try {
      writePickle(each);
      return true;
    } catch {
      return false;
    }
  }
});

describe.skipIf(!hasNumpy)(titled('what numpy pickles', hasNumpy, 'python3 with numpy'), () => {
  const generator = `
import json, pickle
import numpy as np

def show(value, array):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        fortran = array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous
        print(json.dumps([protocol, pickle.dumps(value, protocol).hex(), array.dtype.str, array.shape, fortran,
                          array.tobytes().hex(), array.dtype.itemsize]))

for code in ['?', 'b', 'B', '<h', '>H', '<i', '>I', '<q', '>Q', '<e', '<f', '>d', '<F', '>D', 'S3', '<U2', '>U2', 'V5',
             '<M8[ms]', '<M8[25s]', '>m8[D]', 'g', 'G']:
    raw = bytes(n % 251 for n in range(24 * np.dtype(code).itemsize))
    flat = np.frombuffer(raw, code).copy() if code[-1] in 'gG5]' else np.arange(24).astype(code)
    cube = flat.reshape(2, 3, 4)
    arrays = [flat, cube, flat[:0], flat[:0].reshape(0, 3), flat.reshape(4, 6).T, cube.transpose(1, 2, 0), cube.transpose(2, 0, 1),
              cube.transpose(2, 1, 0), cube[:, ::2], flat[1:2].reshape(()), flat.reshape(1, 24, 1), np.asfortranarray(flat.reshape(6, 4))]
    for array in arrays:
        show(array, array)
        show({'twice': [array, array]}, array)
    if code not in 'gG':
        show(flat[5], np.asarray(flat[5]))
`;

  /** The elements of an array in C order. */
  function inCOrder({ shape, fortran, data }: NumpyArray, itemBytes: number): Buffer {
    if (!fortran) return data;
    const count = shape.reduce((product, length) => product * length, 1);
    const items = Array.from({ length: count }, (_, index) => {
      let rest = index;
      let at = 0;
      const strides = shape.map((_length, axis) =>
        shape.slice(0, axis).reduce((product, length) => product * length, 1),
      );
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const length = shape[axis] ?? 1;
        at += (rest % length) * (strides[axis] ?? 1);
        rest = Math.floor(rest / length);
      }
      return data.subarray(at * itemBytes, (at + 1) * itemBytes);
    });
    return Buffer.concat(items);
  }

  function onlyArray(value: PickleValue): PickleValue {
    if (!(value instanceof Map)) return value;
    const [first, second] = value.get('twice') as PickleValue[];
    expect(first).toBe(second);
    return first as PickleValue;
  }

  test('is read as it was: arrays of every order, and scalars, in every protocol', () => {
    const lines = python(generator).trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(1000);
    for (const line of lines) {
      const [protocol, pickle, dtype, shape, fortran, bytes, itemBytes] = JSON.parse(line) as [
        number,
        string,
        string,
        number[],
        boolean,
        string,
        number,
      ];
      const result = readPickle(Buffer.from(pickle, 'hex'));
      if (!result.ok) throw new Error(`protocol ${protocol}, ${pickle}: ${result.reason}`);
      const array = onlyArray(result.value);
      if (!(array instanceof NumpyArray)) throw new Error(`protocol ${protocol}, ${pickle}: no array`);
      const seen = [array.dtype, array.shape, array.fortran, inCOrder(array, itemBytes).toString('hex')];
      expect(seen, `protocol ${protocol}, ${pickle}`).toEqual([dtype, shape, fortran, bytes]);
    }
  });
});
