/** Encodes messages to send for one protocol, or for both while the peer's protocol is not known. */
import { type ArrayValue, encodeNpy, isArrayValue } from 'serpy-arrays';
import {
  type About,
  isTypedNumber,
  MessagesDroppedError,
  OptionError,
  type OutboundMessage,
  type SharedEncoding,
  type TypedNumber,
} from 'serpy-core';
import type { PortableValue } from '../portable/portable-value.js';
import type { v1, v2 } from '../protocols.js';

type Block = v1.V1['outgoing'];
type Frame = v2.V2['outgoing'];

/** A message to send, encoded for the protocol of the peer, or for both while that is not known. */
export interface AutoOutgoing extends OutboundMessage {
  readonly v1: v1.V1['outgoing'] | undefined;
  readonly v2: v2.V2['outgoing'] | undefined;
  /** Whether it expires (`expiresMs`): once sent, it is not sent again in the other protocol. */
  readonly expires?: boolean;
  /** The value itself, if it is immutable: it may have to be encoded for the other protocol. The content of bytes is read from the frame. */
  readonly value: string | number | bigint | TypedNumber | undefined;
  /** The metadata of the message, which only a session of v2 carries. */
  readonly about?: About | undefined;
  /** The acknowledgement that `sendData` waits for. */
  readonly level?: 'received' | 'consumed' | undefined;
}

/** The type of text in v2. */
const textType = 0x21;
/** A longer text that is retained in addition to its block counts in the send queue. */
const maxUncountedTextLength = 1024;

/** The encoders of each protocol. */
export interface Encoders {
  readonly v1: { encode(value: v1.Value, options: object, shared?: SharedEncoding): Block };
  readonly v2: { encode(value: v2.Value, options: v2.V2SendOptions, shared?: SharedEncoding): Frame };
}

/** The options of `sendData` over `auto`. */
export type AutoSendOptions = v2.V2SendOptions;

const noOptions = {};

/** Encodes a value. @throws the errors of the protocol for a value that it cannot carry; of both protocols while the peer's is not known */
export function encodeFor(
  protocol: 'v1' | 'v2' | undefined,
  value: PortableValue,
  { v1, v2 }: Encoders,
  options: AutoSendOptions = {},
  shared?: SharedEncoding,
): AutoOutgoing {
  if (options.acknowledge !== undefined) return encodeAwaited(protocol, value, { v1, v2 }, options);
  const isText = typeof value === 'string';
  // The frame holds a text unchanged: to retain it as well would double its memory.
  const retained = isImmutable(value) && (protocol === 'v1' || !isText) ? value : undefined;
  const block = protocol === 'v2' ? undefined : v1.encode(forV1(value, shared), {}, shared);
  let frame: Frame | undefined;
  const { about } = options;
  if (protocol !== 'v1') frame = v2.encode(value, about === undefined ? noOptions : { about }, shared);
  else if (retained === undefined) frame = frameOf(value, v2, shared);
  const retainedBytes = protocol === 'v1' && isText && value.length > maxUncountedTextLength ? value.length : 0;
  const sizeBytes = Math.max((block?.sizeBytes ?? 0) + retainedBytes, protocol === 'v1' ? 0 : (frame?.sizeBytes ?? 0));
  const outgoing = { v1: block, v2: frame, value: retained, sizeBytes, awaitsAck: false };
  return about === undefined ? outgoing : { ...outgoing, about };
}

