/** Detects keys that are equal in Python, which compares numbers across types and tuples by their elements. */

import { types } from 'node:util';

/**
 * Returns a text that is the same for two keys if and only if Python considers them equal, as 1, 1n and `true`.
 * Accepts what can be a key: primitives, bytes, and arrays and sets of these.
 */
export function pythonIdentity(key: unknown): string {
  if (key === null || key === undefined) return 'None';
  if (typeof key === 'string') return JSON.stringify(key);
  if (typeof key === 'boolean') return integerIdentity(BigInt(key));
  if (typeof key === 'bigint') return integerIdentity(key);
  if (typeof key === 'number') return Number.isInteger(key) ? integerIdentity(BigInt(key)) : String(key);
  if (Array.isArray(key)) return `(${key.map(pythonIdentity).join()})`;
  if (types.isSet(key)) return `{${Array.from(key, pythonIdentity).sort().join()}}`;
  if (types.isUint8Array(key)) return `b${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('hex')}`;
  return String(key);
}

/** Hexadecimal: the engine hashes short decimal strings without a seed, and a peer could choose keys that collide. */
function integerIdentity(key: bigint): string {
  return `i${key.toString(16)}`;
}

/** Whether a key can equal another one that JavaScript distinguishes. Strings, and numbers, cannot equal each other. */
export function mayCoincide(key: unknown): boolean {
  return typeof key !== 'string' && typeof key !== 'number';
}
