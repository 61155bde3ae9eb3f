/** The ways in which pickles write text, some of them older than UTF-8. */

import { isUtf8 } from 'node:buffer';
import { malformed, opaqueError } from './unreadable-pickle.js';

/** CPython converts no more digits than these either: with every further one, a digit costs more. */
const MAX_NUMBER_CHARACTERS = 4300;

/** A surrogate in UTF-8 begins with this byte; its second is then A0 or above. */
const SURROGATE_LEAD = 0xed;

const loneSurrogate = /\p{Surrogate}/u;
const replacement = '\ufffd';

/** Decodes UTF-8 in which, as Python's `surrogatepass` has it, lone surrogates may stand as three bytes each. */
export function decodeUtf8(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  // A replacement character is either what was sent, or a sign of what could not be decoded.
  return text.includes(replacement) ? decodeSurrogatePass(bytes) : text;
}

function decodeSurrogatePass(bytes: Buffer): string {
  const parts: string[] = [];
  let start = 0;
  const plain = (end: number) => {
    const part = bytes.subarray(start, end);
    if (!isUtf8(part)) throw malformed('a text in it is not UTF-8');
    parts.push(part.toString('utf8'));
  };
  for (let at = bytes.indexOf(SURROGATE_LEAD); at !== -1; at = bytes.indexOf(SURROGATE_LEAD, at + 1)) {
    const second = bytes[at + 1] ?? 0;
    const third = bytes[at + 2] ?? 0;
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
    plain(at);
    parts.push(String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f)));
    start = at + 3;
  }
  plain(bytes.length);
  return parts.join('');
}

/** Tells whether UTF-8 proper cannot hold a text. */
export function hasLoneSurrogate(text: string): boolean {
  return loneSurrogate.test(text);
}

/** The reverse of `decodeUtf8`, for texts with lone surrogates; other texts need no help. */
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
      if (!(codePoint <= 0x10_ffff)) throw malformed(`a text in it has a wrong escape, ${match}`);
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

/** Decodes the line of a STRING opcode: what Python 2's `repr` of a str is, one character a byte. */
export function decodeQuoted(line: Buffer): string {
  const text = line.toString('latin1');
  const quote = text.charAt(0);
  if (text.length < 2 || !(quote === "'" || quote === '"') || !text.endsWith(quote)) {
    throw malformed('a string in it has no quotes');
  }
  return text.slice(1, -1).replaceAll(/\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.?))/gs, (match, hex, octal, simple) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    if (simple === '' || simple === 'x') throw malformed(`a string in it has a wrong escape, ${match}`);
    return simpleEscapes.get(simple) ?? match;
  });
}

/** Reads the decimal digits of an INT, LONG or memo index. */
export function decodeDecimal(line: Buffer): bigint {
  const text = numberText(line);
  if (!/^[+-]?\d+$/.test(text)) throw malformed('an int in it is not in decimal digits');
  return BigInt(text.replace('+', ''));
}

/** Reads the line of a FLOAT opcode, what Python's `repr` of a float is. */
export function decodeFloat(line: Buffer): number {
  const text = numberText(line).toLowerCase();
  const word = /^([+-]?)(?:(inf|infinity)|nan)$/.exec(text);
  if (word !== null) return word[2] === undefined ? Number.NaN : Number(`${word[1]}Infinity`);
  if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/.test(text)) throw malformed('a float in it is no number');
  return Number(text);
}

function numberText(line: Buffer): string {
  if (line.length <= MAX_NUMBER_CHARACTERS) return line.toString('latin1');
  throw opaqueError(
    `writes a number with more than ${MAX_NUMBER_CHARACTERS} characters: have the sender use pickle protocol 2 or above`,
  );
}
