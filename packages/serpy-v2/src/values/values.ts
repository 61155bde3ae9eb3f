/** Encodes and decodes the values of v2: integers, doubles, text and bytes. */
import { constants, isUtf8 } from 'node:buffer';
import { types } from 'node:util';
import { type ArrayValue, isArrayValue, npyParts } from 'serpy-arrays';
import {
  type About,
  IntegerRangeError,
  isTypedNumber,
  type JsonReading,
  kindOfBytes,
  type MessageKind,
  MessageTooLargeError,
  markInUse,
  ProtocolError,
  Message as ReceivedMessage,
  type RequestPart,
  type StreamPart,
  type TypedNumber,
  ValueError,
} from 'serpy-core';
import { copyBelowBytes, frameType, type TypeName } from '../wire/constants.js';
import { formatFloatHex, parseFloatHex } from './float-hex.js';

/** `float.hex` writes at most 24 bytes. */
const maxFloatBytes = 1024;

/** A longer integer is delivered as its bytes, because its digits cost more than linear time. Python peers send 8 bytes. */
const maxIntegerBytes = 1024;

const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;

class Int implements TypedNumber {
  readonly type = 'int';
  constructor(readonly value: bigint) {}
}

class Float implements TypedNumber {
  readonly type = 'float';
  constructor(readonly value: number) {}
}

/**
 * Sends a number as an integer, as Python's `int`.
 * @throws `ERR_SERPY_INTEGER_RANGE` (a `RangeError`) below -2^63 or above 2^63 - 1, `ERR_SERPY_VALUE` for a number with a fraction
 */
export function int(value: number | bigint): TypedNumber {
  if (typeof value !== 'bigint' && !Number.isInteger(value)) {
    const given = typeof value === 'number' ? value : describe(value);
    throw new ValueError(`int() takes a whole number or a bigint, not ${given}: use float() or Math.round()`);
  }
  const integer = BigInt(value);
  if (integer < minInt64 || integer > maxInt64) {
    throw new IntegerRangeError(
      `${shownInteger(integer)} does not fit into a signed 64-bit integer (-2^63 to 2^63 - 1): send it as text, or with float()`,
    );
  }
  return new Int(integer);
}

/** The digits of a long integer cost more than linear time, and fill a screen. */
function shownInteger(value: bigint): string {
  return BigInt.asIntN(256, value) === value ? String(value) : 'an integer of more than 256 bits';
}

/** Sends a number as a double, as Python's `float`, with or without a fraction. Throws `ERR_SERPY_VALUE` for anything but a number. */
export function float(value: number): TypedNumber {
  if (typeof value !== 'number') throw new ValueError(`float() takes a number, not ${describe(value)}: use Number(…)`);
  return new Float(value);
}

/** What `sendData` accepts. It sends bigints and safe integers except -0 as int, other numbers as float, and arrays as a `.npy` in bytes. */
export type Value = string | number | bigint | Uint8Array | TypedNumber | ArrayValue;

/** What `getData` returns. An int outside the safe integers is a `bigint`; an int of more than 1024 bytes is its bytes (signed, little-endian). */
export type Data = string | number | bigint | Buffer;

/** A value with its type on the wire. */
export type Message = TypedValue & JsonReading & Described;

/** What the sender said about a message. */
export interface Described {
  /** The option `about` of the peer's `sendData`. Undefined without it, and without a session. */
  readonly about?: About | undefined;
}

/** As `Message`, without the method. */
export type TypedValue =
  | { readonly type: 'int'; readonly value: number | bigint }
  /** An int of more than 1024 bytes, undecoded: signed, little-endian. */
  | { readonly type: 'longint'; readonly value: Buffer }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'str'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Buffer };

/** A message that arrived, and the size of its payload. */
export type DecodedMessage = TypedValue &
  Described & {
    readonly sizeBytes: number;
    /** In a session, the offset after its last byte; otherwise 0. */
    readonly end: number;
    /** Set if this is not a message, but a part of a stream or of a request. */
    readonly part?: StreamPart | RequestPart | undefined;
  };

/** A payload and its type. */
export interface Payload {
  readonly type: TypeName;
  /** Bytes before `bytes`: the header of a `.npy` whose elements are not copied. */
  readonly prefix?: Uint8Array;
  readonly bytes: Uint8Array;
}

/** The payload of a value. Bytes are not copied. Throws `ERR_SERPY_VALUE` for a value that v2 cannot send. */
export function encodeValue(value: Value): Payload {
  switch (typeof value) {
    case 'string':
      return { type: 'str', bytes: encodeText(value) };
    case 'number':
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) return { type: 'int', bytes: encodeInt(BigInt(value)) };
      return { type: 'float', bytes: encodeFloat(value) };
    case 'bigint':
      return encodeValue(int(value));
    case 'object':
      if (types.isUint8Array(value)) return { type: 'bytes', bytes: value };
      if (isArrayValue(value)) return encodeArray(value);
      if (isTypedNumber(value)) {
        if (value.type === 'float') return { type: 'float', bytes: encodeFloat(Number(value.value)) };
        return { type: 'int', bytes: encodeInt((int(value.value) as Int).value) };
      }
  }
  throw new ValueError(
    `v2 sends text, numbers, bigints, bytes (Buffer or Uint8Array) and arrays ({ data, shape } or a typed array), not ${describe(value)}${advice(value)}`,
  );
}

