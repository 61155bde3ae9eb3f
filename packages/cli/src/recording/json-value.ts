/** Values as JSON, and what JSON has no form for, so that what is read is what was written. */

/** What stands for a value that JSON lacks: an object with this one key. */
const tags = ['$int', '$float', '$bytes', '$dict', '$set'] as const;

/** A value as one that `JSON.stringify` keeps. Throws a `TypeError` for what has no such form. */
export function toJson(value: unknown): unknown {
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
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Set) return { $set: [...value].map(toJson) };
  if (value instanceof Map) return mapToJson(value);
  throw new TypeError('there is no JSON for it');
}

/** A map with texts as keys is an object, any other a list of pairs. */
function mapToJson(map: ReadonlyMap<unknown, unknown>): unknown {
  const entries = [...map];
  const isPlain = entries.every(([key]) => typeof key === 'string' && key !== '__proto__' && !key.startsWith('$'));
  if (isPlain) return Object.fromEntries(entries.map(([key, value]) => [key, toJson(value)]));
  return { $dict: entries.map(([key, value]) => [toJson(key), toJson(value)]) };
}

/** The value that `toJson` was given. Throws a `SyntaxError` for what it cannot have written. */
export function fromJson(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(fromJson);
  const [[key, inner] = ['', undefined], ...more] = Object.entries(json);
  const tag = more.length === 0 ? tags.find((each) => each === key) : undefined;
  if (tag === undefined) return new Map(Object.entries(json).map(([name, value]) => [name, fromJson(value)]));
  if (tag === '$int') return BigInt(String(inner));
  if (tag === '$float') return Number(inner);
  if (tag === '$bytes') return Buffer.from(String(inner), 'base64');
  if (!Array.isArray(inner)) throw new SyntaxError(`${tag} holds no list`);
  if (tag === '$set') return new Set(inner.map(fromJson));
  return new Map(inner.map((pair) => [fromJson(pair?.[0]), fromJson(pair?.[1])]));
}