/** Encodes a value whose acknowledgement is awaited. While the protocol is not known, it suffices that one protocol can carry and acknowledge it. */
function encodeAwaited(
  protocol: 'v1' | 'v2' | undefined,
  value: PortableValue,
  encoders: Encoders,
  options: AutoSendOptions,
): AutoOutgoing {
  const level = options.acknowledge === true ? 'received' : options.acknowledge;
  const errors: unknown[] = [];
  const attempt = <T>(name: 'v1' | 'v2', encode: () => T): T | undefined => {
    try {
      return encode();
    } catch (error) {
      if (protocol === name) throw error;
      errors.push(error);
      return undefined;
    }
  };
  const frame = attempt('v2', () => encoders.v2.encode(value, options));
  const { acknowledge } = options;
  const block = attempt('v1', () => encoders.v1.encode(forV1(value), { acknowledge }));
  if (frame === undefined && block === undefined) throw errors[0];
  const sizeBytes = Math.max(block?.sizeBytes ?? 0, frame?.sizeBytes ?? 0);
  return { v1: block, v2: frame, value: undefined, level, sizeBytes, awaitsAck: true };
}

/** The message in the protocol of the peer. @throws `ERR_SERPY_OPTION` if this protocol cannot carry or acknowledge it */
export function awaitedMessageFor(protocol: 'v1' | 'v2' | undefined, { v1, v2, level }: AutoOutgoing): EncodedMessage {
  if (protocol === 'v1' && v1) return { protocol, message: v1 };
  if (protocol !== 'v1' && v2) return { protocol: 'v2', message: v2 };
  throw new OptionError(
    protocol === 'v1'
      ? `the peer speaks v1, which cannot ${level === 'consumed' ? "confirm that its program has consumed a message. Use acknowledge: 'received'" : 'carry this value with an acknowledgement. Send bytes or ASCII text'}`
      : "the option acknowledge needs a session, and the peer speaks v2 without one. Use session: 'prefer' at both ends, or omit acknowledge",
  );
}

export type EncodedMessage =
  | { readonly protocol: 'v1'; readonly message: Block }
  | { readonly protocol: 'v2'; readonly message: Frame };

/** The message in the protocol of the peer, or the error for a message that this protocol cannot carry. */
export function messageFor(
  protocol: 'v1' | 'v2' | undefined,
  { v1: block, v2: frame, value, about }: AutoOutgoing,
  { v1, v2 }: Encoders,
): EncodedMessage | MessagesDroppedError {
  try {
    if (protocol !== 'v1') return { protocol: 'v2', message: frame ?? v2.encode(value as string, { about }) };
    return { protocol, message: block ?? v1.encode(value ?? contentOf(frame as Frame), {}) };
  } catch (cause) {
    const text = `a message was dropped, because it was accepted before the peer's protocol was detected, and ${protocol} cannot carry it`;
    return new MessagesDroppedError(`${text}: ${(cause as Error).message}`, 1, { cause });
  }
}

export function noStreamsError(): OptionError {
  return new OptionError(
    'a stream needs a session, and the peer speaks v1, which has no sessions. Send messages instead',
  );
}

/** Copies the content of a message: the program may change its memory as soon as the message is written. */
export function withOwnBytes(outgoing: AutoOutgoing): AutoOutgoing {
  const { v2: frame, value } = outgoing;
  if (frame === undefined || value !== undefined) return outgoing;
  return { ...outgoing, v2: { ...frame, payload: Buffer.from(frame.payload), owned: true } };
}

/** The frame of a value; undefined if v2 cannot carry it, in which case only its block exists. */
function frameOf(value: PortableValue, v2: Encoders['v2'], shared?: SharedEncoding): Frame | undefined {
  try {
    return v2.encode(value, {}, shared);
  } catch {
    return undefined;
  }
}

function contentOf({ type, prefix, payload }: Frame): string | Uint8Array {
  if (type === textType) return Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString();
  return prefix === undefined ? payload : Buffer.concat([prefix, payload]);
}

function forV1(value: PortableValue, shared?: SharedEncoding): v1.Value {
  if (!isArrayValue(value)) return value;
  const npy = () => encodeNpy(value as ArrayValue);
  return shared?.get('npy', npy) ?? npy();
}

function isImmutable(value: PortableValue): value is string | number | bigint | TypedNumber {
  return typeof value !== 'object' || isTypedNumber(value);
}
