/** Converts elements in memory to a typed array: the byte order of the machine, C order. */
import { type ByteOrder, type DataOf, type DType, type Kind, nativeOrder } from './dtype.js';
import { float16ArrayToFloat32 } from './float16.js';

/** The layout of elements in memory. */
export interface Layout {
  readonly byteOrder: ByteOrder;
  /** Whether the first axis runs fastest. */
  readonly fortranOrder: boolean;
}

/** The elements in bytes. It uses the bytes in place if their layout and alignment allow that; otherwise it copies them. It never changes them. */
export function elementsOf(kind: Kind, shape: readonly number[], bytes: Uint8Array, layout: Layout): DataOf[DType] {
  const numberBytes = kind.itemBytes / kind.parts;
  const swapped = numberBytes > 1 && layout.byteOrder !== nativeOrder;
  const transposes = layout.fortranOrder && longerAxes(shape).length > 1 && bytes.length > 0;
  let own = bytes;
  if (transposes) own = toCOrder(bytes, longerAxes(shape), kind.itemBytes);
  else if (swapped || bytes.byteOffset % numberBytes !== 0) own = Uint8Array.from(bytes);
  if (swapped) swap(own, numberBytes);
  if (kind.dtype === 'bool' && holdsOthers(own)) own = own.map((value) => (value === 0 ? 0 : 1)); // as numpy does
  const numbers = own.length / numberBytes;
  if (kind.over) return kind.over(own.buffer, own.byteOffset, numbers);
  return float16ArrayToFloat32(new Uint16Array(own.buffer, own.byteOffset, numbers));
}

/** The axes of a length other than 1. Axes of length 1 do not change the layout, and a peer may send 64 of them. */
function longerAxes(shape: readonly number[]): number[] {
  return shape.filter((length) => length !== 1);
}

/** Whether there is a byte other than 0 and 1. */
function holdsOthers(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if ((bytes[at] as number) > 1) return true;
  return false;
}

function swap(bytes: Uint8Array, numberBytes: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (numberBytes === 2) buffer.swap16();
  else if (numberBytes === 4) buffer.swap32();
  else buffer.swap64();
}

/** Copies elements in Fortran order to C order. @param shape without axes of length 1 */
function toCOrder(bytes: Uint8Array, shape: readonly number[], itemBytes: number): Uint8Array {
  const target = new Uint8Array(bytes.length);
  const unitBytes = Math.min(itemBytes, 4);
  const from = unitsOf(bytes.byteOffset % unitBytes === 0 ? bytes : Uint8Array.from(bytes), unitBytes);
  const to = unitsOf(target, unitBytes);
  const units = itemBytes / unitBytes;
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, length) => product * length, units));
  const last = shape.length - 1;
  const rowLength = shape[last] as number;
  const rowStride = strides[last] as number;
  const index = new Array<number>(last).fill(0);
  let start = 0;
  for (let row = 0; row < to.length; row += rowLength * units) {
    for (let i = 0; i < rowLength; i++) {
      for (let unit = 0; unit < units; unit++) {
        to[row + i * units + unit] = from[start + i * rowStride + unit] as number;
      }
    }
    // Advances to the next row, like an odometer.
    for (let axis = last - 1; axis >= 0; axis--) {
      const next = (index[axis] as number) + 1;
      start += strides[axis] as number;
      if (next < (shape[axis] as number)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
      start -= next * (strides[axis] as number);
    }
  }
  return target;
}

function unitsOf({ buffer, byteOffset, length }: Uint8Array, unitBytes: number) {
  if (unitBytes === 1) return new Uint8Array(buffer, byteOffset, length);
  if (unitBytes === 2) return new Uint16Array(buffer, byteOffset, length / 2);
  return new Uint32Array(buffer, byteOffset, length / 4);
}
