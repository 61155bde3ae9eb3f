/** The `.npy` headers of a recording: they decide which arrays share a file, and let that file grow. */
import { createHash } from 'node:crypto';
import { endianness } from 'node:os';
import { arrayOf, type DType, isNpy, readNpyHeader } from 'serpy-arrays';
import { paddedHeader, textStart } from './npy-header.js';

/** The header of an array. */
export interface NpyForm {
  /** The element type as numpy writes it, such as `<u2`. */
  readonly descr: string;
  /** The name of the file, from type and shape, such as `uint16-480x640`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly fortran: boolean;
  readonly itemBytes: number;
  readonly dataBytes: number;
  readonly headerBytes: number;
}

/** The header of a message that is a complete `.npy` of numbers or booleans; undefined for other messages. */
export function npyFormOf(message: Uint8Array): NpyForm | undefined {
  const form = isNpy(message) ? headerForm(message) : undefined;
  return form && form.headerBytes + form.dataBytes === message.length ? form : undefined;
}

/** Reads a header, without a check of the data after it. */
export function headerForm(header: Uint8Array): NpyForm | undefined {
  try {
    const { dtype, byteOrder, shape, fortranOrder, headerBytes, dataBytes } = readNpyHeader(header);
    const [, kind = '', bits = '8'] = /^([a-z]+)(\d+)?$/.exec(dtype) ?? [];
    const itemBytes = Number(bits) / 8;
    const order = itemBytes === 1 ? '|' : byteOrder === 'big' ? '>' : '<';
    const name = `${dtype}${order === '>' ? 'be' : ''}-${shapeName(shape)}`;
    const descr = `${order}${kind[0]}${itemBytes}`;
    return { descr, name, shape, fortran: fortranOrder, itemBytes, dataBytes, headerBytes };
  } catch {
    return undefined; // the recording stores it as bytes
  }
}

/** A longer shape becomes a hash: file names have at most 255 bytes. */
const maxShapeNameLength = 100;

function shapeName(shape: readonly number[]): string {
  const name = shape.length === 0 ? 'scalar' : shape.join('x');
  if (name.length <= maxShapeNameLength) return name;
  return `${shape.length}axes-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
}

/** Digits for the number of arrays. They begin at a multiple of eight, so that the last eight are in one word. */
const countDigits = 16;

/** The header of a file with arrays of one form. Its length does not depend on their number. */
export interface StackHeader {
  readonly bytes: Buffer;
  /** The position of the digits for the number of arrays. */
  readonly countAt: number;
}

/** The header of a file without arrays. `countText` replaces the number. */
export function stackHeader({ descr, shape }: Pick<NpyForm, 'descr' | 'shape'>): StackHeader {
  const before = `{'descr': '${descr}', 'fortran_order': False, 'shape': (`;
  const gap = ' '.repeat((8 - ((textStart + before.length) % 8)) % 8);
  const after = `,${shape.map((length) => ` ${length}`).join(',')}), }`;
  const bytes = paddedHeader(before + gap + countText(0) + after);
  return { bytes, countAt: textStart + before.length + gap.length };
}

/** The number of arrays, as in the header. */
export function countText(count: number): string {
  return String(count).padStart(countDigits);
}

/** An element type of each size. No element is converted. */
const dtypeOfSize: Readonly<Record<number, DType>> = {
  1: 'uint8',
  2: 'uint16',
  4: 'uint32',
  8: 'uint64',
  16: 'complex128',
};

const byteOrder = endianness() === 'LE' ? 'little' : 'big';

/**
 * The elements of an array in the opposite order of its axes: from Fortran order to C order, and back.
 * @param fullShape of the array that is read, as if it were in C order
 */
export function reverseAxes(data: Uint8Array, fullShape: readonly number[], itemBytes: number): Buffer {
  const dtype = dtypeOfSize[itemBytes] as DType;
  const turned = arrayOf(data, { dtype, shape: fullShape.toReversed(), byteOrder, fortranOrder: true }).data;
  return Buffer.from(turned.buffer, turned.byteOffset, turned.byteLength);
}
