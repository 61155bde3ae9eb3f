/** What to say of a value that no pickle of ours can carry. */

import { types } from 'node:util';
import { NumpyArray } from '../format/values.js';

/** Answers the end of a sentence that begins with the value's path: what it is, and what to send instead. */
export function adviceFor(value: unknown): string {
  if (typeof value === 'function') return 'is a function, which is no data: leave it out';
  if (typeof value === 'symbol') return 'is a symbol, which Python does not know: send a string';
  if (value instanceof NumpyArray) {
    return 'is a NumpyArray, whose pickle would have to name functions of numpy: send its data, shape and dtype, for numpy.frombuffer';
  }
  if (types.isDate(value)) return 'is a Date, which is no plain data: send value.toISOString() or value.getTime()';
  if (types.isPromise(value)) return 'is a Promise: await it, and send what it resolves to';
  if (types.isAnyArrayBuffer(value)) return `is an ${className(value)}: send new Uint8Array(buffer)`;
  if (ArrayBuffer.isView(value)) {
    return (
      `is a ${className(value)}, whose type a pickle loses: send its bytes with ` +
      'new Uint8Array(array.buffer, array.byteOffset, array.byteLength), or Array.from(array)'
    );
  }
  if (types.isBoxedPrimitive(value)) return `is a ${className(value)} object: send what its valueOf() gives`;
  return `is an object of class ${className(value)}, which is no plain data: send a plain object with its properties`;
}

function className(value: unknown): string {
  const name: unknown = (value as { constructor?: { name?: unknown } } | null)?.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'without a name';
}
