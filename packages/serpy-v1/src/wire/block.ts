/** The data blocks of v1: one to send, and one that was received. */
import type { InboundMessage, OutboundMessage } from 'serpy-core';
import { blockEnd, isAcknowledged, type Mode, transmissionEnd } from './constants.js';

/** A data block to send. */
export interface Block extends OutboundMessage {
  readonly mode: Mode;
  /** The data: bytes, with the suffix if `hasSuffix`; or a short text in which each character is one byte, without the suffix. */
  body: Buffer | string;
  /** Whether `body` includes the bytes that end the block. */
  readonly hasSuffix: boolean;
  /** The acknowledgement is no longer awaited: the block is not sent again on another link, and its body is released. */
  ackCancelled: boolean;
  /** The number of links that ended while this block was the first one without an acknowledgement. */
  endedLinks: number;
  /** The number of unacknowledged messages sent before it on its link. Its acknowledgement proves that the peer has read them. */
  noAckBefore: number;
}

/** A smaller body is copied into one buffer with its suffix. */
export const copyBelowBytes = 4096;

const noAckSuffix = Buffer.of(blockEnd);
const ackSuffix = Buffer.of(transmissionEnd, blockEnd);

/** The block of a short text that is sent without encoding. */
export function textBlock(text: string, mode: Mode): Block {
  return newBlock(mode, text, false, isAcknowledged(mode));
}

/** The block of bytes that are encoded for this mode. */
export function bytesBlock(body: Buffer, mode: Mode, acknowledged: boolean): Block {
  const isSmall = body.length < copyBelowBytes;
  return newBlock(mode, isSmall ? joined(body, suffixOf(mode)) : body, isSmall, acknowledged);
}

/** The block of bytes that are encoded with their suffix. */
export function wholeBlock(body: Buffer, mode: Mode, acknowledged: boolean): Block {
  return newBlock(mode, body, true, acknowledged);
}

function newBlock(mode: Mode, body: Buffer | string, hasSuffix: boolean, acknowledged: boolean): Block {
  const sizeBytes = body.length + (hasSuffix ? 0 : suffixOf(mode).length);
  return {
    mode,
    body,
    hasSuffix,
    sizeBytes,
    awaitsAck: acknowledged,
    awaited: undefined,
    ackCancelled: false,
    endedLinks: 0,
    noAckBefore: 0,
  };
}

/** The block with a body that the program cannot change: without base85, a large body is the program's own memory. */
export function owned(block: Block): Block {
  const isShared = typeof block.body === 'object' && !block.hasSuffix && block.mode < 2;
  return isShared ? { ...block, body: Buffer.from(block.body) } : block;
}

/** The bytes that end a block in this mode. */
export function suffixOf(mode: Mode): Buffer {
  return isAcknowledged(mode) ? ackSuffix : noAckSuffix;
}

function joined(body: Buffer, suffix: Buffer): Buffer {
  const block = Buffer.allocUnsafe(body.length + suffix.length);
  block.set(body);
  block.set(suffix, body.length);
  return block;
}

/** A received message. It is converted as its mode requires only when the program reads it. */
export interface ReceivedBlock extends InboundMessage {
  readonly mode: Mode;
  /** The data; in modes 4 and 5 a pickle. */
  readonly bytes: Buffer;
}
