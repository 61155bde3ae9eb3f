/** The header of a `.npy` for any element type that numpy has, in either order of the axes. `npyHeader` of serpy-arrays writes those of numbers in C order. */

/** Magic (6), version (2), length of the text (2). */
export const textStart = 10;

/** The elements begin at a multiple of this. */
const alignBytes = 64;

/** The header of one array. @param descr the element type as numpy writes it, such as `<u2` */
export function arrayHeader(descr: string, shape: readonly number[], fortran: boolean): Buffer {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  return paddedHeader(`{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${axes}), }`);
}

/** Pads the text with spaces to a multiple of 64 bytes, as numpy does. */
export function paddedHeader(text: string): Buffer {
  const length = alignBytes * Math.ceil((textStart + text.length + 1) / alignBytes);
  const header = Buffer.alloc(length, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(length - textStart, 8);
  header.write(text, textStart, 'latin1');
  header.write('\n', length - 1, 'latin1');
  return header;
}
