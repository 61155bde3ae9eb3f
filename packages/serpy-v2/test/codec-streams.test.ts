/** v2 on a stream of bytes that is no network: what comes out of the encoder goes into the decoder, however it is cut. */
import { PassThrough, Readable, type Transform } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { byteByByte, everyCut } from 'serpy-core/testing';
import { createDecoderStream, createEncoderStream, float, type TypedValue, type Value } from 'serpy-v2';
import { expect, test } from 'vitest';
import * as oracle from './oracle.js';

const values: readonly Value[] = [
  'grüß dich',
  '',
  42,
  -0,
  2n ** 63n - 1n,
  float(7),
  Buffer.of(1, 2),
  Buffer.alloc(9000, 3),
];
const messages: readonly TypedValue[] = [
  { type: 'str', value: 'grüß dich' },
  { type: 'str', value: '' },
  { type: 'int', value: 42 },
  { type: 'float', value: -0 },
  { type: 'int', value: 2n ** 63n - 1n },
  { type: 'float', value: 7 },
  { type: 'bytes', value: Buffer.of(1, 2) },
  { type: 'bytes', value: Buffer.alloc(9000, 3) },
];

async function encoded(...all: readonly Value[]): Promise<Buffer> {
  const encoder = createEncoderStream();
  const chunks = encoder.toArray();
  for (const value of all) encoder.write(value);
  encoder.end();
  return Buffer.concat(await chunks);
}

/** What a decoder makes of chunks: its messages, then its error. */
async function decoded(chunks: Iterable<Uint8Array>, decoder = createDecoderStream()) {
  const received: TypedValue[] = [];
  decoder.on('data', (message: TypedValue) => received.push(message));
  let error: unknown;
  await pipeline(Readable.from(chunks, { objectMode: false }), decoder as Transform).catch((reason) => {
    error = reason;
  });
  return { received, error };
}

test('what the encoder writes is what an original sends', async () => {
  const bytes = await encoded(...values);
  const { messages: understood } = oracle.decode(bytes);
  expect(Buffer.concat(understood.map((each) => Buffer.from(oracle.encode(each)))).equals(bytes)).toBe(true);
  expect(understood).toHaveLength(values.length);
});

test('the decoder gives the messages, however the bytes are cut', async () => {
  const bytes = await encoded(...values.slice(0, 7));
  for (const { name, chunks } of everyCut(bytes)) {
    expect(await decoded(chunks), name).toEqual({ received: messages.slice(0, 7), error: undefined });
  }
});

test('the decoder gives large messages that come byte by byte', async () => {
  const bytes = await encoded(...values);
  expect(await decoded(byteByByte(bytes))).toEqual({ received: messages, error: undefined });
});

test('the memory of a chunk may be used again as soon as it was taken', async () => {
  const bytes = await encoded(...values);
  const decoder = createDecoderStream();
  const received = decoder.toArray();
  const chunk = Buffer.alloc(30);
  for (let at = 0; at < bytes.length; at += chunk.length) {
    const length = bytes.copy(chunk, 0, at);
    await new Promise((resolve) => decoder.write(chunk.subarray(0, length), resolve));
    chunk.fill(0xff);
  }
  decoder.end();
  expect(await received).toEqual(messages);
});

test('a serial port: encoder and decoder at either end of a line, for await over messages', async () => {
  const line = new PassThrough();
  const encoder = createEncoderStream();
  encoder.pipe(line);
  const decoder = line.pipe(createDecoderStream());
  for (const value of values) encoder.write(value);
  encoder.end();
  const received: TypedValue[] = [];
  for await (const message of decoder) received.push(message);
  expect(received).toEqual(messages);
});

test('a damaged message is dropped and causes a warning; the next message arrives', async () => {
  const bytes = await encoded('first', 'second', 'third');
  bytes[14 + 5 + 14] = 0x53; // the s of second
  const decoder = createDecoderStream();
  const warnings: { code: string }[] = [];
  decoder.on('warning', (error) => warnings.push(error));
  const { received, error } = await decoded(byteByByte(bytes), decoder);
  expect(received.map(({ value }) => value)).toEqual(['first', 'third']);
  expect(warnings).toMatchObject([{ code: 'ERR_SERPY_CHECKSUM' }]);
  expect(error).toBeUndefined();
});

test('bytes that cannot be read on fail with a typed error, after what could be', async () => {
  const bytes = Buffer.concat([await encoded('fine'), Buffer.from('GET / HTTP/1.1\r\n')]);
  for (const chunks of [[bytes], byteByByte(bytes)]) {
    const { received, error } = await decoded(chunks);
    expect(received).toEqual([{ type: 'str', value: 'fine' }]);
    expect(error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL' });
  }
});

test('an end in the middle of a message is reported', async () => {
  const bytes = await encoded('fine', 'unfinished');
  expect(await decoded([bytes.subarray(0, -1)])).toMatchObject({
    received: [{ value: 'fine' }],
    error: { code: 'ERR_SERPY_TRUNCATED' },
  });
});

test('a message over maxMessageBytes is refused at either end', async () => {
  const large = await encoded(Buffer.alloc(2000));
  const { error } = await decoded([large], createDecoderStream({ maxMessageBytes: 1000 }));
  expect(error).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE', limitBytes: 1000 });
  const encoder = createEncoderStream({ maxMessageBytes: 1000 });
  encoder.write(Buffer.alloc(2000));
  await expect(finished(encoder)).rejects.toMatchObject({ code: 'ERR_SERPY_TOO_LARGE' });
});

test('a value that cannot be sent fails the encoder, and a wrong option is refused', async () => {
  const encoder = createEncoderStream();
  encoder.write({} as never);
  await expect(finished(encoder)).rejects.toMatchObject({ code: 'ERR_SERPY_VALUE' });
  expect(() => createDecoderStream({ maxMessageByte: 1 } as never)).toThrow('did you mean maxMessageBytes?');
  expect(() => createEncoderStream({ maxMessageBytes: 0 })).toThrow('the option maxMessageBytes takes');
});

test('a reader that is slow slows the line down', async () => {
  const bytes = await encoded(Buffer.alloc(1000, 1));
  const decoder = createDecoderStream();
  let written = 0;
  while (decoder.write(bytes) && written < 1000) written++;
  expect(written).toBeLessThan(100);
  for await (const { value } of decoder) {
    expect(value).toEqual(Buffer.alloc(1000, 1));
    if (written-- === 0) break;
  }
});
