/** The header of a `.npy`, written: byte for byte what numpy writes. */
import { OptionError } from 'serpy-core';
import { type DType, dtypes, kindOf, nativeOrder } from '../dtype.js';
import { shapeError } from '../shape.js';

/** What every `.npy` starts with; the version follows. */
export const npyMagic = Buffer.from('\x93NUMPY', 'latin1');

/** Magic (6), version (2), length of the text (2, little-endian). */
export const textStart = 10;

/** The elements begin at a multiple of this, so that they can be used where they are. */
const alignBytes = 64;

/** The first axis has room for so many digits, so that it can grow in place. */
const growingDigits = 21;

/** What a header says. */
export interface NpyHeaderOptions {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * The header of a `.npy` whose elements follow in C order and this machine's byte order. Its size is a multiple of 64 and does not depend
 * on the length of the first axis: the header of a file that grows along it can be written again in its place.
 * @throws `ERR_SERPY_OPTION`
 */
export function npyHeader({ dtype, shape }: NpyHeaderOptions): Buffer {
  const kind = kindOf(dtype as unknown);
  if (kind === undefined) throw new OptionError(`dtype takes one of ${dtypes.join(', ')}, not ${String(dtype)}`);
  const fault = shapeError(shape);
  if (fault !== undefined) throw new OptionError(fault);
  const order = kind.itemBytes === 1 ? '|' : nativeOrder === 'little' ? '<' : '>';
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const room = shape.length === 0 ? 0 : growingDigits - String(shape[0]).length;
  const text = `{'descr': '${order}${kind.code}', 'fortran_order': False, 'shape': (${axes}), }${' '.repeat(room)}`;
  const sizeBytes = textStart + text.length + 1;
  // As numpy does: a whole block of spaces where the text ends at one.
  const header = Buffer.alloc(sizeBytes + alignBytes - (sizeBytes % alignBytes), ' ');
  npyMagic.copy(header);
  header[6] = 1;
  header[7] = 0;
  header.writeUInt16LE(header.length - textStart, 8);
  header.write(text, textStart, 'latin1');
  header[header.length - 1] = 0x0a;
  return header;
}
