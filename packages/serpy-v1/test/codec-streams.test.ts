/** v1 over a stream of bytes without a network: recorded exchanges of the Python module, and the output of the encoder, for every cut. */
import { readFileSync } from 'node:fs';
import { PassThrough, Readable, type Transform } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { byteByByte, everyCut } from 'serpy-core/testing';
import { createDecoderStream, createEncoderStream, type EncoderOptions, type Message, type Value } from 'serpy-v1';
import { expect, test } from 'vitest';
import * as oracle from './oracle.js';

interface Vector {
  readonly wire_hex: string;
  readonly sends: readonly { readonly mode: number; readonly text?: string; readonly hex?: string }[];
}

const file = new URL('../../../test/vectors/v1-transcripts.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };

async function encoded(options: EncoderOptions, ...values: readonly Value[]): Promise<Buffer> {
  const encoder = createEncoderStream(options);
  const chunks = encoder.toArray();
  for (const value of values) encoder.write(value);
  encoder.end();
  return Buffer.concat(await chunks);
}

/** What a decoder makes of chunks: its messages, then its error. */
async function decoded(chunks: Iterable<Uint8Array>, decoder = createDecoderStream({ encoding: 'utf-8' })) {
  const received: Message[] = [];
  decoder.on('data', (message: Message) => received.push(message));
  let error: unknown;
  await pipeline(Readable.from(chunks, { objectMode: false }), decoder as Transform).catch((reason) => {
    error = reason;
  });
  return { received, error };
}

test('decodes recorded exchanges, for every cut', async () => {
  for (const { wire_hex, sends } of vectors) {
    for (const { name, chunks } of everyCut(Buffer.from(wire_hex, 'hex'))) {
      const { received, error } = await decoded(chunks);
      expect(error, name).toBeUndefined();
      const bytes = received.map(({ value }) => Buffer.from(value as Buffer).toString('hex'));
      expect(bytes, name).toEqual(sends.map(({ text, hex }) => hex ?? Buffer.from(text as string).toString('hex')));
      expect(received.map(({ mode }) => mode)).toEqual(sends.map(({ mode }) => mode));
    }
  }
}, 60_000);

test.each([0, 1, 2, 3] as const)(
  'a Python peer and the decoder read the output of the encoder in mode %i',
  async (mode) => {
    const values = [
      'hello',
      'µ',
      42,
      '\x01SETMODE4',
      Buffer.of(0, 1, 4, 0x1f),
      '',
      Buffer.alloc(9000, 7),
      'x'.repeat(5000),
    ];
    const bytes = await encoded({ encoding: 'utf-8', mode }, ...values);
    const original = new oracle.Original();
    original.receive(bytes);
    expect(original.deaf).toBeUndefined();
    const expected = values.map((value) => Buffer.from(typeof value === 'number' ? String(value) : (value as string)));
    expect(original.messages.map((message) => Buffer.from(message.bytes))).toEqual(expected);
    const { received } = await decoded(byteByByte(bytes));
    expect(received.map(({ value }) => Buffer.from(value as Buffer))).toEqual(expected);
  },
);

test('objects go in mode 4, and come out as they were', async () => {
  const lens = new Map<string, unknown>([['lens', [50, 1.4, null]]]);
  const bytes = await encoded({ mode: 4 }, lens as Value);
  expect(await decoded(byteByByte(bytes))).toEqual({
    received: [{ type: 'object', value: lens, mode: 4 }],
    error: undefined,
  });
});

test('passes the answers to the option answer, in order', async () => {
  const bytes = await encoded({ mode: 1 }, 'one', 'two');
  const answers: string[] = [];
  const decoder = createDecoderStream({ answer: (answer) => answers.push(Buffer.from(answer).toString('latin1')) });
  await decoded(byteByByte(bytes), decoder);
  expect(answers).toEqual(['\x01ACKMODCG\x1f', '\x01ACKEOT!!\x1f', '\x01ACKEOT!!\x1f']);
});

test('answers on the line are not messages', async () => {
  const bytes = Buffer.from('\x01ACKMODCG\x1fhello\x1f\x01ACKEOT!!\x1f', 'latin1');
  expect(await decoded([bytes])).toEqual({ received: [{ type: 'text', value: 'hello', mode: 0 }], error: undefined });
});

test('a serial port: encoder and decoder at either end of a line, for await over messages', async () => {
  const line = new PassThrough();
  const encoder = createEncoderStream();
  encoder.pipe(line);
  const decoder = line.pipe(createDecoderStream());
  for (const value of ['a', 'b', Buffer.of(0x1f)]) encoder.write(value);
  encoder.end();
  const received: unknown[] = [];
  for await (const { value } of decoder) received.push(value);
  expect(received).toEqual(['a', 'b', Buffer.of(0x1f)]);
});

test('invalid bytes fail with a typed error, after the valid messages before them', async () => {
  for (const bad of ['\x01NONSENSE\x1f', '\x01SETMODE2\x1f~~"~~\x1f', '\x01SETMODE1\x1fno end\x1f']) {
    const bytes = Buffer.from(`fine\x1f${bad}`, 'latin1');
    for (const chunks of [[bytes], byteByByte(bytes)]) {
      expect(await decoded(chunks)).toMatchObject({
        received: [{ value: 'fine' }],
        error: { code: 'ERR_SERPY_PROTOCOL' },
      });
    }
  }
});

test('fails at an end within a block, and at a message above maxMessageBytes', async () => {
  expect(await decoded([Buffer.from('fine\x1funfinished')])).toMatchObject({
    received: [{ value: 'fine' }],
    error: { code: 'ERR_SERPY_TRUNCATED' },
  });
  const { error } = await decoded([Buffer.alloc(2000, 'x')], createDecoderStream({ maxMessageBytes: 1000 }));
  expect(error).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE', limitBytes: 1000 });
});

test('a value that cannot be sent fails the encoder, and an invalid option is rejected', async () => {
  const encoder = createEncoderStream();
  encoder.write('µ');
  await expect(finished(encoder)).rejects.toMatchObject({ code: 'ERR_SERPY_ENCODING' });
  expect(() => createEncoderStream({ mode: 6 } as never)).toThrow('the option mode takes a number from 0 to 5, not 6');
  expect(() => createDecoderStream({ answer: 'yes' } as never)).toThrow('the option answer takes a function');
  expect(() => createDecoderStream({ encodin: 'ascii' } as never)).toThrow('did you mean encoding?');
});
