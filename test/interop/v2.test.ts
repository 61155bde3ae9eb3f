/** v2 with Python at the other end, in both roles: every kind of data, each way. */
import { createHash } from 'node:crypto';
import { float, type TypedValue } from 'serpy-v2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasPython, titled } from './python-peer.js';
import { roles, Stage, type V2Pair } from './stage.js';

const hexOf = (value: number): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes.toString('hex');
};

/** Bytes with every value, and with the separators of v1. */
function blob(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
}

/** The output of a peer for bytes, or for the bytes of a string. */
function printed(bytes: Buffer, shown: string): object {
  if (bytes.length <= 4096) return { value: shown };
  return { sha256: createHash('sha256').update(bytes).digest('hex'), length: bytes.length };
}

const integers = [0, 1, -1, 255, -256, 2 ** 31, -(2 ** 40), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
const bigIntegers = [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)];
const doubles = [
  ...[0, -0, 1, -1.5, 0.1, 1 / 3, 1e300, -1e-300, Number.MAX_VALUE, 2.2250738585072014e-308, 2.225073858507201e-308],
  ...[5e-324, -5e-324, Number.EPSILON, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
];
const texts = ['', 'hello', 'µ é 😀 \u0000 \ufeff', '\x1f\x04\x01', 'x'.repeat(4096), 'é'.repeat(100_000)];
const blobs = [0, 1, 14, 4096, 4097, 1 << 20].map(blob);

interface Row {
  readonly name: string;
  readonly message: TypedValue;
  /** The output of Python for it. */
  readonly seen: object;
  /** The Python value that sends it. */
  readonly given: unknown;
}

const rows: Row[] = [
  ...[...integers, ...bigIntegers].map(
    (value): Row => ({
      name: `the int ${value}`,
      message: { type: 'int', value },
      seen: { type: 'int', value: String(value) },
      given: String(value),
    }),
  ),
  ...doubles.map(
    (value): Row => ({
      name: `the float ${Object.is(value, -0) ? '-0' : value}`,
      message: { type: 'float', value },
      seen: { type: 'float', value: hexOf(value) },
      given: hexOf(value),
    }),
  ),
  ...texts.map(
    (value): Row => ({
      name: `a text of ${value.length}: ${JSON.stringify(value.slice(0, 20))}`,
      message: { type: 'str', value },
      seen: { type: 'str', ...printed(Buffer.from(value), value) },
      given: value,
    }),
  ),
  ...blobs.map(
    (value): Row => ({
      name: `${value.length} bytes`,
      message: { type: 'bytes', value },
      seen: { type: 'bytes', ...printed(value, value.toString('hex')) },
      given: value.toString('hex'),
    }),
  ),
];

/** The value to send, so that exactly this message arrives. */
const toSend = (message: TypedValue) => (message.type === 'float' ? float(message.value) : message.value);

describe.skipIf(!hasPython).each(roles)(titled('v2, %s listens', hasPython), (listens) => {
  const stage = new Stage();
  let pair: V2Pair;
  beforeAll(async () => {
    pair = await stage.v2(listens);
  });
  afterAll(() => stage.clear());

  test.each(rows)('$name goes to Python', async ({ message, seen }) => {
    await pair.connection.sendData(toSend(message));
    expect(await pair.peer.next('message')).toEqual({ event: 'message', ...seen });
  });

  test.each(rows)('$name comes from Python', async ({ message, given }) => {
    const [received] = await Promise.all([pair.connection.getMessage(), pair.peer.send(message.type, given)]);
    expect(received.type).toBe(message.type);
    if (Buffer.isBuffer(message.value)) expect(message.value.equals(received.value as Buffer)).toBe(true);
    else expect(received.value).toBe(message.value);
  });

  test('Python echoes all of it, in order', async () => {
    const { connection, peer } = pair;
    await peer.do({ do: 'echo', on: true });
    for (const { message } of rows) await connection.sendData(toSend(message));
    for (const { message, name } of rows) {
      const echo = await connection.getMessage();
      expect(echo.type, name).toBe(message.type);
      if (Buffer.isBuffer(message.value)) expect(message.value.equals(echo.value as Buffer), name).toBe(true);
      else expect(echo.value, name).toBe(message.value);
    }
    await peer.do({ do: 'echo', on: false });
    await peer.messages(rows.length);
  });

  test('Node echoes all of it, in order', async () => {
    const { connection, peer } = pair;
    const sent = Promise.all(rows.map(({ message, given }) => peer.send(message.type, given)));
    for (const _ of rows) await connection.sendData(toSend(await connection.getMessage()));
    await sent;
    const echoed = await peer.messages(rows.length);
    expect(echoed).toEqual(rows.map(({ seen }) => ({ event: 'message', ...seen })));
  });

  test('the receiver thread of the Python peer still runs, without warnings', () => {
    for (const event of ['receiver_dead', 'bad_magic', 'bad_checksum', 'disconnected'])
      expect(pair.peer.all(event)).toEqual([]);
    expect(pair.connection.stats().badFrames).toBe(0);
  });
});
