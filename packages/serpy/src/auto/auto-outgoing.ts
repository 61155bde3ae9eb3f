/** Messages on their way out while it may yet turn out that the peer speaks the other protocol. */
import { type ArrayValue, encodeNpy, isArrayValue } from 'serpy-arrays';
import { isTypedNumber, MessagesDroppedError, OptionError, type OutboundMessage, type TypedNumber } from 'serpy-core';
import type { PortableValue } from '../portable/portable-value.js';
import type { v1, v2 } from '../protocols.js';

type Block = v1.V1['outgoing'];
type Frame = v2.V2['outgoing'];

/** A message on its way out, in the protocol that its peer is known to speak: in both, until one is. */
export interface AutoOutgoing extends OutboundMessage {
  readonly v1: v1.V1['outgoing'] | undefined;
  readonly v2: v2.V2['outgoing'] | undefined;
  /** What was given, where nothing of it can change: the other protocol may be wanted yet. Bytes are taken from the frame. */
  readonly plain: string | number | bigint | TypedNumber | undefined;
}

/** v2's type of a text. */
const textType = 0x21;
/** A text that is longer, and kept beside its block, counts in the send queue. */
const maxUncountedTextLength = 1024;

/** What turns values into messages of each protocol. */
export interface Encoders {
  readonly v1: { encode(value: v1.Value, options: object): Block };
  readonly v2: { encode(value: v2.Value): Frame };
}

/** @throws what the protocols throw for a value that they cannot carry, both while neither is known */
export function encodeFor(protocol: 'v1' | 'v2' | undefined, value: PortableValue, { v1, v2 }: Encoders): AutoOutgoing {
  const isText = typeof value === 'string';
  // A text is in the frame as it is: kept besides it would take its memory twice.
  const plain = isPlain(value) && (protocol === 'v1' || !isText) ? value : undefined;
  const block = protocol === 'v2' ? undefined : v1.encode(forV1(value), {});
  let frame: Frame | undefined;
  if (protocol !== 'v1') frame = v2.encode(value);
  else if (plain === undefined) frame = frameOf(value, v2);
  const besides = protocol === 'v1' && isText && value.length > maxUncountedTextLength ? value.length : 0;
  const sizeBytes = Math.max((block?.sizeBytes ?? 0) + besides, protocol === 'v1' ? 0 : (frame?.sizeBytes ?? 0));
  return { v1: block, v2: frame, plain, sizeBytes, awaitsAck: false };
}

export type EncodedMessage =
  | { readonly protocol: 'v1'; readonly message: Block }
  | { readonly protocol: 'v2'; readonly message: Frame };

/** The same message in the protocol that its peer speaks, or what is told of one that this cannot carry. */
export function messageFor(
  protocol: 'v1' | 'v2' | undefined,
  { v1: block, v2: frame, plain }: AutoOutgoing,
  { v1, v2 }: Encoders,
): EncodedMessage | MessagesDroppedError {
  try {
    if (protocol !== 'v1') return { protocol: 'v2', message: frame ?? v2.encode(plain as string) };
    return { protocol, message: block ?? v1.encode(plain ?? contentOf(frame as Frame), {}) };
  } catch (cause) {
    const text = `a message was accepted while the peer was not known to speak ${protocol}, which cannot carry it, and is lost`;
    return new MessagesDroppedError(`${text}: ${(cause as Error).message}`, 1, { cause });
  }
}

export function noStreamsError(): OptionError {
  return new OptionError('a stream needs a session, and the peer speaks v1, which has none: send it as messages');
}

/** The message as it is now, in memory of its own: the program may use its memory again as soon as it is on the wire. */
export function withOwnBytes(outgoing: AutoOutgoing): AutoOutgoing {
  const { v2: frame, plain } = outgoing;
  if (frame === undefined || plain !== undefined) return outgoing;
  return { ...outgoing, v2: { ...frame, payload: Buffer.from(frame.payload), owned: true } };
}

/** Bytes that v2 cannot carry: they stay v1's. */
function frameOf(value: PortableValue, v2: Encoders['v2']): Frame | undefined {
  try {
    return v2.encode(value);
  } catch {
    return undefined;
  }
}

function contentOf({ type, prefix, payload }: Frame): string | Uint8Array {
  if (type === textType) return Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString();
  return prefix === undefined ? payload : Buffer.concat([prefix, payload]);
}

function forV1(value: PortableValue): v1.Value {
  return isArrayValue(value) ? encodeNpy(value as ArrayValue) : value;
}

function isPlain(value: PortableValue): value is string | number | bigint | TypedNumber {
  return typeof value !== 'object' || isTypedNumber(value);
}
