/** Python objects received over v1, as JSON. */
import { isOpaque, isPickledArray } from 'serpy-recording';

/** Deeper levels of a value are shown as "…". */
const maxDepth = 20;

/**
 * A value in JSON: a dict as an object, or as a list of pairs if a key is not a string; integers beyond 2^53 and numbers
 * that JSON lacks as strings; bytes as `{ bytes, base64 }`. A container that occurs more than once is converted once:
 * a short pickle can refer to its parts so often that converting each reference would not end.
 */
export function jsonOf(value: unknown): unknown {
  return jsonAt(value, 0, []);
}

/** @param converted the JSON of each container by depth, because the depth decides what is omitted */
function jsonAt(value: unknown, depth: number, converted: Map<object, unknown>[]): unknown {
  if (depth > maxDepth) return '…';
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  converted[depth] ??= new Map();
  const level = converted[depth] as Map<object, unknown>;
  if (!level.has(value))
    level.set(
      value,
      objectJson(value, (each) => jsonAt(each, depth + 1, converted)),
    );
  return level.get(value);
}

function objectJson(value: object, convert: (each: unknown) => unknown): unknown {
  if (Buffer.isBuffer(value)) return { bytes: value.length, base64: value.toString('base64') };
  if (Array.isArray(value)) return value.map(convert);
  if (value instanceof Set) return [...value].map(convert);
  if (value instanceof Map) {
    const entries = [...value].map(([key, each]) => [key, convert(each)] as const);
    if (entries.every(([key]) => typeof key === 'string')) return Object.fromEntries(entries);
    return entries.map(([key, each]) => [convert(key), each]);
  }
  if (isPickledArray(value)) return { dtype: value.dtype, shape: value.shape, bytes: value.data.length };
  if (isOpaque(value)) return { unread: value.reason, bytes: value.bytes.length };
  return value;
}
