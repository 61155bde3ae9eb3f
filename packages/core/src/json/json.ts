/** Values as JSON text that every protocol carries. What JSON would lose or change is an error with its place. */
import { types } from 'node:util';
import { describeValue } from '../describe-value.js';
import { ValueError } from '../errors.js';

/** Python's reader ends at about 1000 levels. */
const maxDepth = 500;

/** Below it, a key of a path is written with a dot. */
const plainKey = /^[A-Za-z_$][\w$]{0,39}$/;

/**
 * A value as JSON text, to send it: `sendData(json({ gain: 3 }))`. `message.json()` reads it, and so does Python's `json.loads`. The text is
 * ASCII on one line, with every other character escaped, so it fits into each encoding and into a line.
 * @throws `ERR_SERPY_VALUE`, with the path, for a value that JSON cannot carry: undefined, a function, a symbol, a bigint, NaN, an infinity,
 * bytes, a Map or Set, an Error, a cycle, and more than 500 levels
 */
export function json(value: unknown): string {
  try {
    return textOf(value, []);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ValueError('the value is too long for a text: send it in parts', { cause: error });
  }
}

/** One level of the value. */
interface Level {
  readonly value: object;
  key: string | number;
}

function textOf(given: unknown, levels: Level[]): string {
  const value = converted(given, levels);
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'boolean':
      return String(value);
    case 'number':
      if (!Number.isFinite(value)) throw refusal(String(value), 'send null, or a text such as "nan"', levels);
      return Object.is(value, -0) ? '-0.0' : String(value);
    case 'object':
      return value === null ? 'null' : containerText(value, levels);
    default:
      throw refusal(value === undefined ? 'undefined' : describeValue(value), remedies[typeof value], levels);
  }
}

const remedies: Readonly<Record<string, string>> = {
  undefined: 'leave it out, or send null',
  bigint: 'send Number(value) or String(value)',
  function: 'send what it returns',
  symbol: 'send its description',
};

/** As `JSON.stringify`: the result of `toJSON`, such as the text of a Date, and the content of `new Number(1)`. */
function converted(value: unknown, levels: readonly Level[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (types.isBoxedPrimitive(value)) return value.valueOf();
  if (types.isUint8Array(value) || !('toJSON' in value) || typeof value.toJSON !== 'function') return value;
  if (types.isDate(value) && Number.isNaN(value.getTime()))
    throw refusal('an invalid Date', 'send null, or correct the date', levels);
  return value.toJSON(String(levels.at(-1)?.key ?? ''));
}

function containerText(value: object, levels: Level[]): string {
  const remedy = remedyFor(value);
  if (remedy !== undefined) throw refusal(describeValue(value), remedy, levels);
  if (levels.length >= maxDepth) throw tooDeep(levels);
  const level: Level = { value, key: '' };
  levels.push(level);
  const parts: string[] = [];
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      level.key = index;
      parts.push(textOf(value[index], levels));
    }
  } else {
    for (const key of Object.keys(value)) {
      level.key = key;
      parts.push(`${quoted(key)}:${textOf((value as Record<string, unknown>)[key], levels)}`);
    }
  }
  levels.pop();
  return Array.isArray(value) ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}

/** What to send in place of an object whose content `JSON.stringify` would lose or change. */
function remedyFor(value: object): string | undefined {
  if (ArrayBuffer.isView(value)) return 'send it as a message of its own, or Array.from(value)';
  if (types.isAnyArrayBuffer(value)) return 'send its bytes as a message of their own';
  if (types.isMap(value)) return 'send Object.fromEntries(value) or [...value]';
  if (types.isSet(value)) return 'send [...value]';
  if (types.isNativeError(value)) return 'send its message';
  if (types.isPromise(value)) return 'await it';
  return types.isRegExp(value) ? 'send its source' : undefined;
}

/** JSON leaves other characters than ASCII as they are. A lone half of a character is escaped already. */
function quoted(text: string): string {
  const escaped = (each: string) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(text).replaceAll(/[\x7f-\uffff]/g, escaped);
}

function tooDeep(levels: readonly Level[]): ValueError {
  const values = levels.map(({ value }) => value);
  const isCycle = new Set(values).size < values.length;
  if (!isCycle) return new ValueError(`the value has more than ${maxDepth} levels: send it in parts`);
  const again = values.findIndex((each, at) => values.indexOf(each) < at);
  return refusal('a part that contains itself', 'leave it out', levels.slice(0, again));
}

function refusal(what: string, remedy: string | undefined, levels: readonly Level[]): ValueError {
  const shown = levels.slice(0, 8).map(({ key }) => step(key));
  const path = levels.length > 8 ? `${shown.join('')}…` : shown.join('');
  return new ValueError(`JSON cannot carry ${what}${path && ` at value${path}`}: ${remedy}`);
}

function step(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  return plainKey.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 40))}]`;
}
