/**
 * Base85 of modes 2 to 5: the alphabet of RFC 1924. Four bytes (big-endian) become five characters, a last group of n bytes becomes
 * n + 1 characters, as in CPython's `base64.b85encode` and `b85decode`.
 */

import { allocateMessage, exactFromBytes, loadKernel, ownCopy, ProtocolError } from 'serpy-core';
import { base85Kernel } from '../wasm/base85-kernel.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';

/** The highest digit. It pads a last group that is shorter than five characters. */
const FILL = 0x7e;

/** From this number of groups on (384 bytes) WebAssembly is faster than the loops in JavaScript. */
const wasmFromGroups = 96;

/** The groups that one step of the kernel processes. */
const wasmStepGroups = 16;

/** The groups of one call of the kernel: 8 KiB and their text, which fit into the first-level cache together. */
const groupsPerCall = 2048;

/** The offset of the bytes in the kernel's memory. The text starts at 0. */
const wasmBytesAt = 0x8000;

/** 85^3: the weight of the first two of five digits. */
const UNIT_OF_FIRST_PAIR = 614_125;

/** The largest group is 2^32 - 1: the value of its first two digits, and that of its last three. */
const MAX_FIRST_PAIR = 6_993;
const MAX_REST = 391_170;

const nothing = new Uint8Array(0);

/** Small messages are decoded here and copied, which saves a block of memory for each. */
const small = Buffer.allocUnsafeSlow(exactFromBytes);

// Two digits at a time: half the look-ups and divisions.
const digits = Buffer.from(ALPHABET, 'latin1');
const pairs = new Uint16Array(85 * 85);
const valueOfDigit = new Int16Array(0x100).fill(-1);
const valueOfPair = new Int16Array(0x10000).fill(-1);
digits.forEach((first, high) => {
  valueOfDigit[first] = high;
  digits.forEach((second, low) => {
    pairs[high * 85 + low] = (first << 8) | second;
    valueOfPair[(first << 8) | second] = high * 85 + low;
  });
});

/** The number of characters that encode `byteLength` bytes. */
export function encodedBase85Length(byteLength: number): number {
  return byteLength + Math.ceil(byteLength / 4);
}

/** The number of bytes that `textLength` characters encode. */
export function decodedBase85Length(textLength: number): number {
  return textLength - Math.ceil(textLength / 5);
}

/** Encodes bytes as the ASCII bytes of their base85 text, and appends a suffix. From 4 KiB on, the result owns its memory exactly. */
export function encodeBase85(bytes: Uint8Array, suffix: Uint8Array = nothing): Buffer {
  const textBytes = encodedBase85Length(bytes.length);
  const size = textBytes + suffix.length;
  const text = size < exactFromBytes ? Buffer.allocUnsafe(size) : allocateMessage(size);
  for (let i = 0; i < suffix.length; i++) text[textBytes + i] = suffix[i] as number;
  const rest = bytes.length % 4;
  const groups = (bytes.length - rest) / 4;
  if (groups < wasmFromGroups) encodeGroups(bytes, text, groups);
  else codec.encode(bytes, text, groups);
  if (rest > 0) {
    const group = new Uint8Array(4);
    group.set(bytes.subarray(bytes.length - rest));
    const encoded = new Uint8Array(5);
    encodeGroups(group, encoded, 1);
    text.set(encoded.subarray(0, rest + 1), textBytes - rest - 1);
  }
  return text;
}

/**
 * Decodes the ASCII bytes of a base85 text. From 4 KiB on, the result owns its memory exactly.
 * @param allocate allocates that memory
 * @throws `ERR_SERPY_PROTOCOL` for a byte outside the alphabet (white space included) and for a group above 2^32 - 1
 */
export function decodeBase85(text: Uint8Array, allocate = allocateMessage): Buffer {
  const size = decodedBase85Length(text.length);
  const isSmall = size < exactFromBytes;
  const bytes = isSmall ? small : allocate(size);
  const rest = text.length % 5;
  const groups = (text.length - rest) / 5;
  let fits = groups < wasmFromGroups ? decodeGroups(text, bytes, groups) : codec.decode(text, bytes, groups);
  if (rest > 0) {
    const group = new Uint8Array(5).fill(FILL);
    group.set(text.subarray(text.length - rest));
    const decoded = new Uint8Array(4);
    fits = decodeGroups(group, decoded, 1) && fits;
    bytes.set(decoded.subarray(0, rest - 1), size - rest + 1);
  }
  if (!fits) throw new ProtocolError(describeFault(text));
  return isSmall ? ownCopy(small, 0, size) : bytes;
}

/** Encodes and decodes full groups. */
interface Codec {
  encode(bytes: Uint8Array, text: Uint8Array, groups: number): void;
  /** @returns whether each group was base85 */
  decode(text: Uint8Array, bytes: Uint8Array, groups: number): boolean;
}

interface Base85Exports {
  /** Encodes bytes until their text ends at `textEnd`. */
  readonly encode: (textEnd: number) => void;
  /** Decodes the text up to `textEnd`. @returns a number other than 0 if it is not base85 */
  readonly decode: (textEnd: number) => number;
}

