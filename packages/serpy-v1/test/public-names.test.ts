/** What serpy-v1 shows: its names, and the types of what users call. */
import * as v1 from 'serpy-v1';
import { expect, expectTypeOf, test } from 'vitest';

test('the public names are these and no others', () => {
  expect(Object.keys(v1).sort()).toEqual([
    'Connection',
    'NumpyArray',
    'OpaquePickle',
    'Server',
    'createDecoderStream',
    'createEncoderStream',
    'decodeText',
    'encodeText',
    'formatFloat',
    'formatNumber',
    'generateKey',
    'isSerpyError',
    'json',
    'parseNumber',
    'v1AcceptedOptions',
    'v1ConnectionOptions',
    'v1Protocol',
    'v1Wire',
  ]);
});

test('sendData takes what v1 carries, with a mode, and resolves a boolean', () => {
  type SendData = v1.Connection['sendData'];
  expectTypeOf<SendData>().returns.toEqualTypeOf<Promise<boolean>>();
  expectTypeOf<SendData>().parameter(0).toEqualTypeOf<v1.Value>();
  expectTypeOf<string | number | bigint | Buffer | Uint8Array | null | boolean>().toExtend<v1.Value>();
  expectTypeOf<{ type: 'int'; value: number }>().toExtend<v1.Value>();
  expectTypeOf<{ name: string; counts: number[]; image: Uint8Array }>().toExtend<v1.Value>();
  expectTypeOf<Map<string, Set<number>>>().toExtend<v1.Value>();
  expectTypeOf<v1.PickleValue>().toExtend<v1.Value>();
  expectTypeOf<() => void>().not.toExtend<v1.Value>();
  expectTypeOf<symbol>().not.toExtend<v1.Value>();
  expectTypeOf<{ mode: 3; timeoutMs: 1000; signal: AbortSignal; forceMode: true }>().toExtend<
    NonNullable<Parameters<SendData>[1]>
  >();
  expectTypeOf<{ mode: 6 }>().not.toExtend<NonNullable<Parameters<SendData>[1]>>();
  expectTypeOf<v1.Mode>().toEqualTypeOf<0 | 1 | 2 | 3 | 4 | 5>();
});

test('getData and getMessage give what v1 delivers', () => {
  type GetData = v1.Connection['getData'];
  type GetMessage = v1.Connection['getMessage'];
  expectTypeOf<Awaited<ReturnType<GetData>>>().toEqualTypeOf<v1.Data>();
  expectTypeOf<Buffer>().toExtend<v1.Data>();
  expectTypeOf<v1.NumpyArray>().toExtend<v1.Data>();
  expectTypeOf<v1.OpaquePickle>().toExtend<v1.Data>();
  expectTypeOf<Awaited<ReturnType<GetMessage>>>().toEqualTypeOf<v1.Message>();
  expectTypeOf<Extract<v1.Message, { type: 'text' }>['value']>().toEqualTypeOf<string>();
  expectTypeOf<Extract<v1.Message, { type: 'bytes' }>['value']>().toEqualTypeOf<Buffer>();
  expectTypeOf<v1.Message['mode']>().toEqualTypeOf<v1.Mode>();
});
