/** Messages of an instrument as other programs read them: text, `.npy`, JSON or bytes. */
import { encodeNpy, isArrayValue, isNpy } from 'serpy-arrays';
import { isTypedNumber, MessageTooLargeError, ValueError } from 'serpy-core';
import type { HubMessage, Kind } from 'serpy-hub';
import type { TopicKind } from '../topics.js';
import { binToFit } from './bin.js';

export interface Payload {
  readonly kind: TopicKind;
  readonly payload: Buffer;
  readonly contentType: string;
  /** Of an array, as it is sent. */
  readonly dtype?: string;
  readonly shape?: readonly number[];
  /** How many elements along an axis became one. */
  readonly bin?: number;
}

export const npyType = 'application/x-npy';
const textType = 'text/plain; charset=utf-8';

const topicKindOf: Readonly<Record<Kind, TopicKind>> = {
  number: 'number',
  text: 'text',
  bytes: 'bytes',
  object: 'object',
  'array-0d': 'array',
  'array-1d': 'curve',
  'array-2d': 'image',
  'array-3d': 'array',
  'array-nd': 'array',
};

export function topicKind(message: HubMessage): TopicKind {
  return topicKindOf[message.kind];
}

/** Whether `maxFps` is for this kind. */
export function isArrayKind(kind: TopicKind): boolean {
  return kind === 'image' || kind === 'curve' || kind === 'array';
}

export interface PayloadLimits {
  readonly maxBytes: number;
  readonly whenTooLarge: 'bin' | 'refuse';
}

/** @throws `ERR_SERPY_TOO_LARGE`, `ERR_SERPY_VALUE`, `ERR_SERPY_ARRAY_FORMAT` */
export function payloadOf(message: HubMessage, limits: PayloadLimits): Payload {
  const kind = topicKind(message);
  if (isArrayKind(kind)) return arrayPayload(kind, message, limits);
  const { value } = message;
  if (value instanceof Uint8Array)
    return checked({ kind, payload: own(value), contentType: 'application/octet-stream' }, limits);
  if (kind === 'object') return checked({ kind, payload: jsonOf(value), contentType: 'application/json' }, limits);
  return checked({ kind, payload: Buffer.from(textOf(value)), contentType: textType }, limits);
}

/** The value of an answer, by the same rules, but never binned: it is what was asked for. */
export function answerOf(value: unknown): Pick<Payload, 'payload' | 'contentType'> {
  if (value instanceof Uint8Array)
    return { payload: own(value), contentType: isNpy(value) ? npyType : 'application/octet-stream' };
  if (isArrayValue(value)) return { payload: encodeNpy(value) as Buffer, contentType: npyType };
  if (typeof value === 'object' && !isTypedNumber(value))
    return { payload: jsonOf(value), contentType: 'application/json' };
  return { payload: Buffer.from(textOf(value)), contentType: textType };
}

function arrayPayload(kind: TopicKind, message: HubMessage, { maxBytes, whenTooLarge }: PayloadLimits): Payload {
  const array = message.array();
  const { value } = message;
  const { dtype, shape } = array;
  const sizeBytes = value instanceof Uint8Array ? value.length : array.data.byteLength + 128;
  if (sizeBytes <= maxBytes) {
    const payload = value instanceof Uint8Array && isNpy(value) ? own(value) : encodeNpy(array);
    return { kind, payload: payload as Buffer, contentType: npyType, dtype, shape };
  }
  const binned = whenTooLarge === 'bin' ? binToFit(array, maxBytes) : undefined;
  if (!binned) throw tooLarge(message, sizeBytes, maxBytes);
  const payload = encodeNpy(binned.array) as Buffer;
  return { kind, payload, contentType: npyType, dtype, shape: binned.array.shape, bin: binned.bin };
}

function checked(payload: Payload, { maxBytes }: PayloadLimits): Payload {
  const { length } = payload.payload;
  if (length > maxBytes)
    throw new MessageTooLargeError(`a message of the kind ${payload.kind}`, length, maxBytes, remedy);
  return payload;
}

const remedy = 'raise maxBytes (command: --max-bytes), up to the limit of the broker';

function tooLarge(message: HubMessage, sizeBytes: number, maxBytes: number): MessageTooLargeError {
  return new MessageTooLargeError(`an array of the kind ${message.kind}`, sizeBytes, maxBytes, remedy);
}

/** The memory of a message can be used again after the next one was read. */
function own(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

function textOf(value: unknown): string {
  return isTypedNumber(value) ? String(value.value) : String(value);
}

/** Python's containers as JSON. */
function jsonOf(value: unknown): Buffer {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (_, each: unknown) => {
      if (typeof each === 'bigint') return Number.isSafeInteger(Number(each)) ? Number(each) : String(each);
      if (each instanceof Map) return Object.fromEntries([...each].map(([key, item]) => [String(key), item]));
      if (each instanceof Set) return [...each];
      return isTypedNumber(each) ? Number(each.value) : each;
    });
  } catch {
    text = undefined;
  }
  if (text === undefined) throw new ValueError('a value has no form in JSON: send a text, a number or an array');
  return Buffer.from(text);
}
