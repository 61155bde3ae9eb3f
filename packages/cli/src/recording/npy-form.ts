/** The header of `.npy` files, as far as a recording has to know it: to tell which arrays belong together, and to let a file grow. */

/** What the header of an array says, and how its data lies after it. */
export interface NpyForm {
  /** The element type as numpy writes it, such as `<u2`. */
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Bytes of an element, and of all of them. */
  readonly itemBytes: number;
  readonly dataBytes: number;
  readonly headerBytes: number;
}

const magic = Buffer.from('\x93NUMPY', 'latin1');
const maxDimensions = 32;

const kinds: Readonly<Record<string, string>> = { b: 'bool', i: 'int', u: 'uint', f: 'float', c: 'complex' };

/** What a message holds, where that is a whole `.npy` file of numbers or booleans; undefined for anything else. */
export function npyFormOf(message: Uint8Array): NpyForm | undefined {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (bytes.length < 12 || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  const textStart = bytes[magic.length] === 1 ? 10 : 12;
  const headerBytes = textStart + (textStart === 10 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  if (headerBytes > Math.min(bytes.length, 0x10000)) return undefined;
  const form = formOf(bytes.toString('latin1', textStart, headerBytes), headerBytes);
  return form && headerBytes + form.dataBytes === bytes.length ? form : undefined;
}

/** @param text the header's, a Python dictionary */
function formOf(text: string, headerBytes: number): NpyForm | undefined {
  const [, descr = '', size] = /'descr':\s*'([<>|=]?[biufc](\d+))'/.exec(text) ?? [];
  const [, order] = /'fortran_order':\s*(True|False)\b/.exec(text) ?? [];
  const [, tuple] = /'shape':\s*\(([\d,\s]*)\)/.exec(text) ?? [];
  if (size === undefined || order === undefined || tuple === undefined) return undefined;
  const shape = tuple.split(',').filter((each) => each.trim() !== '').map(Number);
  const itemBytes = Number(size);
  const dataBytes = itemBytes * shape.reduce((product, length) => product * length, 1);
  if (shape.length > maxDimensions || !Number.isSafeInteger(dataBytes) || itemBytes === 0) return undefined;
  return { descr, fortran: order === 'True', shape, itemBytes, dataBytes, headerBytes };
}

/** A name for arrays of one type and shape, such as `uint16-480x640`. */
export function formName({ descr, shape, itemBytes }: Pick<NpyForm, 'descr' | 'shape' | 'itemBytes'>): string {
  const kind = kinds[descr.replace(/[^a-z]/g, '')] ?? 'array';
  const bits = kind === 'bool' ? '' : String(itemBytes * 8);
  const order = descr.startsWith('>') ? 'be' : '';
  return `${kind}${bits}${order}-${shape.length === 0 ? 'scalar' : shape.join('x')}`;
}

/** The header of a single array in C order. */
export function npyHeader(descr: string, shape: readonly number[]): Buffer {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  return paddedHeader(`{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`);
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
  magic.copy(header);
  header.set([1, 0], magic.length);
  header.writeUInt16LE(length - 10, 8);
  header.write(dictionary, 10, 'latin1');
  header.write('\n', length - 1, 'latin1');
  return header;
}

/**
 * The elements of an array in the opposite order: of one in Fortran order in C order, and back.
 * @param shape of the array that is read, as if it were in C order
 */
export function reverseAxes(data: Uint8Array, shape: readonly number[], itemBytes: number): Buffer {
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
