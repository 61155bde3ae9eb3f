/** The secret that both ends of an encrypted connection hold: how it is made, given and read, and what TLS gets of it. */
import { hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { inspect, types } from 'node:util';
import { OptionError } from '../errors.js';
import { printable } from '../printable.js';

/** What the option `key` takes. */
export type Key = string | Uint8Array | { readonly file: string } | SharedKey;

/** As many as TLS_AES_128_GCM_SHA256 has in its hash: a shorter secret would be the weakest part. */
export const minKeyBytes = 32;

/**
 * TLS has one pre-shared key for both ends of a link, and it is made for one pair of roles: a client that dials, and the server it
 * dials. Whatever else may be made of the same secret one day has a label of its own, and opens no server.
 */
const label = 'serpy 1 tls-psk client';

const expected = `a key as generateKey() makes it, a Buffer of at least ${minKeyBytes} random bytes, or { file: 'path' }`;

/** A secret that was read and checked. Nothing shows its bytes: neither `console.log` nor JSON. */
export class SharedKey {
  readonly #psk: Buffer;

  /** @param secret at least 32 random bytes; they are not kept */
  constructor(secret: Uint8Array) {
    this.#psk = Buffer.from(hkdfSync('sha256', secret, '', label, minKeyBytes));
  }

  /** What TLS proves to the other end without showing it. */
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

/** The option `key`. Its errors never show what was given. */
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

/** A key as a Connection or Server got it, checked whether or not that was done before. */
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

/** Files that were told of: a program may read one for each connection. */
const warnedFiles = new Set<string>();

/** Who can read the file has the key. It is told and not refused: containers are given files whose permissions are not theirs to choose. */
function warnIfWorldReadable(path: string): void {
  const isWindows = process.platform === 'win32'; // it keeps no such permissions
  if (isWindows || warnedFiles.has(path) || (statSync(path).mode & 0o004) === 0) return;
  warnedFiles.add(path);
  const message = `every user of this computer can read the key file ${path}: take that from them with chmod 600 ${quoted(path)}`;
  process.emitWarning(printable(message), { type: 'SecurityWarning', code: 'SERPY_KEY_FILE' });
}

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w./:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** Hexadecimal digits, or base64 in either alphabet. A key of 32 bytes from `generateKey` has 43 characters and so is no hexadecimal. */
function parseKey(text: string, what: string): Uint8Array {
  const digits = text.trim(); // of a byte order mark too
  if (/^(?:[\da-f]{2})+$/i.test(digits)) return checkLength(Buffer.from(digits, 'hex'), what);
  if (/^[\w+/-]+={0,2}$/.test(digits)) {
    const secret = checkLength(Buffer.from(digits, 'base64'), what);
    if (!looksLikeWords(digits)) return secret;
  }
  throw new OptionError(`${what} is no key: make one with generateKey(), and give it to both ends`);
}

/** Of 43 random digits of base64 fewer than two are capitals, or fewer than two small letters, once in a hundred million keys. */
function looksLikeWords(digits: string): boolean {
  const count = (letters: RegExp) => digits.replaceAll(letters, '').length;
  return count(/[^A-Z]/g) < 2 || count(/[^a-z]/g) < 2;
}

function checkLength(secret: Uint8Array, what: string): Uint8Array {
  if (secret.length >= minKeyBytes) return secret;
  throw new OptionError(
    `${what} has a key of ${secret.length} bytes, and needs at least ${minKeyBytes} random ones: make one with generateKey()`,
  );
}
