/** The headers of `.npy` files, as far as a recording has to know them: to tell which arrays belong together, and to let a file grow. */
import { createHash } from 'node:crypto';
import { isNpy, readNpyHeader } from 'serpy-arrays';

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

/** The header of one array. @param descr as numpy writes it */
export function arrayHeader(descr: string, shape: readonly number[], fortran: boolean): Buffer {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  return paddedHeader(`{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${tuple}), }`);
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
  const gap = ' '.repeat((8 - ((10 + before.length) % 8)) % 8);
  const after = `,${shape.map((length) => ` ${length}`).join(',')}), }`;
  const bytes = paddedHeader(before + gap + countText(0) + after);
  return { bytes, countAt: 10 + before.length + gap.length };
}

/** The number of arrays as it stands in the header. */
export function countText(count: number): string {
  return String(count).padStart(countDigits);
}

/** As numpy pads: with blanks to a multiple of 64. */
function paddedHeader(dictionary: string): Buffer {
  const length = 64 * Math.ceil((10 + dictionary.length + 1) / 64);
  const header = Buffer.alloc(length, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(length - 10, 8);
  header.write(dictionary, 10, 'latin1');
  header.write('\n', length - 1, 'latin1');
  return header;
}

/**
 * The elements of an array in the opposite order: of one in Fortran order in C order, and back.
 * @param fullShape of the array that is read, as if it were in C order
 */
export function reverseAxes(data: Uint8Array, fullShape: readonly number[], itemBytes: number): Buffer {
  // Axes of one place change nothing, and a peer may send 64 of them.
  const shape = fullShape.filter((length) => length !== 1);
  const result = Buffer.alloc(data.length);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, length) => product * length, itemBytes));
  const index = shape.map(() => 0);
  let target = 0;
  for (let source = 0; source < data.length; source += itemBytes) {
    for (let byte = 0; byte < itemBytes; byte++) result[target + byte] = data[source + byte] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      target += stride;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      target -= stride * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return result;
}
