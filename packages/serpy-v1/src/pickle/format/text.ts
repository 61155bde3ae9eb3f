/** Decodes and encodes the text formats of pickles, some of which are older than UTF-8. */

import { isUtf8 } from 'node:buffer';
import { malformed, opaqueError } from './unreadable-pickle.js';

/** The limit of CPython: the time of the conversion grows with the square of the number of digits. */
const MAX_NUMBER_CHARACTERS = 4300;

/** The first byte of a surrogate in UTF-8. The second byte is then A0 or above. */
const SURROGATE_LEAD = 0xed;

const loneSurrogate = /\p{Surrogate}/u;
const replacement = '\ufffd';

/** Decodes UTF-8 with lone surrogates of three bytes each, as Python's `surrogatepass` does. */
export function decodeUtf8(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  // A replacement character was either sent, or marks bytes that could not be decoded.
  return text.includes(replacement) ? decodeSurrogatePass(bytes) : text;
}

function decodeSurrogatePass(bytes: Buffer): string {
  const parts: string[] = [];
  let start = 0;
  const appendUtf8 = (end: number) => {
    const part = bytes.subarray(start, end);
    if (!isUtf8(part)) throw malformed('it holds a text that is not UTF-8');
    parts.push(part.toString('utf8'));
  };
  for (let at = bytes.indexOf(SURROGATE_LEAD); at !== -1; at = bytes.indexOf(SURROGATE_LEAD, at + 1)) {
    const second = bytes[at + 1] ?? 0;
    const third = bytes[at + 2] ?? 0;
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
    appendUtf8(at);
    parts.push(String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f)));
    start = at + 3;
  }
  appendUtf8(bytes.length);
  return parts.join('');
}

/** Whether a text has no valid UTF-8 form. */
export function hasLoneSurrogate(text: string): boolean {
  return loneSurrogate.test(text);
}

/** The reverse of `decodeUtf8`, for texts with lone surrogates. */
export function encodeSurrogatePass(text: string): Buffer {
  const parts = text.split(/(\p{Surrogate})/u).map((part) => {
    if (!hasLoneSurrogate(part)) return Buffer.from(part, 'utf8');
    const unit = part.charCodeAt(0);
    return Buffer.of(SURROGATE_LEAD, 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  });
  return Buffer.concat(parts);
}

/** Decodes the line of a UNICODE opcode: Latin-1 with `\uXXXX` and `\UXXXXXXXX`. Two backslashes stay two. */
export function decodeRawUnicodeEscape(line: Buffer): string {
  return line
    .toString('latin1')
    .replaceAll(/\\(?:\\|u([0-9a-fA-F]{4})?|U([0-9a-fA-F]{8})?)/g, (match: string, short?: string, long?: string) => {
      if (match === '\\\\') return match;
      const codePoint = Number.parseInt(short ?? long ?? '', 16);
      if (!(codePoint <= 0x10_ffff)) throw malformed(`it holds a text with an invalid escape, ${match}`);
      return String.fromCodePoint(codePoint);
    });
}

const simpleEscapes: ReadonlyMap<string, string> = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
]);

/** Decodes the line of a STRING opcode: Python 2's `repr` of a str, one character per byte. */
export function decodeQuoted(line: Buffer): string {
  const text = line.toString('latin1');
  const quote = text.charAt(0);
  if (text.length < 2 || !(quote === "'" || quote === '"') || !text.endsWith(quote)) {
    throw malformed('it holds a string without quotes');
  }
  return text.slice(1, -1).replaceAll(/\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.?))/gs, (match, hex, octal, simple) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    if (simple === '' || simple === 'x') throw malformed(`it holds a string with an invalid escape, ${match}`);
    return simpleEscapes.get(simple) ?? match;
  });
}

/** Reads the decimal digits of an INT, LONG or memo index. */
export function decodeDecimal(line: Buffer): bigint {
  const text = numberText(line);
  if (!/^[+-]?\d+$/.test(text)) throw malformed('it holds an int that is not in decimal digits');
  return BigInt(text.replace('+', ''));
}

/** Reads the line of a FLOAT opcode: Python's `repr` of a float. */
export function decodeFloat(line: Buffer): number {
  const text = numberText(line).toLowerCase();
  const special = /^([+-]?)(?:(inf|infinity)|nan)$/.exec(text);
  if (special !== null) return special[2] === undefined ? Number.NaN : Number(`${special[1]}Infinity`);
  if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/.test(text))
    throw malformed('it holds a float that is not a number');
  return Number(text);
}

function numberText(line: Buffer): string {
  if (line.length <= MAX_NUMBER_CHARACTERS) return line.toString('latin1');
  throw opaqueError(
    `writes a number with more than ${MAX_NUMBER_CHARACTERS} characters. Use pickle protocol 2 or above at the sender`,
  );
}
