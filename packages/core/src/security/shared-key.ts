/** The shared key of both ends of an encrypted connection: generates, parses and reads it, and derives the pre-shared key of TLS. */
import { hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { inspect, types } from 'node:util';
import { OptionError } from '../errors.js';
import { printable } from '../printable.js';

/** The values of the option `key`. */
export type Key = string | Uint8Array | { readonly file: string } | SharedKey;

/** 32 bytes, the length of the hash of TLS_AES_128_GCM_SHA256: a shorter secret would be the weakest part. */
export const minKeyBytes = 32;

/**
 * TLS has one pre-shared key for both ends of a link, for one pair of roles: a client that connects, and a server that listens. Every other
 * key that a later version derives from the same secret gets another label, and cannot open a server.
 */
const label = 'serpy 1 tls-psk client';

const expected = `a key as generateKey() makes it, a Buffer of at least ${minKeyBytes} random bytes, or { file: 'path' }`;

/** A secret that was read and checked. Neither `console.log` nor JSON shows its bytes. */
export class SharedKey {
  readonly #psk: Buffer;

  /** @param secret at least 32 random bytes; they are not kept */
  constructor(secret: Uint8Array) {
    this.#psk = Buffer.from(hkdfSync('sha256', secret, '', label, minKeyBytes));
  }

  /** The pre-shared key of TLS. */
  get psk(): Buffer {
    return this.#psk;
  }

  toJSON(): string {
    return '(hidden)';
  }

  [inspect.custom](): string {
    return 'SharedKey (hidden)';
  }
}

/** A new key: 32 random bytes as text, for the option `key` at both ends. */
export function generateKey(): string {
  return randomBytes(minKeyBytes).toString('base64url');
}

/** The option `key`. Its errors never contain the given value. */
export const keyOption = {
  takes: expected,
  default: undefined,
  optional: true,
  parse(value: unknown, path: string): Key {
    if (value instanceof SharedKey) return value;
    if (typeof value === 'string') return new SharedKey(parseKey(value, `the option ${path}`));
    if (types.isUint8Array(value)) return new SharedKey(checkLength(value, `the option ${path}`));
    const file = value !== null && typeof value === 'object' ? (value as { file?: unknown }).file : undefined;
    if (typeof file === 'string' && Object.keys(value as object).length === 1) return readKeyFile(file);
    throw new OptionError(`the option ${path} takes ${expected}`);
  },
};

/** Parses a key that may have been parsed before. */
export function sharedKey(key: Key): SharedKey {
  return keyOption.parse(key, 'key') as SharedKey;
}

function readKeyFile(path: string): SharedKey {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
    warnIfWorldReadable(path);
  } catch (cause) {
    throw new OptionError(`the key file ${path || "''"} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const text = bytes.toString(bytes[0] === 0xff ? 'utf16le' : 'utf8'); // PowerShell writes UTF-16
  return new SharedKey(parseKey(text, `the key file ${path}`));
}

/** The files of which a warning was emitted: a program may read one for each connection. */
const warnedFiles = new Set<string>();

/** Every user that can read the file has the key. That is a warning and not an error: a container cannot choose the permissions of its mounted files. */
function warnIfWorldReadable(path: string): void {
  const isWindows = process.platform === 'win32'; // which has no such permissions
  if (isWindows || warnedFiles.has(path) || (statSync(path).mode & 0o004) === 0) return;
  warnedFiles.add(path);
  const message = `every user of this computer can read the key file ${path}: run chmod 600 ${quoted(path)}`;
  process.emitWarning(printable(message), { type: 'SecurityWarning', code: 'SERPY_KEY_FILE' });
}

/** The path as an argument of a shell. */
function quoted(path: string): string {
  return /^[\w./:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** Parses hexadecimal digits, or base64 in either alphabet. A key of 32 bytes from `generateKey` has 43 characters, which cannot be hexadecimal. */
function parseKey(text: string, what: string): Uint8Array {
  const digits = text.trim(); // also removes a byte order mark
  if (/^(?:[\da-f]{2})+$/i.test(digits)) return checkLength(Buffer.from(digits, 'hex'), what);
  if (/^[\w+/-]+={0,2}$/.test(digits)) {
    const secret = checkLength(Buffer.from(digits, 'base64'), what);
    if (!looksLikeWords(digits)) return secret;
  }
  throw new OptionError(
    `${what} is not a valid key (expected at least ${minKeyBytes} random bytes as base64url, base64 or hexadecimal digits): ${createKey}`,
  );
}

/** Once in a hundred million keys, 43 random digits of base64 contain fewer than two capital letters, or fewer than two small letters. */
function looksLikeWords(digits: string): boolean {
  const count = (letters: RegExp) => digits.replaceAll(letters, '').length;
  return count(/[^A-Z]/g) < 2 || count(/[^a-z]/g) < 2;
}

function checkLength(secret: Uint8Array, what: string): Uint8Array {
  if (secret.length >= minKeyBytes) return secret;
  throw new OptionError(
    `${what} is not a valid key (expected at least ${minKeyBytes} random bytes, got ${secret.length} bytes): ${createKey}`,
  );
}

const createKey = 'create one with generateKey() or "serpy keygen", and give it to both ends';
