/** Describes a value that a pickle cannot hold, and what to send instead. */

import { types } from 'node:util';
import { NumpyArray } from '../format/values.js';

/** Completes a sentence that begins with the path of the value. */
export function adviceFor(value: unknown): string {
  if (typeof value === 'function') return 'is a function, which is not data. Omit it';
  if (typeof value === 'symbol') return 'is a symbol, which Python does not have. Send a string';
  if (value instanceof NumpyArray) {
    return 'is a NumpyArray, whose pickle would have to name functions of numpy. Send its data, shape and dtype, for numpy.frombuffer';
  }
  if (types.isDate(value)) return 'is a Date, which is not plain data. Send value.toISOString() or value.getTime()';
  if (types.isPromise(value)) return 'is a Promise. Await it and send the result';
  if (types.isAnyArrayBuffer(value)) return `is an ${className(value)}. Send new Uint8Array(buffer)`;
  if (ArrayBuffer.isView(value)) {
    return (
      `is a ${className(value)}, whose type a pickle cannot hold. Send its bytes with ` +
      'new Uint8Array(array.buffer, array.byteOffset, array.byteLength), or Array.from(array)'
    );
  }
  if (types.isBoxedPrimitive(value)) return `is a ${className(value)} object. Send the result of its valueOf()`;
  return `is an object of class ${className(value)}, which is not plain data. Send a plain object with its properties`;
}

function className(value: unknown): string {
  const name: unknown = (value as { constructor?: { name?: unknown } } | null)?.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'without a name';
}