/** The value of a payload. Throws a `ProtocolError` for an unknown type and for bytes that are not valid for their type. */
export function decodeValue(type: number, payload: Buffer, end = 0): DecodedMessage {
  const sizeBytes = payload.length;
  switch (type) {
    case frameType.int:
      // The payload is borrowed, like that of every number.
      if (sizeBytes > maxIntegerBytes) return { type: 'longint', value: Buffer.from(payload), sizeBytes, end };
      return { type: 'int', value: decodeInt(payload), sizeBytes, end };
    case frameType.float:
      return { type: 'float', value: decodeFloat(payload), sizeBytes, end };
    case frameType.str:
      return { type: 'str', value: decodeText(payload), sizeBytes, end };
    case frameType.bytes:
      return { type: 'bytes', value: payload, sizeBytes, end };
    default: {
      const name = type.toString(16).padStart(2, '0').toUpperCase();
      throw new ProtocolError(
        `the peer sent a message of type ${name}; v2 has 01 (int), 11 (float), 21 (str), 81 (bytes)`,
      );
    }
  }
}

/** A message as the application reads it. */
export function readable({ type, value, about }: TypedValue & Described): Message {
  const message = new ReceivedMessage(type, value) as Message;
  return about === undefined ? message : Object.assign(message, { about });
}

/** The kind of a message, for the option `keep`. */
export function kindOf({ type, value }: TypedValue): MessageKind {
  if (type === 'bytes') return kindOfBytes(value);
  return type === 'str' ? 'text' : 'numbers';
}

/** An outbound message as the application knows it. */
export function messageOf({ type, prefix, payload }: OutboundPayload): Message {
  const bytes = prefix
    ? Buffer.concat([prefix, payload])
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return readable(decodeValue(type, bytes));
}

interface OutboundPayload {
  readonly type: number;
  readonly prefix?: Uint8Array | undefined;
  readonly payload: Uint8Array;
}

/** Text with a lone surrogate has no UTF-8 form, so that it would arrive changed. */
function encodeText(text: string): Buffer {
  const position = loneSurrogate(text);
  if (position >= 0) {
    throw new ValueError(
      `the text has half a character (a lone surrogate) at position ${position}: ` +
        'cut it between characters, or send text.toWellFormed()',
    );
  }
  return Buffer.from(text, 'utf8');
}

function loneSurrogate(text: string): number {
  return text.search(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/);
}

function encodeArray(value: ArrayValue): Payload {
  const { header, body } = npyParts(value);
  if (body.length < copyBelowBytes) return { type: 'bytes', bytes: Buffer.concat([header, body]) };
  markInUse(body);
  return { type: 'bytes', prefix: header, bytes: body };
}

function encodeInt(value: bigint): Buffer {
  const payload = Buffer.allocUnsafe(8);
  payload.writeBigInt64LE(value);
  return payload;
}

function encodeFloat(value: number): Buffer {
  return Buffer.from(formatFloatHex(value), 'latin1');
}

/** Signed little-endian; an empty payload is 0. */
function decodeInt(payload: Buffer): number | bigint {
  if (payload.length === 0) return 0;
  if (payload.length <= 6) return payload.readIntLE(0, payload.length);
  const integer =
    payload.length === 8
      ? payload.readBigInt64LE()
      : BigInt.asIntN(payload.length * 8, BigInt(`0x${Buffer.from(payload).reverse().toString('hex')}`));
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

function decodeFloat(payload: Buffer): number {
  if (payload.length > maxFloatBytes) {
    throw new ProtocolError(
      `the peer sent a float as a text of ${payload.length} bytes, and the maximum is ${maxFloatBytes}: the peer must send the text of float.hex()`,
    );
  }
  try {
    return parseFloatHex(payload.toString('latin1'));
  } catch (cause) {
    throw new ProtocolError(`the peer sent a float that cannot be read: ${(cause as Error).message}`, { cause });
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(payload: Buffer): string {
  try {
    return utf8.decode(payload);
  } catch (cause) {
    // The decoder throws the same error for invalid UTF-8 and for text that is too long for a string.
    if (isUtf8(payload)) throw tooLongForString('a text', payload);
    throw new ProtocolError('the peer sent a text that is not UTF-8', { cause });
  }
}

function tooLongForString(what: string, { length }: Buffer): MessageTooLargeError {
  const remedy = 'the peer must send it in parts, or as bytes';
  return new MessageTooLargeError(`${what} that the peer sent`, length, constants.MAX_STRING_LENGTH, remedy);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return `an object (${value.constructor?.name ?? 'without a class'})`;
  return `a ${typeof value}`;
}

function advice(value: unknown): string {
  if (ArrayBuffer.isView(value)) return ': send Buffer.from(array.buffer, array.byteOffset, array.byteLength)';
  if (types.isAnyArrayBuffer(value)) return ': send Buffer.from(arrayBuffer)';
  if (types.isPromise(value)) return ': await it';
  switch (typeof value) {
    case 'object':
      return value === null ? nothingAdvice : ': send json(value)';
    case 'undefined':
      return nothingAdvice;
    case 'boolean':
      return ': send 1 or 0';
    case 'function':
      return ': send what it returns';
    default:
      return ': send its description';
  }
}

const nothingAdvice = ": send '' for an empty message";
