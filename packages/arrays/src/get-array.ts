/** Reads a message as an array for `getArray`, and records which message's memory each array uses. */
import { ArrayFormatError, checkNames, describeValue, OptionError, type WaitOptions } from 'serpy-core';
import type { DType } from './dtype.js';
import type { NdArray } from './ndarray.js';
import { decodeNpy, isNpy } from './npy/npy.js';
import { fromNumpy, isNumpyArray } from './pickled-numpy.js';
import { arrayOf, type BareArray, checkBare } from './raw-array.js';

/** The options of `getArray`: a timeout, and the type and shape of bare bytes. */
export interface ArrayOptions<D extends DType = DType> extends WaitOptions, Omit<BareArray, 'dtype'> {
  /** The message is bare bytes: elements of this type. By default it is a `.npy`, which states its type. */
  readonly dtype?: D | undefined;
}

const names = ['timeoutMs', 'signal', 'dtype', 'shape', 'byteOrder', 'fortranOrder'];

/**
 * Checks the options of `getArray`, and separates the timeout from the layout of bare bytes.
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
    const given = Object.entries(layout).find(([, value]) => value !== undefined);
    if (given)
      throw new OptionError(
        `the option ${given[0]} needs dtype, since a .npy states its own layout. Add dtype, or omit ${given[0]}`,
      );
    return { wait, bare: undefined };
  }
  const bare = { dtype, ...layout };
  checkBare(bare);
  return { wait, bare };
}

/**
 * Reads a message as an array.
 * @param data the result of `getData`
 * @throws `ERR_SERPY_ARRAY_FORMAT` with `data`
 */
export function readArray<D extends DType>(data: unknown, bare: BareArray<D> | undefined): NdArray<D> {
  if (bare === undefined && isNumpyArray(data)) return fromNumpy(data) as NdArray<D>;
  if (!Buffer.isBuffer(data)) {
    throw new ArrayFormatError(`the message is ${describe(data)}, not an array. The error's data holds it`, data);
  }
  if (bare === undefined) return decodeNpy(data) as NdArray<D>;
  try {
    return arrayOf(data, bare);
  } catch (error) {
    if (!isNpy(data) || !(error instanceof ArrayFormatError)) throw error;
    throw new ArrayFormatError(`${error.message}. The message is a .npy: omit dtype and shape`, data);
  }
}

function describe(data: unknown): string {
  if (typeof data === 'string') return `text (${JSON.stringify(data.slice(0, 40).replaceAll(/[\x7f-\x9f]/g, '?'))})`;
  if (typeof data === 'number') return `the number ${data}`;
  if (typeof data === 'bigint') return BigInt.asIntN(256, data) === data ? `the number ${data}` : 'an integer';
  return typeof data === 'boolean' ? String(data) : describeValue(data);
}

/** Maps each array to its message as long as the array exists, so that `release` can reuse the message's memory. */
export class ArrayMessages {
  readonly #messages = new WeakMap<object, Uint8Array>();

  /** Reads an array and records its message. */
  read<D extends DType>(data: unknown, bare: BareArray<D> | undefined): NdArray<D> {
    const array = readArray(data, bare);
    this.#messages.set(array.data, isNumpyArray(data) ? data.data : (data as Uint8Array));
    return array;
  }

  /** The message whose memory these elements use. */
  of(elements: object): Uint8Array | undefined {
    return this.#messages.get(elements);
  }
}
