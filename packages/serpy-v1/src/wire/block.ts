/** A v1 message on its way out: what its block holds, and in which mode. */
import type { InboundMessage, OutboundMessage } from 'serpy-core';
import { blockEnd, isAcknowledged, type Mode, transmissionEnd } from './constants.js';

/** A data block on its way out. */
export interface Block extends OutboundMessage {
  readonly mode: Mode;
  /** The data, and the end of the block with it unless it is big; or a short text of which every character is a byte, without its end. */
  body: Buffer | string;
  readonly hasSuffix: boolean;
  /** Nobody waits for its answer any more: it is not sent again on another wire, and keeps no body. */
  ackCancelled: boolean;
  /** How many links ended on which it was the first that waited for an answer. */
  endedLinks: number;
  /** How many messages that nobody waits for went before it on its link: its answer shows that the peer has read them. */
  noAckBefore: number;
}

/** A body below this is put together with its end, with one copy. */
export const copyBelowBytes = 4096;

const noAckSuffix = Buffer.of(blockEnd);
const ackSuffix = Buffer.of(transmissionEnd, blockEnd);

/** The block of a short text that goes as it is. */
export function textBlock(text: string, mode: Mode): Block {
  return newBlock(mode, text, false, isAcknowledged(mode));
}

/** The block of bytes that may go in this mode. */
export function bytesBlock(body: Buffer, mode: Mode, acknowledged: boolean): Block {
  const isSmall = body.length < copyBelowBytes;
  return newBlock(mode, isSmall ? joined(body, suffixOf(mode)) : body, isSmall, acknowledged);
}

function newBlock(mode: Mode, body: Buffer | string, ended: boolean, acknowledged: boolean): Block {
  const sizeBytes = body.length + (ended ? 0 : suffixOf(mode).length);
  return {
    mode,
    body,
    hasSuffix: ended,
    sizeBytes,
    awaitsAck: acknowledged,
    ackCancelled: false,
    endedLinks: 0,
    noAckBefore: 0,
  };
}

/** What ends a block in this mode. */
export function suffixOf(mode: Mode): Buffer {
  return isAcknowledged(mode) ? ackSuffix : noAckSuffix;
}

function joined(body: Buffer, end: Buffer): Buffer {
  const block = Buffer.allocUnsafe(body.length + end.length);
  block.set(body);
  block.set(end, body.length);
  return block;
}

/** A message as it came: what its mode says of it is worked out when it is taken. */
export interface ReceivedBlock extends InboundMessage {
  readonly mode: Mode;
  /** The data; in modes 4 and 5 a pickle. */
  readonly bytes: Buffer;
}
