/** The types of elements: their names, their codes in a `.npy`, and their typed arrays. */
import { endianness } from 'node:os';

/** The typed array that holds the elements of each type. Complex numbers are pairs of real and imaginary part. */
export interface DataOf {
  bool: Uint8Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  /** Two bytes each on the wire. Decoded as 32-bit floats, which represent all their values. */
  float16: Float32Array;
  float32: Float32Array;
  float64: Float64Array;
  complex64: Float32Array;
  complex128: Float64Array;
}

/** The name of a type of elements, as in numpy. */
export type DType = keyof DataOf;

/** The byte order of each number. */
export type ByteOrder = 'little' | 'big';

/** The properties of a type. */
export interface Kind<D extends DType = DType> {
  readonly dtype: D;
  /** numpy's letter and the bytes of an element: `f4`. */
  readonly code: string;
  readonly itemBytes: number;
  /** The numbers in an element: 2 for complex types. */
  readonly parts: number;
  /** Creates a typed array over memory. Undefined if the elements must be converted. */
  readonly over: ((memory: ArrayBufferLike, start: number, numbers: number) => DataOf[D]) | undefined;
}

function kind<D extends DType>(dtype: D, code: string, over: Kind<D>['over'], parts = 1): Kind<D> {
  return { dtype, code, itemBytes: Number(code.slice(1)), parts, over };
}

const bytesOver = (memory: ArrayBufferLike, start: number, count: number) => new Uint8Array(memory, start, count);
const floatsOver = (memory: ArrayBufferLike, start: number, count: number) => new Float32Array(memory, start, count);
const doublesOver = (memory: ArrayBufferLike, start: number, count: number) => new Float64Array(memory, start, count);

const kinds: { readonly [D in DType]: Kind<D> } = {
  bool: kind('bool', 'b1', bytesOver),
  int8: kind('int8', 'i1', (memory, start, count) => new Int8Array(memory, start, count)),
  uint8: kind('uint8', 'u1', bytesOver),
  int16: kind('int16', 'i2', (memory, start, count) => new Int16Array(memory, start, count)),
  uint16: kind('uint16', 'u2', (memory, start, count) => new Uint16Array(memory, start, count)),
  int32: kind('int32', 'i4', (memory, start, count) => new Int32Array(memory, start, count)),
  uint32: kind('uint32', 'u4', (memory, start, count) => new Uint32Array(memory, start, count)),
  int64: kind('int64', 'i8', (memory, start, count) => new BigInt64Array(memory, start, count)),
  uint64: kind('uint64', 'u8', (memory, start, count) => new BigUint64Array(memory, start, count)),
  float16: kind('float16', 'f2', undefined),
  float32: kind('float32', 'f4', floatsOver),
  float64: kind('float64', 'f8', doublesOver),
  complex64: kind('complex64', 'c8', floatsOver, 2),
  complex128: kind('complex128', 'c16', doublesOver, 2),
};

/** The names of all types. */
export const dtypes: readonly DType[] = Object.keys(kinds) as DType[];

/** The properties of a type; undefined for an unknown name. */
export function kindOf(dtype: DType): Kind;
export function kindOf(dtype: unknown): Kind | undefined;
export function kindOf(dtype: unknown): Kind | undefined {
  return typeof dtype === 'string' && Object.hasOwn(kinds, dtype) ? kinds[dtype as DType] : undefined;
}

/** The type with this code in a `.npy`. */
export function kindOfCode(code: string): Kind | undefined {
  return Object.values(kinds).find((each) => each.code === code);
}

/** The byte order of this machine. */
export const nativeOrder: ByteOrder = endianness() === 'LE' ? 'little' : 'big';

/** The types as which each typed array can be sent. The first one is the default. */
export const dtypesOfArray: Readonly<Record<string, readonly [DType, ...DType[]]>> = {
  Int8Array: ['int8'],
  Uint8Array: ['uint8', 'bool'],
  Uint8ClampedArray: ['uint8'],
  Int16Array: ['int16'],
  Uint16Array: ['uint16', 'float16'],
  Int32Array: ['int32'],
  Uint32Array: ['uint32'],
  BigInt64Array: ['int64'],
  BigUint64Array: ['uint64'],
  Float16Array: ['float16'],
  Float32Array: ['float32', 'float16', 'complex64'],
  Float64Array: ['float64', 'complex128'],
};
