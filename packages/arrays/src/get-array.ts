/** What came for `getArray`, as an array; and the messages whose memory arrays use. */
import { ArrayFormatError, checkNames, describeValue, OptionError, type WaitOptions } from 'serpy-core';
import type { DType } from './dtype.js';
import type { NdArray } from './ndarray.js';
import { decodeNpy, isNpy } from './npy/npy.js';
import { fromNumpy, isNumpyArray } from './pickled-numpy.js';
import { arrayOf, type BareArray, checkBare } from './raw-array.js';

/** The options of `getArray`: how long it may wait, and what the bytes are where they are no `.npy`. */
export interface ArrayOptions<D extends DType = DType> extends WaitOptions, Omit<BareArray, 'dtype'> {
  /** The message is bare bytes, elements of this type. Default: it is a `.npy`, which says it itself. */
  readonly dtype?: D | undefined;
}

const names = ['timeoutMs', 'signal', 'dtype', 'shape', 'byteOrder', 'fortranOrder'];

/**
 * Checks the options of `getArray`, and takes them apart: how long it may wait, and what bare bytes are.
 * @throws `ERR_SERPY_OPTION`
 */
export function parseArrayOptions<D extends DType>(
  options: ArrayOptions<D>,
): { readonly wait: WaitOptions; readonly bare: BareArray<D> | undefined } {
  if (options === null || typeof options !== 'object') {
    throw new OptionError(`the options of a call are an object such as { timeoutMs: 1000 }, not ${String(options)}`);
  }
  checkNames(options, names);
  const { timeoutMs, signal, dtype, ...layout } = options;
  const wait = { timeoutMs, signal };
  if (dtype === undefined) {
    const alone = Object.entries(layout).find(([, value]) => value !== undefined);
    if (alone) throw new OptionError(`the option ${alone[0]} needs dtype: a .npy says all of it itself`);
    return { wait, bare: undefined };
  }
  const bare = { dtype, ...layout };
  checkBare(bare);
  return { wait, bare };
}

/**
 * The array that a message is.
 * @param data as `getData` gives it
 * @throws `ERR_SERPY_ARRAY_FORMAT`, with `data` in it
 */
export function readArray<D extends DType>(data: unknown, bare: BareArray<D> | undefined): NdArray<D> {
  if (bare === undefined && isNumpyArray(data)) return fromNumpy(data) as NdArray<D>;
  if (!Buffer.isBuffer(data)) {
    throw new ArrayFormatError(`the message is ${describe(data)} and no array (the error's data has it)`, data);
  }
  if (bare === undefined) return decodeNpy(data) as NdArray<D>;
  try {
    return arrayOf(data, bare);
  } catch (error) {
    if (!isNpy(data) || !(error instanceof ArrayFormatError)) throw error;
    throw new ArrayFormatError(`${error.message}; it is a .npy: leave dtype and shape out`, data);
  }
}

function describe(data: unknown): string {
  if (typeof data === 'string') return `text (${JSON.stringify(data.slice(0, 40).replaceAll(/[\x7f-\x9f]/g, '?'))})`;
  if (typeof data === 'number') return `the number ${data}`;
  if (typeof data === 'bigint') return BigInt.asIntN(256, data) === data ? `the number ${data}` : 'an integer';
  return typeof data === 'boolean' ? String(data) : describeValue(data);
}

/** The messages that arrays were read from, for as long as the arrays are there: their memory can be handed back. */
export class ArrayMessages {
  readonly #messages = new WeakMap<object, Uint8Array>();

  /** Reads an array, and remembers its message. */
  read<D extends DType>(data: unknown, bare: BareArray<D> | undefined): NdArray<D> {
    const array = readArray(data, bare);
    this.#messages.set(array.data, isNumpyArray(data) ? data.data : (data as Uint8Array));
    return array;
  }

  /** The message of these elements. */
  of(elements: object): Uint8Array | undefined {
    return this.#messages.get(elements);
  }
}
