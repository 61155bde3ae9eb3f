/** The names that serpy-lines exports, and the types of what users call. */
import * as lines from 'serpy-lines';
import { expect, expectTypeOf, test } from 'vitest';

test('the public names are these and no others', () => {
  expect(Object.keys(lines).sort()).toEqual([
    'Connection',
    'LinesSession',
    'Server',
    'createDecoderStream',
    'createEncoderStream',
    'generateKey',
    'isSerpyError',
    'json',
    'linesAcceptedOptions',
    'linesConnectionOptions',
    'linesProtocol',
  ]);
});

test('sendData accepts text only, and resolves a boolean', () => {
  type SendData = lines.Connection['sendData'];
  expectTypeOf<SendData>().returns.toEqualTypeOf<Promise<boolean>>();
  expectTypeOf<SendData>().parameter(0).toEqualTypeOf<string>();
  type Options = NonNullable<Parameters<SendData>[1]>;
  expectTypeOf<{ timeoutMs: 1000; signal: AbortSignal }>().toExtend<Options>();
  expectTypeOf<{ acknowledge: 'received' }>().toExtend<Options>(); // refused when it is called, as by every protocol that cannot do it
});

test('getData and getMessage return text', () => {
  expectTypeOf<Awaited<ReturnType<lines.Connection['getData']>>>().toEqualTypeOf<string>();
  expectTypeOf<Awaited<ReturnType<lines.Connection['getMessage']>>>().toEqualTypeOf<lines.Message>();
  expectTypeOf<Omit<lines.Message, 'json'>>().toEqualTypeOf<{ readonly type: 'text'; readonly value: string }>();
});

test('the types of serpy-core that signatures mention have names here', () => {
  expectTypeOf<ReturnType<lines.Connection['stats']>>().toEqualTypeOf<lines.ConnectionStats>();
  expectTypeOf<lines.Connection>().toExtend<lines.CoreConnection<lines.Lines>>();
});
