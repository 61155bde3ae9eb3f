/** What the tests of arrays share: vectors that numpy wrote, and bytes to compare with. */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import type { DType, TypedArray } from 'serpy-arrays';
import { isSerpyError, type SerpyErrorLike } from 'serpy-core';

export interface Vector {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly npy: string;
  /** The elements in C order, little-endian; 16-bit floats as 32-bit ones. */
  readonly elements: string;
}

export interface Refused {
  readonly name: string;
  readonly npy: string;
  readonly says: string;
}

const file = new URL('../../../test/vectors/npy.json', import.meta.url);

export const vectors = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly arrays: readonly Vector[];
  readonly refused: readonly Refused[];
};

/** The bytes of elements, little-endian, as hex. */
export function hexOf(data: TypedArray): string {
  const bytes = Buffer.from(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  if (endianness() === 'BE' && data.BYTES_PER_ELEMENT === 2) bytes.swap16();
  if (endianness() === 'BE' && data.BYTES_PER_ELEMENT === 4) bytes.swap32();
  if (endianness() === 'BE' && data.BYTES_PER_ELEMENT === 8) bytes.swap64();
  return bytes.toString('hex');
}

/** The error that a call throws. */
export function thrownBy(call: () => unknown): SerpyErrorLike & { readonly data?: unknown } {
  try {
    call();
  } catch (error) {
    if (isSerpyError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** A `.npy` of version 1.0 with this text as its header, as short as it may be, and these elements. */
export function npyWith(text: string, elements: Uint8Array = Buffer.alloc(0), version: 1 | 2 | 3 = 1): Buffer {
  const start = version === 1 ? 10 : 12;
  const npy = Buffer.alloc(start + text.length + elements.length);
  npy.write('\x93NUMPY', 'latin1');
  npy[6] = version;
  if (version === 1) npy.writeUInt16LE(text.length, 8);
  else npy.writeUInt32LE(text.length, 8);
  npy.write(text, start, 'latin1');
  npy.set(elements, start + text.length);
  return npy;
}
