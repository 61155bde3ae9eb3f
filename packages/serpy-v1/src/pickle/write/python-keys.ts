/** Which keys Python takes for one: it compares numbers across types and tuples by what is in them. */

import { types } from 'node:util';

/**
 * Answers a text that two keys share exactly if they are equal in Python, as 1, 1n and `true` are.
 * Takes only what may be a key: primitives, bytes, and arrays and sets of such.
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

/** Not in decimal digits: short ones have a hash in the engine that keys can be chosen for. */
function integerIdentity(key: bigint): string {
  return `i${key.toString(16)}`;
}

/** Tells whether a key can equal another that JavaScript keeps apart: strings and numbers among themselves cannot. */
export function mayCoincide(key: unknown): boolean {
  return typeof key !== 'string' && typeof key !== 'number';
}
