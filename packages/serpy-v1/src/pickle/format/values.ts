/** The JavaScript values that a pickle is written from and read as. */

/**
 * A numpy array, or a numpy scalar with `shape` `[]`, as it was pickled: nothing is converted.
 * The elements are numbers of `dtype` in `data`, whose length fits `shape`. From 4 KiB on, `data` owns its memory exactly: a typed array
 * can use `data.buffer` if the byte order is that of the machine.
 */
export class NumpyArray {
  /** The type of the elements as numpy's `dtype.str`: `'<f4'`, `'|u1'`, `'<U8'` or `'<M8[ms]'`. */
  readonly dtype: string;
  /** The number of elements along each axis. */
  readonly shape: readonly number[];
  /** The axis that runs fastest in `data`: the first (Fortran order) if true, the last (C order) if false. */
  readonly fortran: boolean;
  /** The bytes of the elements. */
  readonly data: Buffer;

  constructor(dtype: string, shape: readonly number[], fortran: boolean, data: Buffer) {
    this.dtype = dtype;
    this.shape = shape;
    this.fortran = fortran;
    this.data = data;
  }
}

/**
 * The JavaScript values that `readPickle` returns for values of Python.
 *
 * | Python | JavaScript |
 * | --- | --- |
 * | `None`, `bool` | `null`, `boolean` |
 * | `int` | `number`, outside the safe range `bigint` |
 * | `float` | `number`: 1.0 is read as 1, like an int |
 * | `str` | `string`; lone surrogates are kept |
 * | `bytes`, `bytearray` | `Buffer`, owning its memory exactly |
 * | `str` of Python 2 | `string` with one character per byte: `Buffer.from(text, 'latin1')` returns the bytes |
 * | `list`, `tuple` | `Array` |
 * | `dict` | `Map`; to find a key that is a tuple or bytes, walk the entries; the key -0.0 is 0 |
 * | `set`, `frozenset` | `Set` |
 * | numpy array, numpy scalar | `NumpyArray` |
 *
 * An object that the pickle refers to twice is one object here too.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Buffer
  | NumpyArray
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>;

/**
 * The values that `writePickle` accepts. `null` and `undefined` become None, safe integers except `-0` int, other numbers float,
 * `bigint` int, `Uint8Array` bytes, arrays list, a `Map` or a plain object dict, a `Set` set. In keys and sets, where Python requires
 * immutable values, an array becomes a tuple and a `Set` a frozenset.
 */
export type Picklable =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Picklable[]
  | ReadonlyMap<Picklable, Picklable>
  | ReadonlySet<Picklable>
  | { readonly [key: string]: Picklable };

/** The value of a pickle, or the reason why it was not read. */
export type PickleResult =
  | { readonly ok: true; readonly value: PickleValue }
  | {
      readonly ok: false;
      /** A sentence: what the pickle holds, and what to send instead. */
      readonly reason: string;
      /** True if Python could not read it either: corrupted, truncated, or not a pickle. */
      readonly malformed: boolean;
    };
