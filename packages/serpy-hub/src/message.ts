/** A message of a source, as every consumer gets it: the same object, which none of them may change. */
import {
  encodeNpy,
  isArrayValue,
  isNpy,
  type NdArray,
  readArray,
  readNpyHeader,
  type ShapedArray,
  type TypedArray,
} from 'serpy-arrays';
import { type About, isTypedNumber } from 'serpy-core';

/** What a message is. A consumer that comes late gets the newest message of each kind. */
export type Kind =
  | 'number'
  | 'text'
  | 'bytes'
  | 'object'
  | 'array-0d'
  | 'array-1d'
  | 'array-2d'
  | 'array-3d'
  | 'array-nd';

/** A text of an instrument that is a number, such as `+1.042E+03`. */
const numberText = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;

/** A longer text is a text. */
const maxNumberCharacters = 40;

export class HubMessage {
  /** The name of the source. */
  readonly source: string;
  readonly kind: Kind;
  /** The name of the type in the source's protocol, such as `'int'`. */
  readonly type: string;
  /** The value as received. */
  readonly value: unknown;
  /** The mode of v1. */
  readonly mode: number | undefined;
  /** What the sender said about it, in a session. */
  readonly about: About | undefined;
  /** The kind, and the name that the sender gave it: of each, a consumer that comes late gets the newest. */
  readonly slot: string;
  /** The number of this message in its source, from 1. */
  readonly number: number;
  /** When the hub read it, by its monotonic clock. */
  readonly atMs: number;
  #array: NdArray | undefined;

  /** @param isNamed whether its name makes it another slot */
  constructor(source: string, content: Content, number: number, atMs: number, isNamed = true) {
    this.source = source;
    this.type = content.type;
    this.value = content.value;
    this.mode = content.mode;
    this.kind = kindOf(content.value);
    this.about = content.about;
    const name = isNamed ? content.about?.name : undefined;
    this.slot = name === undefined ? this.kind : `${this.kind} ${name}`;
    this.number = number;
    this.atMs = atMs;
  }

  /**
   * The message as an array, decoded once for all consumers.
   * @throws `ERR_SERPY_ARRAY_FORMAT` if it is not one
   */
  array(): NdArray {
    this.#array ??= arrayOf(this.value);
    return this.#array;
  }

  /** The message as a number; NaN if it is not one. */
  reading(): number {
    return readingOf(this.value) ?? Number.NaN;
  }

  /** The memory that the message needs, roughly. */
  get sizeBytes(): number {
    return sizeOf(this.value);
  }
}

/** What a source hands over. */
export interface Content {
  readonly type: string;
  readonly value: unknown;
  readonly mode?: number | undefined;
  readonly about?: About | undefined;
}

export function kindOf(value: unknown): Kind {
  if (readingOf(value) !== undefined) return 'number';
  if (typeof value === 'string') return 'text';
  if (value instanceof Uint8Array) return isNpy(value) ? kindOfArray(() => readNpyHeader(value)) : 'bytes';
  return isArrayValue(value) || isPickledArray(value) ? kindOfArray(() => arrayOf(value)) : 'object';
}

/** Bytes that are not an array after all are bytes. */
function kindOfArray(read: () => { readonly shape: readonly number[] }): Kind {
  try {
    const { length } = read().shape;
    return length > 3 ? 'array-nd' : (`array-${length as 0 | 1 | 2 | 3}d` as const);
  } catch {
    return 'bytes';
  }
}

function readingOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (isTypedNumber(value)) return Number(value.value);
  if (typeof value === 'string' && value.length <= maxNumberCharacters && numberText.test(value)) return Number(value);
  return undefined;
}

/** A numpy array of v1, as its pickle was read. */
function isPickledArray(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'fortran' in value && 'dtype' in value;
}

function arrayOf(value: unknown): NdArray {
  if (isArrayValue(value)) return fromProgram(value);
  return readArray(value, undefined);
}

/** An array that this program made. Encoding checks it. */
function fromProgram(value: TypedArray | ShapedArray): NdArray {
  return readArray(encodeNpy(value), undefined) as NdArray;
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 2 * value.length;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (isArrayValue(value)) return 'data' in value ? value.data.byteLength : (value as TypedArray).byteLength;
  if (isPickledArray(value)) return (value as { data: Uint8Array }).data.byteLength;
  return 64;
}
