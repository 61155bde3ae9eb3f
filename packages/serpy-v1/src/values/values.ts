/** Encodes a value as the bytes of a v1 data block, and selects the mode that transmits these bytes unchanged. */
import { types } from 'node:util';
import { describeValue, isTypedNumber, OptionError, sniffBytes, type TypedNumber, ValueError } from 'serpy-core';
import { type Picklable, type PickleValue, writePickle } from '../pickle/index.js';
import { blockEnd, controlStart, type Mode, transmissionEnd } from '../wire/constants.js';
import { foreignProtocolHint } from '../wire/foreign-protocol.js';
import { formatFloat, formatNumber } from './number-text.js';
import { checkText, type Encoding, encodeText } from './text.js';

/** The values that `sendData` accepts: in modes 0 to 3 text, numbers (as decimal text) and bytes; in modes 4 and 5 plain data. */
export type Value = string | number | bigint | TypedNumber | Uint8Array | Picklable | PickleValue;

/** A value as bytes. */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly isText: boolean;
}

/** The bytes of a value. Throws `ERR_SERPY_VALUE` or `ERR_SERPY_ENCODING` for a value that the mode cannot carry. */
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
        `v1 sends text, numbers, bigints and bytes (Buffer or Uint8Array) in mode ${mode}, not ${describeValue(value)}. ` +
          'Send json(value), or plain data (objects, arrays, null, booleans) in mode 4 or 5',
      );
  }
}

function typedNumberPayload({ type, value }: TypedNumber): Payload {
  if (type === 'float') return numberPayload(formatFloat(Number(value)));
  if (typeof value === 'number' && !Number.isInteger(value)) {
    throw new ValueError(`an int takes an integer or a bigint, not ${value}: send a float, or round it`);
  }
  return numberPayload(formatNumber(BigInt(value)));
}

function numberPayload(text: string): Payload {
  return { bytes: Buffer.from(text, 'latin1'), isText: true };
}

/**
 * The mode in which a payload is sent: the requested one, or the nearest one that transmits it unchanged. An acknowledged mode stays
 * acknowledged.
 *
 * - Bytes in modes 0 and 1 are sent in modes 2 and 3, as the Python module does.
 * - So is text that holds `1F` or `04`, or that starts with `01` or like another protocol, which serpy for Node would reject.
 * - An empty message is sent in mode 1 or 3, since a receiver skips empty blocks.
 */
export function modeFor({ bytes, isText }: Payload, requested: Mode): Mode {
  if (bytes.length === 0) return isText && requested < 2 ? 1 : ((requested | 3) as Mode);
  if (requested < 2 && !(isText && isClean(bytes) && !needsEscaping(bytes))) return (requested + 2) as Mode;
  return requested;
}

/** For `forceMode`: throws an `OptionError` unless the mode transmits the payload unchanged. */
export function checkForcedMode({ bytes }: Payload, mode: Mode): void {
  if (bytes.length === 0 && (mode & 1) === 0) {
    throw new OptionError(`mode ${mode} cannot carry an empty message. Omit forceMode, or use mode ${mode + 1}`);
  }
  if (mode < 2 && !isClean(bytes)) {
    throw new OptionError(
      `mode ${mode} cannot carry bytes that hold 1F or 04 or start with 01. Omit forceMode, or use mode ${mode + 2}`,
    );
  }
}

/** Whether bytes can be sent raw: they hold no delimiter and do not start like a control block. */
function isClean(bytes: Uint8Array): boolean {
  return bytes[0] !== controlStart && !bytes.includes(blockEnd) && !bytes.includes(transmissionEnd);
}

/**
 * ASCII text that can be sent raw: no delimiter, no control block, and no first character of another protocol. Most texts match, and
 * need no other check.
 */
const plainText = /^[\x02\x03\x05-\x14\x17-\x1e\x20-;=-BEFI-NQRT-\x7f][\x00-\x03\x05-\x1e\x20-\x7f]*$/;

/** Whether a text can certainly be sent raw in mode 0 or 1. If not, `modeFor` decides. */
export function isPlainText(text: string): boolean {
  return plainText.test(text);
}

/** The bytes with which another protocol may start. */
const foreignStarts = new Set(Buffer.from('GPHDOCS<\x15\x16\xde\xff', 'latin1'));

function needsEscaping(bytes: Uint8Array): boolean {
  if (!foreignStarts.has(bytes[0] as number)) return false;
  return (
    foreignProtocolHint(Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, sniffBytes))) !== undefined
  );
}
