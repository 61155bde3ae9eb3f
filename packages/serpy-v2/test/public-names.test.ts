/** The public names and types: they change on purpose or not at all. */
import { ValueError } from 'serpy-core';
import * as v2 from 'serpy-v2';
import {
  type ArrayValue,
  Connection,
  type Data,
  float,
  int,
  type Message,
  type NdArray,
  type TypedNumber,
  type Value,
} from 'serpy-v2';
import { expect, expectTypeOf, test } from 'vitest';

test('the public names are these', () => {
  expect(Object.keys(v2).sort()).toMatchInlineSnapshot(`
    [
      "Connection",
      "Server",
      "createDecoderStream",
      "createEncoderStream",
      "float",
      "generateKey",
      "handshakeOptions",
      "int",
      "isSerpyError",
      "json",
      "v2AcceptedOptions",
      "v2ConnectionOptions",
      "v2Protocol",
      "v2Wire",
      "withSession",
    ]
  `);
});

test('a value is text, a number, a bigint, bytes, a typed number or an array', () => {
  expectTypeOf<Value>().toEqualTypeOf<string | number | bigint | Uint8Array | TypedNumber | ArrayValue>();
  expectTypeOf<Buffer>().toExtend<Value>();
  expectTypeOf<Float32Array>().toExtend<Value>();
  expectTypeOf<{ data: Uint8Array; shape: number[]; dtype: 'bool' }>().toExtend<Value>();
  expectTypeOf<{ data: number[]; shape: number[] }>().not.toExtend<Value>();
  expectTypeOf<DataView>().not.toExtend<Value>();
  expectTypeOf<ArrayBuffer>().not.toExtend<Value>();
  expectTypeOf<boolean>().not.toExtend<Value>();
  expectTypeOf<null>().not.toExtend<Value>();
  expectTypeOf<number[]>().not.toExtend<Value>();
});

test('what is delivered can be sent again, and its type tells its value', () => {
  expectTypeOf<Data>().toEqualTypeOf<string | number | bigint | Buffer>();
  expectTypeOf<Data>().toExtend<Value>();
  expectTypeOf<Message['type']>().toEqualTypeOf<'int' | 'longint' | 'float' | 'str' | 'bytes'>();
  expectTypeOf<Extract<Message, { type: 'int' }>['value']>().toEqualTypeOf<number | bigint>();
  expectTypeOf<Extract<Message, { type: 'longint' }>['value']>().toEqualTypeOf<Buffer>();
  expectTypeOf<Extract<Message, { type: 'float' }>['value']>().toEqualTypeOf<number>();
  expectTypeOf<Extract<Message, { type: 'str' }>['value']>().toEqualTypeOf<string>();
  expectTypeOf<Extract<Message, { type: 'bytes' }>['value']>().toEqualTypeOf<Buffer>();
});

test('a connection takes values and gives data', () => {
  expectTypeOf<Connection['sendData']>().parameter(0).toEqualTypeOf<Value>();
  expectTypeOf<Connection['sendData']>().returns.resolves.toEqualTypeOf<boolean>();
  expectTypeOf<Connection['getData']>().returns.resolves.toEqualTypeOf<Data>();
  expectTypeOf<Connection['getMessage']>().returns.resolves.toEqualTypeOf<Message>();
  expectTypeOf<Connection>().toExtend<Iterable<Data> & AsyncIterable<Data>>();
  expectTypeOf(int).parameter(0).toEqualTypeOf<number | bigint>();
  expectTypeOf(float).parameter(0).toEqualTypeOf<number>();
  expectTypeOf(int(1)).toEqualTypeOf<TypedNumber>();
  // @ts-expect-error v2 has no modes
  const withMode = () => new Connection().sendData('hello', { mode: 2 });
  expect(withMode).toBeTypeOf('function');
});

test('int() and float() say which number they make', () => {
  expect(int(5)).toMatchObject({ type: 'int', value: 5n });
  expect(float(5)).toMatchObject({ type: 'float', value: 5 });
  expect(() => int(0.5)).toThrow(ValueError);
});

test('an array that is given can be sent again, and its dtype tells its elements', async () => {
  expectTypeOf<NdArray>().toExtend<Value>();
  expectTypeOf<Extract<NdArray, { dtype: 'int64' }>['data']>().toEqualTypeOf<BigInt64Array>();
  expectTypeOf<Extract<NdArray, { dtype: 'complex64' }>['data']>().toEqualTypeOf<Float32Array>();
  const connection = new Connection();
  const typed = () => connection.getArray({ dtype: 'float32', shape: [512, 512], timeoutMs: 1000 });
  expectTypeOf(typed).returns.resolves.toEqualTypeOf<NdArray<'float32'>>();
  const any = () => connection.getArray({ timeoutMs: 1000 });
  expectTypeOf(any).returns.resolves.toEqualTypeOf<NdArray>();
});
