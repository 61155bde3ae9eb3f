/** The file of a message, and its form in it. */
import { ValueError } from 'serpy-core';
import type { RecordedMessage } from '../format/format.js';
import { jsonLine } from '../format/json-line.js';
import { OmittedValue, toJson } from '../format/json-value.js';
import { type NpyForm, npyFormOf } from '../format/npy-form.js';
import { isOpaque, isPickledArray, npyOf } from '../format/pickled.js';

export type FittingPlace =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'array'; readonly form: NpyForm; readonly header: Uint8Array; readonly data: Uint8Array };

/** The file of a message, and its form in it. Throws `ERR_SERPY_VALUE` for a value without a form in JSON. */
export function placeOf({ type, value }: RecordedMessage): FittingPlace {
  if (value instanceof Uint8Array) return bytesPlace(value);
  if (type !== 'object') return valuePlace(value);
  // A numpy array in an object of v1 becomes a `.npy`; a pickle that was not read stays unchanged.
  if (isPickledArray(value)) return bytesPlace(npyOf(value));
  if (isOpaque(value)) return { kind: 'bytes', bytes: value.bytes };
  return valuePlace(value);
}

function valuePlace(value: unknown): FittingPlace {
  try {
    return { kind: 'value', value: toJson(value) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const remedy = 'record a number, a string, bytes, or lists, maps and sets of these';
    throw new ValueError(`a message cannot be recorded: ${error.message}; ${remedy}`, { cause: error });
  }
}

function bytesPlace(bytes: Uint8Array): FittingPlace {
  const form = npyFormOf(bytes);
  if (form === undefined) return { kind: 'bytes', bytes };
  return { kind: 'array', form, header: bytes.subarray(0, form.headerBytes), data: bytes.subarray(form.headerBytes) };
}

/** The line of a value in `values.jsonl`. A value whose JSON would exceed the longest string is omitted. */
export function valueLine(listed: object, value: unknown): { readonly text: string; readonly isComplete: boolean } {
  const { mode: _, about: __, ...head } = listed as { readonly mode?: number; readonly about?: unknown };
  try {
    return { text: `${jsonLine({ ...head, value })}\n`, isComplete: true };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const omitted = toJson(new OmittedValue('an object that is too long for a line of JSON'));
    return { text: `${jsonLine({ ...head, value: omitted })}\n`, isComplete: false };
  }
}
