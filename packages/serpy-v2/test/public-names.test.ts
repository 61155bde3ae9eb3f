/** The public names and types: they change on purpose or not at all. */
import { ValueError } from 'serpy-core';
import * as v2 from 'serpy-v2';
import { Connection, type Data, float, int, type Message, type TypedNumber, type Value } from 'serpy-v2';
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
      "v2AcceptedOptions",
      "v2ConnectionOptions",
      "v2Protocol",
      "withSession",
    ]
  `);
});

test('a value is text, a number, a bigint, bytes or a typed number', () => {
  expectTypeOf<Value>().toEqualTypeOf<string | number | bigint | Uint8Array | TypedNumber>();
  expectTypeOf<Buffer>().toExtend<Value>();
  expectTypeOf<Float32Array>().not.toExtend<Value>();
  expectTypeOf<ArrayBuffer>().not.toExtend<Value>();
  expectTypeOf<boolean>().not.toExtend<Value>();
  expectTypeOf<null>().not.toExtend<Value>();
  expectTypeOf<number[]>().not.toExtend<Value>();
});

test('what is delivered can be sent again, and its type tells its value', () => {
  expectTypeOf<Data>().toEqualTypeOf<string | number | bigint | Buffer>();
  expectTypeOf<Data>().toExtend<Value>();
  expectTypeOf<Message['type']>().toEqualTypeOf<'int' | 'float' | 'str' | 'bytes'>();
  expectTypeOf<Extract<Message, { type: 'int' }>['value']>().toEqualTypeOf<number | bigint>();
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
