/** The headers of `.npy` files, as far as a recording has to know them: to tell which arrays belong together, and to let a file grow. */
import { createHash } from 'node:crypto';
import { endianness } from 'node:os';
import { arrayOf, type DType, isNpy, readNpyHeader } from 'serpy-arrays';
import { paddedHeader, textStart } from '../values/npy-header.js';

/** What the header of an array says, and how its data lies after it. */
export interface NpyForm {
  /** The element type as numpy writes it, such as `<u2`. */
  readonly descr: string;
  /** The same and the shape as a name, such as `uint16-480x640`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly fortran: boolean;
  readonly itemBytes: number;
  readonly dataBytes: number;
  readonly headerBytes: number;
}

/** What a message holds, where that is a whole `.npy` file of numbers or booleans; undefined for anything else. */
export function npyFormOf(message: Uint8Array): NpyForm | undefined {
  const form = isNpy(message) ? headerForm(message) : undefined;
  return form && form.headerBytes + form.dataBytes === message.length ? form : undefined;
}

/** What a header says, without a look at what follows it. */
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
    return undefined; // it is kept as the bytes that it is
  }
}

/** Longer ones no file could have: systems take 255 bytes. */
const maxShapeNameLength = 100;

function shapeName(shape: readonly number[]): string {
  const name = shape.length === 0 ? 'scalar' : shape.join('x');
  if (name.length <= maxShapeNameLength) return name;
  return `${shape.length}axes-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
}

/** Digits that the number of arrays has room for, and where in a file they begin: at a multiple of eight, so that the last eight lie in one word. */
const countDigits = 16;

/** The header of a file that holds arrays of one form one behind the other. However many there are, it has the same length. */
export interface StackHeader {
  readonly bytes: Buffer;
  /** Where the digits of the number of arrays are. */
  readonly countAt: number;
}

/** The header of a stack of no arrays yet; `countText` makes it one of more. */
export function stackHeader({ descr, shape }: Pick<NpyForm, 'descr' | 'shape'>): StackHeader {
  const before = `{'descr': '${descr}', 'fortran_order': False, 'shape': (`;
  const gap = ' '.repeat((8 - ((textStart + before.length) % 8)) % 8);
  const after = `,${shape.map((length) => ` ${length}`).join(',')}), }`;
  const bytes = paddedHeader(before + gap + countText(0) + after);
  return { bytes, countAt: textStart + before.length + gap.length };
}

/** The number of arrays as it stands in the header. */
export function countText(count: number): string {
  return String(count).padStart(countDigits);
}

/** An element type of each size. Only the size counts here: no element is converted. */
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
