/** Messages with the same methods for each protocol and mode. */
import { constants } from 'node:buffer';
import { type About, type JsonReading, jsonOf, ValueError } from 'serpy-core';
import { type lines, v1, type v2 } from '../protocols.js';

const { decodeText, encodeText, formatFloat, formatNumber, parseNumber } = v1;

type Encoding = v1.Encoding;

/** The methods of every message. */
export interface Readings extends JsonReading {
  /** What the sender said about the message, with the option `about` of `sendData`. Undefined without it, and without a session. */
  readonly about?: About | undefined;
  /** The message as text: a number as decimal text, bytes decoded. Throws `ERR_SERPY_VALUE` for an object, invalid bytes, and a `'longint'`. */
  text(): string;
  /** The message as bytes: text and the decimal text of a number encoded, a `'longint'` unchanged. Throws `ERR_SERPY_VALUE` for an object. */
  bytes(): Buffer;
  /**
   * The message as a number, a `bigint` outside the safe integers. Text is parsed as a decimal number. Throws `ERR_SERPY_VALUE` for a message
   * that is not a number, a `'longint'`, and a text of more than 4300 characters.
   */
  number(): number | bigint;
}

/** A v1 message, with `type`, `value` and `mode` as in serpy-v1. */
export type PortableV1Message = v1.Message & { readonly protocol: 'v1' } & Readings;

/** A v2 message, with `type` and `value` as in serpy-v2. */
export type PortableV2Message = v2.Message & { readonly protocol: 'v2' } & Readings;

/** A line, with `type` and `value` as in serpy-lines. */
export type PortableLinesMessage = lines.Message & { readonly protocol: 'lines' } & Readings;

/** A message of any protocol. */
export type PortableMessage = PortableV1Message | PortableV2Message | PortableLinesMessage;

class Message implements Readings {
  readonly protocol: 'v1' | 'v2' | 'lines';
  readonly type: string;
  readonly value: unknown;
  readonly #encoding: Encoding;

  constructor(
    protocol: 'v1' | 'v2' | 'lines',
    { type, value }: { readonly type: string; readonly value: unknown },
    encoding: Encoding,
  ) {
    this.protocol = protocol;
    this.type = type;
    this.value = value;
    this.#encoding = encoding;
  }

  text(): string {
    const { value } = this;
    if (typeof value === 'string') return value;
    if (typeof value === 'number') return this.type === 'float' ? formatFloat(value) : formatNumber(value);
    if (typeof value === 'bigint') return formatNumber(value);
    if (this.type === 'longint') throw this.#typeError('text', longInteger(value as Buffer));
    const text = Buffer.isBuffer(value) ? decodeText(value, this.#encoding) : undefined;
    if (text !== undefined) return text;
    throw this.#typeError('text', Buffer.isBuffer(value) ? undecodable(value, this.#encoding) : undefined);
  }

  bytes(): Buffer {
    const { value } = this;
    if (Buffer.isBuffer(value)) return value;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') {
      return encodeText(this.text(), this.#encoding);
    }
    throw this.#typeError('bytes');
  }

  number(): number | bigint {
    const { value } = this;
    if (typeof value === 'number' || typeof value === 'bigint') return value;
    if (this.type === 'longint') throw this.#typeError('a number', longInteger(value as Buffer));
    const number = typeof value === 'string' || Buffer.isBuffer(value) ? parseNumber(this.text()) : undefined;
    if (number !== undefined) return number;
    throw this.#typeError(
      'a number',
      typeof value === 'string' ? `the text ${JSON.stringify(value.slice(0, 40))}` : undefined,
    );
  }

  json(): unknown {
    return jsonOf(this);
  }

  #typeError(what: string, is = `an object (${this.protocol} type '${this.type}'). Use value`): ValueError {
    return new ValueError(`the message is not ${what} but ${is}`);
  }
}

function longInteger({ length }: Buffer): string {
  return `an integer of ${length} bytes, which is too long to be converted. Use bytes() (signed, little-endian)`;
}

function undecodable({ length }: Buffer, encoding: Encoding): string {
  if (length > constants.MAX_STRING_LENGTH) return `${length} bytes, which are too long for a text. Use bytes()`;
  return `bytes that are not valid ${encoding} text. Use bytes()`;
}

class MessageWithMode extends Message {
  readonly mode: number;

  constructor(message: v1.Message, encoding: Encoding) {
    super('v1', message, encoding);
    this.mode = message.mode;
  }
}

export function fromV1(message: v1.Message, encoding: Encoding): PortableV1Message {
  return new MessageWithMode(message, encoding) as Readings as PortableV1Message;
}

export function fromV2(message: v2.Message): PortableV2Message {
  const portable = new Message('v2', message, 'utf-8') as Readings as PortableV2Message;
  const { about } = message;
  return about === undefined ? portable : Object.assign(portable, { about });
}

export function fromLine(text: string, encoding: Encoding): PortableLinesMessage {
  return new Message('lines', { type: 'text', value: text }, encoding) as Readings as PortableLinesMessage;
}