/**
 * Encodes and decodes 16 bytes at a time (wasm/base85.wat). From 64 KiB on it is three times as fast as `encodeGroups` and
 * `decodeGroups`, including the copies into and out of the kernel's memory.
 */
function wasmCodec(): Codec | undefined {
  const kernel = loadKernel<Base85Exports>(base85Kernel);
  if (kernel === undefined) return undefined;
  const { exports, memory } = kernel;
  const textBuffer = memory.subarray(0, groupsPerCall * 5);
  const bytesBuffer = memory.subarray(wasmBytesAt, wasmBytesAt + groupsPerCall * 4);
  return {
    encode(bytes, text, groups) {
      let start = 0;
      for (let count = nextGroups(groups); count > 0; count = nextGroups(groups - start)) {
        const end = start + count;
        bytesBuffer.set(bytes.subarray(start * 4, end * 4));
        exports.encode(count * 5);
        text.set(textBuffer.subarray(0, count * 5), start * 5);
        start = end;
      }
      encodeGroups(bytes.subarray(start * 4), text.subarray(start * 5), groups - start);
    },
    decode(text, bytes, groups) {
      let faults = 0;
      let start = 0;
      for (let count = nextGroups(groups); count > 0; count = nextGroups(groups - start)) {
        const end = start + count;
        textBuffer.set(text.subarray(start * 5, end * 5));
        faults |= exports.decode(count * 5);
        bytes.set(bytesBuffer.subarray(0, count * 4), start * 4);
        start = end;
      }
      return decodeGroups(text.subarray(start * 5), bytes.subarray(start * 4), groups - start) && faults === 0;
    },
  };
}

/** The groups of the next call of the kernel: complete steps, at most `groupsPerCall`. */
function nextGroups(groups: number): number {
  return Math.min(groups - (groups % wasmStepGroups), groupsPerCall);
}

const codec: Codec = wasmCodec() ?? { encode: encodeGroups, decode: decodeGroups };

/** Encodes group by group, for few groups and without WebAssembly. */
export function encodeGroups(bytes: Uint8Array, text: Uint8Array, groups: number): void {
  // Reads byte by byte and truncates quotients to integers at once. This is four times as fast as DataView, Math.floor and %,
  // which V8 computes in floating point for values above 2^31.
  for (let group = 0, at = 0, to = 0; group < groups; group++, at += 4, to += 5) {
    const value =
      (((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number)) >>>
      0;
    const high = (value / UNIT_OF_FIRST_PAIR) >>> 0;
    const rest = (value - high * UNIT_OF_FIRST_PAIR) | 0;
    const low = (rest / 85) | 0;
    const first = pairs[high] as number;
    const second = pairs[low] as number;
    text[to] = first >>> 8;
    text[to + 1] = first;
    text[to + 2] = second >>> 8;
    text[to + 3] = second;
    text[to + 4] = digits[rest - low * 85] as number;
  }
}

/** Decodes group by group. @returns whether each group was base85; if not, the bytes are undefined */
export function decodeGroups(text: Uint8Array, bytes: Uint8Array, groups: number): boolean {
  const from = new DataView(text.buffer, text.byteOffset, text.byteLength);
  const to = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // One test after the loop instead of five in it: each fault makes this negative.
  let faults = 0;
  for (let group = 0; group < groups; group++) {
    const first = valueOfPair[from.getUint16(group * 5)] as number;
    const second = valueOfPair[from.getUint16(group * 5 + 2)] as number;
    const last = valueOfDigit[from.getUint8(group * 5 + 4)] as number;
    const rest = second * 85 + last;
    faults |= first | second | last | (MAX_FIRST_PAIR - first);
    if (first === MAX_FIRST_PAIR && rest > MAX_REST) faults = -1;
    to.setInt32(group * 4, Math.imul(first, UNIT_OF_FIRST_PAIR) + rest);
  }
  return faults >= 0;
}

/** Finds the invalid byte or group of a text that did not decode. Slow, for the error only. */
function describeFault(text: Uint8Array): string {
  const position = text.findIndex((byte) => valueOfDigit[byte] === -1);
  if (position === -1) {
    const group = overflowingGroup(text);
    return (
      `the peer's message is not base85: the group at position ${group} (first byte ${hex(text[group])}) exceeds 32 bits. ` +
      'The message was corrupted, or its sender used another mode. Check the mode of the sender'
    );
  }
  return (
    `the peer's message is not base85: byte ${hex(text[position])} at position ${position} is outside the alphabet. ` +
    'The message was corrupted, or its sender used another mode. Check the mode of the sender'
  );
}

function overflowingGroup(text: Uint8Array): number {
  for (let start = 0; start < text.length; start += 5) {
    let value = 0;
    for (let at = start; at < start + 5; at++) value = value * 85 + (valueOfDigit[text[at] ?? FILL] as number);
    if (value > 0xffff_ffff) return start;
  }
  return -1;
}

function hex(byte: number | undefined): string {
  return `0x${(byte ?? 0).toString(16).padStart(2, '0')}`;
}
