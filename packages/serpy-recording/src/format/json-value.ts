/** Values as JSON without loss, also those that JSON cannot express. */
import { isPickledArray } from './pickled.js';

/** A value that JSON cannot express is an object with one of these keys. */
const tags = ['$int', '$float', '$bytes', '$dict', '$set', '$array', '$leftOut'] as const;

/** A numpy array within an object, as a recording returns it. */
export class RecordedArray {
  constructor(
    readonly dtype: string,
    readonly shape: readonly number[],
    readonly fortran: boolean,
    readonly data: Buffer,
  ) {}
}

/** Stands for a value that a recording could not store. */
export class OmittedValue {
  /** @param reason the kind of value, for the end of a sentence */
  constructor(readonly reason: string) {}
}

/**
 * Converts a value to one that `JSON.stringify` keeps. A container that occurs more than once is converted once.
 * @throws a `TypeError` for a value without such a form
 */
export function toJson(value: unknown): unknown {
  return converted(value, new Map());
}

function converted(value: unknown, known: Map<object, unknown>): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $float: Object.is(value, -0) ? '-0.0' : `${value}` };
    case 'bigint':
      return { $int: String(value) };
  }
  if (value === null) return null;
  if (typeof value !== 'object') throw new TypeError('the value has no form in JSON');
  const json = known.get(value) ?? objectToJson(value, (each) => converted(each, known));
  known.set(value, json);
  return json;
}

type Convert = (value: unknown) => unknown;

function objectToJson(value: object, inner: Convert): unknown {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(inner);
  if (value instanceof Set) return { $set: [...value].map(inner) };
  if (value instanceof Map) return mapToJson(value, inner);
  if (value instanceof OmittedValue) return { $leftOut: value.reason };
  if (isPickledArray(value)) {
    const { dtype, shape, fortran, data } = value;
    return { $array: { dtype, shape, fortran, data: data.toString('base64') } };
  }
  throw new TypeError('the value has no form in JSON');
}

/** A map with strings as keys becomes an object, any other a list of pairs. */
function mapToJson(map: ReadonlyMap<unknown, unknown>, inner: Convert): unknown {
  const entries = [...map];
  const isPlain = entries.every(([key]) => typeof key === 'string' && key !== '__proto__' && !key.startsWith('$'));
  if (isPlain) return Object.fromEntries(entries.map(([key, value]) => [key, inner(value)]));
  return { $dict: entries.map(([key, value]) => [inner(key), inner(value)]) };
}

/** The digits of an integer of 1,024 bytes. A recording has no longer ones, and parsing them would take long. */
const maxDigits = 2467;

function integerOf(text: string): bigint {
  if (text.length <= maxDigits + 1 && /^-?\d+$/.test(text)) return BigInt(text);
  throw new SyntaxError('$int is not an integer');
}

/** The opposite of `toJson`. Throws a `SyntaxError` for JSON that `toJson` does not write. */
export function fromJson(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(fromJson);
  const [[key, inner] = ['', undefined], ...more] = Object.entries(json);
  const tag = more.length === 0 ? tags.find((each) => each === key) : undefined;
  if (tag === undefined) return new Map(Object.entries(json).map(([name, value]) => [name, fromJson(value)]));
  if (tag === '$int') return integerOf(String(inner));
  if (tag === '$float') return Number(inner);
  if (tag === '$bytes') return Buffer.from(String(inner), 'base64');
  if (tag === '$leftOut') return new OmittedValue(String(inner));
  if (tag === '$array') return arrayFromJson(inner);
  if (!Array.isArray(inner)) throw new SyntaxError(`${tag} is not a list`);
  if (tag === '$set') return new Set(inner.map(fromJson));
  return new Map(inner.map((pair) => [fromJson(pair?.[0]), fromJson(pair?.[1])]));
}

function arrayFromJson(json: unknown): RecordedArray {
  const { dtype, shape, fortran, data } = (json ?? {}) as Record<string, unknown>;
  const isArray = typeof dtype === 'string' && Array.isArray(shape) && typeof data === 'string';
  if (!isArray) throw new SyntaxError('$array is not an array');
  return new RecordedArray(dtype, shape as number[], fortran === true, Buffer.from(data, 'base64'));
}
