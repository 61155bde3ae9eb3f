/** Converts received blocks into the messages that a program reads. */
import { type JsonReading, kindOfBytes, type MessageKind, Message as ReceivedMessage } from 'serpy-core';
import { NumpyArray, type PickleValue, readPickle } from '../pickle/index.js';
import type { ReceivedBlock } from '../wire/block.js';
import type { Mode } from '../wire/constants.js';
import { decodeText, type Encoding } from './text.js';

/** A pickle that is not plain data. It is never executed, but delivered unchanged. */
export class OpaquePickle {
  /** The bytes of the pickle. */
  readonly bytes: Buffer;
  /** The reason why it was not read. */
  readonly reason: string;

  constructor(bytes: Buffer, reason: string) {
    this.bytes = bytes;
    this.reason = reason;
  }
}

/** What `getData` returns: a `Buffer` in modes 0 to 3, the object in modes 4 and 5. */
export type Data = Buffer | PickleValue | NumpyArray | OpaquePickle;

/** A message with its mode. Text that is invalid in the connection's encoding is delivered as bytes. */
export type Message = TypedValue & JsonReading;

/** As `Message`, without the method. */
export type TypedValue =
  | { readonly type: 'text'; readonly value: string; readonly mode: 0 | 1 }
  | { readonly type: 'bytes'; readonly value: Buffer; readonly mode: 0 | 1 | 2 | 3 }
  | { readonly type: 'object'; readonly value: Data; readonly mode: 4 | 5 };

/** Adds the mode to a message. `console.log` shows the name of the class. */
const ModeMessage = class Message extends ReceivedMessage<TypedValue['type'], Data | string> {
  readonly mode: Mode;

  constructor(type: TypedValue['type'], value: Data | string, mode: Mode) {
    super(type, value);
    this.mode = mode;
  }
};

export function dataOf({ mode, bytes }: ReceivedBlock): Data {
  if (mode < 4) return bytes;
  const result = readPickle(bytes);
  return result.ok ? result.value : new OpaquePickle(bytes, result.reason);
}

export function messageOf(received: ReceivedBlock, encoding: Encoding): Message {
  const { mode, bytes } = received;
  if (mode >= 4) return new ModeMessage('object', dataOf(received), mode) as Message;
  const text = mode < 2 ? decodeText(bytes, encoding) : undefined;
  return new ModeMessage(text === undefined ? 'bytes' : 'text', text ?? bytes, mode) as Message;
}

/** The kind of a message, for the option `keep`. A number that travels as decimal text is text. */
export function kindOf(value: Data): MessageKind | undefined {
  if (value instanceof NumpyArray) return 'arrays';
  if (value instanceof Uint8Array) return kindOfBytes(value);
  if (typeof value === 'string') return 'text';
  return typeof value === 'number' || typeof value === 'bigint' ? 'numbers' : undefined;
}
