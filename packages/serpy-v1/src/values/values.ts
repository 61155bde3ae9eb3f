/** What a v1 data block carries: a value as bytes, and the mode that brings these bytes through unharmed. */
import { types } from 'node:util';
import { describeValue, isTypedNumber, OptionError, sniffBytes, type TypedNumber, ValueError } from 'serpy-core';
import { type Picklable, type PickleValue, writePickle } from '../pickle/index.js';
import { blockEnd, controlStart, type Mode, transmissionEnd } from '../wire/constants.js';
import { foreignProtocolHint } from '../wire/foreign-protocol.js';
import { formatFloat, formatNumber } from './number-text.js';
import { checkText, type Encoding, encodeText } from './text.js';

/** What `sendData` takes: in modes 0 to 3 text, numbers (as decimal text) and bytes; in modes 4 and 5 plain data. */
export type Value = string | number | bigint | TypedNumber | Uint8Array | Picklable | PickleValue;

/** A value as bytes. */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly isText: boolean;
}

/** The bytes of a value. Throws `ERR_SERPY_VALUE` or `ERR_SERPY_ENCODING` for what the mode cannot carry. */
export function encodeValue(value: Value, mode: Mode, encoding: Encoding): Payload {
  if (mode >= 4) return { bytes: writePickle(value as Picklable), isText: false };
  switch (typeof value) {
    case 'string':
      checkText(value, encoding);
      return { bytes: encodeText(value, encoding), isText: true };
    case 'number':
    case 'bigint':
      return numberPayload(formatNumber(value));
    default:
      if (types.isUint8Array(value)) return { bytes: value, isText: false };
      if (isTypedNumber(value)) return typedNumberPayload(value);
      throw new ValueError(
        `v1 sends text, numbers, bigints and bytes (Buffer or Uint8Array) in mode ${mode}, not ${describeValue(value)}: ` +
          'plain data (objects, arrays, null, booleans) goes in modes 4 and 5',
      );
  }
}

function typedNumberPayload({ type, value }: TypedNumber): Payload {
  if (type === 'float') return numberPayload(formatFloat(Number(value)));
  if (typeof value === 'number' && !Number.isInteger(value)) {
    throw new ValueError(`an int takes a whole number or a bigint, not ${value}: send a float, or round it`);
  }
  return numberPayload(formatNumber(BigInt(value)));
}

function numberPayload(text: string): Payload {
  return { bytes: Buffer.from(text, 'latin1'), isText: true };
}

/**
 * The mode a payload travels in: the one that was asked for, or else the nearest that carries it unharmed
 * and is acknowledged where that was asked for.
 *
 * - bytes in mode 0 and 1 go in mode 2 and 3, as the original sends them
 * - so does text that holds `1F` or `04`, or starts with `01` or as a protocol that a receiver of ours takes for a stranger
 * - nothing at all goes acknowledged, in mode 1 or 3: a receiver skips empty blocks
 */
export function modeFor({ bytes, isText }: Payload, asked: Mode): Mode {
  if (bytes.length === 0) return isText && asked < 2 ? 1 : ((asked | 3) as Mode);
  if (asked < 2 && !(isText && isClean(bytes) && !needsEscaping(bytes))) return (asked + 2) as Mode;
  return asked;
}

/** For `forceMode`: throws an `OptionError` unless the mode itself carries the payload unharmed. */
export function checkForcedMode({ bytes }: Payload, mode: Mode): void {
  if (bytes.length === 0 && (mode & 1) === 0) {
    throw new OptionError(`mode ${mode} cannot carry an empty message: leave forceMode out, or use mode ${mode + 1}`);
  }
  if (mode < 2 && !isClean(bytes)) {
    throw new OptionError(
      `mode ${mode} cannot carry bytes that hold 1F or 04 or start with 01: leave forceMode out, or use mode ${mode + 2}`,
    );
  }
}

/** Whether bytes go through raw: no delimiter in them, and not taken for control. */
function isClean(bytes: Uint8Array): boolean {
  return bytes[0] !== controlStart && !bytes.includes(blockEnd) && !bytes.includes(transmissionEnd);
}

/**
 * ASCII text that goes through raw, seen at a glance: no delimiter, no control, and no first letter of a stranger's greeting.
 * Most texts are such, and need none of the other checks.
 */
const plainText = /^[\x02\x03\x05-\x14\x17-\x1e\x20-;=-BEFI-NQRT-\x7f][\x00-\x03\x05-\x1e\x20-\x7f]*$/;

/** Whether a text can go raw as it is, in mode 0 or 1. If not, it takes a closer look. */
export function isPlainText(text: string): boolean {
  return plainText.test(text);
}

/** The first bytes that a stranger's greeting may have. */
const foreignStarts = new Set(Buffer.from('GPHDOCS<\x15\x16\xde\xff', 'latin1'));

function needsEscaping(bytes: Uint8Array): boolean {
  if (!foreignStarts.has(bytes[0] as number)) return false;
  return (
    foreignProtocolHint(Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, sniffBytes))) !== undefined
  );
}
