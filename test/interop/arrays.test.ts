/** Arrays with Python at the other end, over both protocols: the bytes of numpy in both directions. */
import { spawnSync } from 'node:child_process';
import { connect, encodeNpy, type NdArray } from 'serpy';
import { afterEach, describe, expect, test } from 'vitest';
import { hexOf, vectors } from '../../packages/arrays/test/bytes.js';
import { hasNumpy, hasPython, titled } from './python-peer.js';
import { Stage } from './stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** The result of `numpy.load(io.BytesIO(data))` for the bytes that a peer printed. */
function loadedByNumpy(hex: string): unknown {
  const script =
    'import io, json, sys, numpy; a = numpy.load(io.BytesIO(bytes.fromhex(sys.stdin.read()))); ' +
    'print(json.dumps([a.dtype.str, a.shape, a.ravel().tolist()]))';
  const { stdout, stderr } = spawnSync('python3', ['-c', script], { input: hex, encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

const array: NdArray = { data: Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5), shape: [2, 3], dtype: 'float32' };

describe.skipIf(!hasPython).each(['v1', 'v2'] as const)(
  titled('over %s, with a Python peer', hasPython),
  (protocol) => {
    test('an array from Node arrives as bytes that numpy.load opens', async () => {
      const peer = await stage.listen(protocol);
      const connection = stage.keep(await connect({ protocol, port: peer.port }));
      await peer.next('connected');
      await connection.sendData(array);
      const message = await peer.next('message');
      expect(message).toMatchObject({ type: 'bytes', value: encodeNpy(array).toString('hex') });
      if (hasNumpy) expect(loadedByNumpy(message.value as string)).toEqual(['<f4', [2, 3], [0, 0.5, 1, 1.5, 2, 2.5]]);
    });

    test('arrays that numpy saved arrive with their type and shape', async () => {
      const peer = await stage.listen(protocol);
      const connection = stage.keep(await connect({ protocol, port: peer.port }));
      await peer.next('connected');
      for (const { npy, dtype, shape, elements } of vectors.arrays.filter((_, i) => i % 5 === 0)) {
        await peer.send('bytes', npy);
        const got = await connection.getArray({ timeoutMs: 10_000 });
        expect({ ...got, data: hexOf(got.data) }).toEqual({ dtype, shape, data: elements });
      }
    });
  },
);

test.skipIf(!hasNumpy)(
  titled('a numpy array that a v1 peer sends in mode 4 is an array here', hasNumpy, 'numpy'),
  async () => {
    const peer = await stage.listen('v1');
    const connection = stage.keep(await connect({ protocol: 'v1', port: peer.port }));
    await peer.next('connected');
    for (const [dtype, order] of [
      ['<f4', 'C'],
      ['>f4', 'C'],
      ['<i2', 'F'],
      ['>c16', 'F'],
    ] as const) {
      await peer.do({ do: 'send', type: 'array', dtype, shape: [3, 4], seed: 5, order, mode: 4 });
      const { data, shape } = await connection.getArray({ timeoutMs: 10_000 });
      const parts = data.length / 12;
      const expected = Array.from({ length: 12 }, (_, i) => (5 + 31 * i) % 127);
      expect(shape).toEqual([3, 4]);
      expect(
        Array.from(data, Number).filter((_, i) => i % parts === 0),
        `${dtype} ${order}`,
      ).toEqual(expected);
    }
  },
);
