/** What goes into a pickle and what comes out of one, in JavaScript's terms. */

/**
 * A numpy array, or a numpy scalar (then `shape` is `[]`), as it was pickled: nothing is converted.
 * Elements are numbers of `dtype` in `data`, which is long enough for `shape` and, from 4 KiB on, owns its memory
 * exactly, so that a typed array can be laid over `data.buffer` where the byte order is the machine's.
 */
export class NumpyArray {
  /** The type of the elements as numpy's `dtype.str` writes it, such as `'<f4'`, `'|u1'`, `'<U8'` or `'<M8[ms]'`. */
  readonly dtype: string;
  /** The number of elements along each axis. */
  readonly shape: readonly number[];
  /** Which axis runs fastest in `data`: the first (Fortran order) if true, the last (C order) if false. */
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
 * What `readPickle` makes of Python's values.
 *
 * | Python | JavaScript |
 * | --- | --- |
 * | `None`, `bool` | `null`, `boolean` |
 * | `int` | `number`, outside the safe range `bigint` |
 * | `float` | `number`: 1.0 reads as 1, as an int does |
 * | `str` | `string`; lone surrogates are kept |
 * | `bytes`, `bytearray` | `Buffer`, owning its memory exactly |
 * | `str` of Python 2 | `string` with one character a byte: `Buffer.from(text, 'latin1')` gives the bytes |
 * | `list`, `tuple` | `Array` |
 * | `dict` | `Map`; a key that is a tuple or bytes is found by walking the entries, and -0.0 as a key is 0 |
 * | `set`, `frozenset` | `Set` |
 * | numpy array, numpy scalar | `NumpyArray` |
 *
 * What Python held once and referred to twice is one object here too.
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
 * What `writePickle` takes: `null` and `undefined` become None, safe integers but `-0` int, other numbers float,
 * `bigint` int, `Uint8Array` bytes, arrays list, a `Map` or a plain object dict, a `Set` set. Inside of keys and of
 * sets, where Python needs values that do not change, an array becomes a tuple and a `Set` a frozenset.
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

/** What became of a pickle: its value, or why it has none that could be given. */
export type PickleResult =
  | { readonly ok: true; readonly value: PickleValue }
  | {
      readonly ok: false;
      /** A sentence: what the pickle holds, and what its sender can do instead. */
      readonly reason: string;
      /** True where Python could not read it either: damaged, cut short, or not a pickle. */
      readonly malformed: boolean;
    };
