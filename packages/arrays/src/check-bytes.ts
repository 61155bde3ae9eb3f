/** Bytes as they are given to be read. */
import { types } from 'node:util';
import { ValueError } from 'serpy-core';

/** Throws `ERR_SERPY_VALUE` unless the value is bytes. @param call what they were given to */
export function checkBytes(call: string, value: unknown): asserts value is Uint8Array {
  if (types.isUint8Array(value)) return;
  const given = value === null || typeof value !== 'object' ? wordOf(value) : nameOf(value);
  throw new ValueError(`${call} takes bytes (Buffer or Uint8Array), not ${given}: of a message, message.bytes()`);
}

function wordOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : `a ${typeof value}`;
}

function nameOf(value: object): string {
  return `an object (${value.constructor?.name ?? 'none of a class'})`;
}
