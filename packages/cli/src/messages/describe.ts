/** A message as a line, as JSON (`--json`) and as a file (`--out`). */
import type { About, PortableMessage } from 'serpy';
import { decodeNpy, isNpy } from 'serpy-arrays';
import { isOpaque, isPickledArray, jsonLine, npyOf } from 'serpy-recording';
import { printable } from '../environment/terminal.js';
import { jsonOf } from '../values/python-objects.js';
import { summarize, summaryLine } from './array-summary.js';

/** The content of the file for a message. */
export interface Attachment {
  readonly bytes: Uint8Array;
  /** Without the dot. */
  readonly extension: string;
}

export interface Description {
  /** One line without control characters. */
  readonly line: string;
  /** The fields of `--json`, without time and sender. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Of bytes and arrays. */
  readonly attachment?: Attachment;
  /** The size of the message, as far as known. */
  readonly sizeBytes: number;
}

/** Bytes in a line, and bytes in JSON. */
const shownBytes = 16;
const jsonBytes = 4096;

export function describe(message: PortableMessage): Description {
  const { about } = message;
  const description = describeValue(message);
  if (about === undefined) return description;
  const { line, json } = description;
  return { ...description, line: withAbout(line, about, message), json: { ...json, about } };
}

/** The unit behind a number, and name and axes where the sender has given them. */
function withAbout(line: string, { name, unit, axes }: About, { value }: PortableMessage): string {
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  const measured =
    unit === undefined ? line : isNumber ? `${line} ${printable(unit)}` : `${line}, unit ${printable(unit)}`;
  const withAxes = axes === undefined ? measured : `${measured}, axes ${printable(axes.join(' × '))}`;
  return name === undefined ? withAxes : `${printable(name)}: ${withAxes}`;
}

function describeValue(message: PortableMessage): Description {
  const { value } = message;
  if (typeof value === 'string') {
    return { line: printable(value), json: { type: 'text', value }, sizeBytes: Buffer.byteLength(value) };
  }
  if (message.type === 'longint') return describeLongInteger(value as Buffer);
  if (Buffer.isBuffer(value)) return describeBytes(value);
  if (message.type === 'int' || message.type === 'float') {
    const text = message.text();
    return { line: text, json: { type: message.type, value: numberInJson(value as number | bigint) }, sizeBytes: 8 };
  }
  return describeObject(value);
}

/** As bytes: computing its digits would take long. */
function describeLongInteger(bytes: Buffer): Description {
  const { line, json, sizeBytes } = describePlainBytes(bytes);
  return {
    line: `an integer of ${line}`,
    json: { ...json, type: 'longint' },
    attachment: { bytes, extension: 'bin' },
    sizeBytes,
  };
}

function describeBytes(bytes: Buffer): Description {
  return isNpy(bytes) ? describeNpy(bytes) : describePlainBytes(bytes);
}

function describePlainBytes(bytes: Buffer): Description {
  const extension = extensionOf(bytes);
  const head = bytes
    .subarray(0, shownBytes)
    .toString('hex')
    .replaceAll(/..(?!$)/g, '$& ');
  const line = `${bytes.length} byte${bytes.length === 1 ? '' : 's'}${head && ': '}${head}${bytes.length > shownBytes ? ' …' : ''}`;
  const content = bytes.length <= jsonBytes ? { base64: bytes.toString('base64') } : {};
  const json = { type: 'bytes', bytes: bytes.length, ...content };
  return { line, json, attachment: { bytes, extension }, sizeBytes: bytes.length };
}

function describeNpy(bytes: Buffer): Description {
  const attachment = { bytes, extension: 'npy' };
  try {
    const summary = summarize(decodeNpy(bytes));
    const { dtype, shape, min, max, mean, nan } = summary;
    const extent = { min: numberInJson(min), max: numberInJson(max), mean: numberInJson(mean) };
    const json = { type: 'array', dtype, shape, ...extent, ...(nan > 0 ? { nan } : {}), bytes: bytes.length };
    return { line: summaryLine(summary), json, attachment, sizeBytes: bytes.length };
  } catch (error) {
    const { message: reason } = error as Error;
    const json = { type: 'bytes', bytes: bytes.length, unread: reason };
    return { line: `${bytes.length} bytes: ${printable(reason)}`, json, attachment, sizeBytes: bytes.length };
  }
}

function describeObject(value: unknown): Description {
  if (isPickledArray(value)) return describeNpy(npyOf(value));
  const json = jsonOf(value);
  if (isOpaque(value)) {
    const attachment = { bytes: value.bytes, extension: 'pickle' };
    const line = `${value.bytes.length} bytes: ${printable(value.reason)}`;
    return { line, json: { type: 'pickle', ...(json as object) }, attachment, sizeBytes: value.bytes.length };
  }
  if (Buffer.isBuffer(value)) return describeBytes(value);
  try {
    const text = jsonLine(json);
    return { line: printable(text), json: { type: 'object', value: json }, sizeBytes: Buffer.byteLength(text) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const unread = 'an object that is too long for a line';
    return { line: unread, json: { type: 'object', unread }, sizeBytes: 0 };
  }
}

/** Integers beyond 2^53, NaN and infinities are strings: not every reader of JSON keeps such integers, and JSON has no such floats. */
function numberInJson(value: number | bigint | undefined): number | string | undefined {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value !== undefined && !Number.isFinite(value) ? String(value) : value;
}

const signatures: readonly (readonly [extension: string, bytes: string])[] = [
  ['png', '\x89PNG\r\n\x1a\n'],
  ['jpg', '\xff\xd8\xff'],
  ['gif', 'GIF8'],
  ['tif', 'II*\0'],
  ['tif', 'MM\0*'],
  ['h5', '\x89HDF\r\n\x1a\n'],
  ['pdf', '%PDF-'],
  ['zip', 'PK\x03\x04'],
];

/** From the first bytes. */
function extensionOf(bytes: Buffer): string {
  return signatures.find(([, start]) => bytes.toString('latin1', 0, start.length) === start)?.[0] ?? 'bin';
}
