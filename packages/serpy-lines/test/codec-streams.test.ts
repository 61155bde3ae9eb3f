/** Lines on streams of bytes: serial ports, files, pipes. */
import { PassThrough, Readable, type Transform } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { byteByByte } from 'serpy-core/testing';
import { createDecoderStream, createEncoderStream, type Message } from 'serpy-lines';
import { expect, test } from 'vitest';

async function decoded(chunks: readonly Buffer[], decoder = createDecoderStream()) {
  const lines: string[] = [];
  let error: unknown;
  decoder.on('data', ({ value }: Message) => lines.push(value));
  await pipeline(Readable.from(chunks, { objectMode: false }), decoder as Transform).catch((reason) => {
    error = reason;
  });
  return { lines, error };
}

test('a serial port: encoder and decoder at either end of a line, for await over messages', async () => {
  const port = new PassThrough();
  const encoder = createEncoderStream({ terminator: '\r\n' });
  encoder.pipe(port);
  const decoder = port.pipe(createDecoderStream());
  for (const line of ['*IDN?', '', '20 µs']) encoder.write(line);
  encoder.end();
  const received: Message[] = [];
  for await (const message of decoder) received.push(message);
  expect(received).toEqual(['*IDN?', '', '20 µs'].map((value) => ({ type: 'text', value })));
});

test('the decoder emits a warning for each line that is not text', async () => {
  const decoder = createDecoderStream();
  const warnings: unknown[] = [];
  decoder.on('warning', ({ code }) => warnings.push(code));
  const bytes = Buffer.from('fine\n\xb5\n\xb5\nfine\n', 'latin1');
  expect(await decoded(byteByByte(bytes), decoder)).toEqual({
    lines: ['fine', '\ufffd', '\ufffd', 'fine'],
    error: undefined,
  });
  expect(warnings).toEqual(['ERR_SERPY_ENCODING', 'ERR_SERPY_ENCODING']);
});

test('an end within a line and a line above maxMessageBytes fail after the lines before', async () => {
  expect(await decoded([Buffer.from('fine\nunfinished')])).toMatchObject({
    lines: ['fine'],
    error: { code: 'ERR_SERPY_TRUNCATED' },
  });
  const small = createDecoderStream({ maxMessageBytes: 10 });
  expect(await decoded([Buffer.from('fine\n'), Buffer.alloc(20, 'x')], small)).toMatchObject({
    lines: ['fine'],
    error: { code: 'ERR_SERPY_TOO_LARGE', limitBytes: 10 },
  });
});

test('a value that cannot be sent fails the encoder', async () => {
  for (const [value, code] of [
    [42, 'ERR_SERPY_VALUE'],
    ['two\nlines', 'ERR_SERPY_VALUE'],
    ['\ud800', 'ERR_SERPY_ENCODING'],
  ] as const) {
    const encoder = createEncoderStream();
    encoder.write(value as string);
    await expect(finished(encoder)).rejects.toMatchObject({ code });
  }
});
