/** Python objects that came over v1: as JSON, and numpy arrays among them as `.npy`. */
import { arrayHeader } from './npy-header.js';

/** A numpy array as v1 gives it. */
export interface PickledArray {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly fortran: boolean;
  readonly data: Buffer;
}

export function isPickledArray(value: unknown): value is PickledArray {
  return typeof value === 'object' && value !== null && 'fortran' in value && 'dtype' in value && 'shape' in value;
}

/** The same as a `.npy`, whatever its elements are. */
export function npyOf({ dtype, shape, fortran, data }: PickledArray): Buffer {
  return Buffer.concat([arrayHeader(dtype, shape, fortran), data]);
}

/** So deep a value is shown; below it, as "…". */
const maxDepth = 20;

/**
 * What JSON can say of a value: a dict as an object, or as a list of pairs where its keys are no texts; integers beyond
 * 2^53 and numbers that JSON lacks as texts; bytes as `{ bytes, base64 }`. What the value holds more than once is made
 * once: a short pickle may refer to its parts so often that to walk them each time would not end.
 */
export function jsonOf(value: unknown): unknown {
  return jsonAt(value, 0, []);
}

/** @param made by depth what became of each container, as the depth decides what is left out */
function jsonAt(value: unknown, depth: number, made: Map<object, unknown>[]): unknown {
  if (depth > maxDepth) return '…';
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  made[depth] ??= new Map();
  const level = made[depth] as Map<object, unknown>;
  if (!level.has(value))
    level.set(
      value,
      objectJson(value, (each) => jsonAt(each, depth + 1, made)),
    );
  return level.get(value);
}

function objectJson(value: object, within: (each: unknown) => unknown): unknown {
  if (Buffer.isBuffer(value)) return { bytes: value.length, base64: value.toString('base64') };
  if (Array.isArray(value)) return value.map(within);
  if (value instanceof Set) return [...value].map(within);
  if (value instanceof Map) {
    const entries = [...value].map(([key, each]) => [key, within(each)] as const);
    if (entries.every(([key]) => typeof key === 'string')) return Object.fromEntries(entries);
    return entries.map(([key, each]) => [within(key), each]);
  }
  if (isPickledArray(value)) return { dtype: value.dtype, shape: value.shape, bytes: value.data.length };
  if (isOpaque(value)) return { unread: value.reason, bytes: value.bytes.length };
  return value;
}

/** A pickle that was not read. */
export function isOpaque(value: unknown): value is { readonly bytes: Buffer; readonly reason: string } {
  return typeof value === 'object' && value !== null && 'bytes' in value && 'reason' in value;
}
