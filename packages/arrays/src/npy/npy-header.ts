/** Writes the header of a `.npy`, byte for byte as numpy does. */
import { OptionError } from 'serpy-core';
import { type DType, dtypes, kindOf, nativeOrder } from '../dtype.js';
import { shapeError } from '../shape.js';

/** Starts every `.npy`; the version follows. */
export const npyMagic = Buffer.from('\x93NUMPY', 'latin1');

/** Magic (6), version (2), length of the text (2, little-endian). */
export const textStart = 10;

/** The elements start at a multiple of this, so that a typed array can use them where they are. */
const alignBytes = 64;

/** numpy leaves room for a length of this many digits, so that a file can grow in place. */
const growingDigits = 21;

/** Reserved digits start at a multiple of this, so that the last eight lie in one word. */
const digitsAlignBytes = 8;

/** The most digits of a safe integer. */
const maxReservedDigits = 16;

/** numpy's `dtype.str` of a type without fields: `<f4`, `|u1`, `<U8`, `<M8[ms]`. */
const descrForm = /^[<>|][A-Za-z]\d{0,10}(?:\[\w{1,20}\])?$/;

/** The content of a header. */
export interface NpyHeaderOptions {
  /** The type of the elements in this machine's byte order; or numpy's `dtype.str`, which also names types that serpy does not decode. */
  readonly dtype: DType | `${'<' | '>' | '|'}${string}`;
  /** The number of elements along each axis. */
  readonly shape: readonly number[];
  /** Whether the first axis runs fastest (Fortran order). Default false: the last one does (C order). */
  readonly fortran?: boolean | undefined;
  /**
   * Right-aligns the length of the growing axis in this many digits, which start at a multiple of 8 bytes: a program can overwrite the
   * digits alone. 1 to 16. By default the space for them follows the text, as in a file of numpy: a program overwrites the whole header.
   */
  readonly reserveDigits?: number | undefined;
}

/**
 * The header of a `.npy`. Its size is a multiple of 64 bytes and does not depend on the length of the growing axis, which is the first one in C
 * order and the last one in Fortran order: a program can overwrite the header of a file that grows along it.
 * @throws `ERR_SERPY_OPTION`
 */
export function npyHeader({ dtype, shape, fortran = false, reserveDigits }: NpyHeaderOptions): Buffer {
  const descr = descrOf(dtype);
  const fault = shapeError(shape);
  if (fault !== undefined) throw new OptionError(fault);
  checkDigits(reserveDigits);
  const order = fortran ? 'True' : 'False';
  const before = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (`;
  const axes = shape.map(String);
  const growing = fortran ? axes.length - 1 : 0;
  const growingLength = axes[growing] ?? '';
  let room = '';
  if (axes.length > 0) {
    if (reserveDigits === undefined) room = ' '.repeat(growingDigits - growingLength.length);
    else
      axes[growing] = reserved(growingLength, textStart + before.length + lengthBefore(axes, growing), reserveDigits);
  }
  return headerOf(`${before}${axes.join(', ')}${axes.length === 1 ? ',' : ''}), }${room}`);
}

function descrOf(dtype: NpyHeaderOptions['dtype']): string {
  const kind = kindOf(dtype as unknown);
  if (kind !== undefined) return `${kind.itemBytes === 1 ? '|' : nativeOrder === 'little' ? '<' : '>'}${kind.code}`;
  if (typeof dtype === 'string' && descrForm.test(dtype)) return dtype;
  throw new OptionError(
    `dtype takes one of ${dtypes.join(', ')}, not ${String(dtype)}; numpy's dtype.str, such as '<f4', is accepted too`,
  );
}

function checkDigits(digits: number | undefined): void {
  if (digits === undefined || (Number.isInteger(digits) && digits >= 1 && digits <= maxReservedDigits)) return;
  throw new OptionError(`reserveDigits takes an integer from 1 to ${maxReservedDigits}, not ${String(digits)}`);
}

/** The characters in the text before this axis. */
function lengthBefore(axes: readonly string[], axis: number): number {
  return axes.slice(0, axis).reduce((length, each) => length + each.length + ', '.length, 0);
}

/** A length in a field of digits. @param start where the field would start without alignment */
function reserved(length: string, start: number, digits: number): string {
  if (length.length > digits)
    throw new OptionError(`the length ${length} has more than ${digits} digits (reserveDigits)`);
  const gap = (digitsAlignBytes - (start % digitsAlignBytes)) % digitsAlignBytes;
  return ' '.repeat(gap) + length.padStart(digits);
}

function headerOf(text: string): Buffer {
  const sizeBytes = textStart + text.length + 1;
  // numpy adds a whole block of spaces if the text ends at a multiple of 64.
  const header = Buffer.alloc(sizeBytes + alignBytes - (sizeBytes % alignBytes), ' ');
  npyMagic.copy(header);
  header[6] = 1;
  header[7] = 0;
  header.writeUInt16LE(header.length - textStart, 8);
  header.write(text, textStart, 'latin1');
  header[header.length - 1] = 0x0a;
  return header;
}
