/** Options: accepted values, defaults, and errors that name the option and the values that it takes. See decision 0031. */
import { FaultProxyError } from '../errors.js';

/** One option. */
export interface OptionSpec<T> {
  /** The accepted values in words: `takes ${…}`. */
  readonly takes: string;
  /** The value if the option is not given; undefined for none. */
  readonly default: T | undefined;
  /** Whether the option must be given. */
  readonly required: boolean;
  /** Checks and completes the value. Throws a `FaultProxyError` that names `path`. */
  parse(value: unknown, path: string): T;
}

/** Options by name. */
export type OptionSpecs<T> = { readonly [K in keyof T]-?: OptionSpec<Exclude<T[K], undefined>> };

/** All properties are optional. */
export type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** The longest delay of Node's timers. */
const maxTimerMs = 2 ** 31 - 1;

function defineOption<T>(
  takes: string,
  read: (value: unknown) => T | undefined,
  fallback: T | undefined,
): OptionSpec<T> {
  return {
    takes,
    default: fallback,
    required: false,
    parse(value, path) {
      const result = read(value);
      if (result === undefined) throw optionError(`the option ${path} takes ${takes}, not ${display(value)}`);
      return result;
    },
  };
}

export function optionError(message: string): FaultProxyError {
  return new FaultProxyError('ERR_FAULT_PROXY_OPTION', message);
}

/** A value as an error message shows it. */
function display(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}' (a string)`;
  if (Array.isArray(value)) return 'an array';
  if (value !== null && typeof value === 'object') return 'an object';
  return typeof value === 'function' || typeof value === 'symbol' ? `a ${typeof value}` : String(value);
}

const isNumber = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && value >= min && value <= max;

const isCount = (value: unknown, min: number, max: number): value is number =>
  Number.isSafeInteger(value) && isNumber(value, min, max);

export const option = {
  flag(fallback: boolean): OptionSpec<boolean> {
    return defineOption('true or false', (value) => (typeof value === 'boolean' ? value : undefined), fallback);
  },

  /** A whole number from `min` to `max`, both included. */
  count(min: number, max: number, fallback?: number): OptionSpec<number> {
    const takes = `a whole number from ${min} to ${max}`;
    return defineOption(takes, (value) => (isCount(value, min, max) ? value : undefined), fallback);
  },

  /** A whole number of at least `min`. */
  countFrom(min: number, fallback?: number): OptionSpec<number> {
    const accepts = (value: unknown) => (isCount(value, min, Number.MAX_SAFE_INTEGER) ? value : undefined);
    return defineOption(`a whole number from ${min}`, accepts, fallback);
  },

  /** A whole number of at least `min`, or `Infinity`. */
  countOrInfinity(min: number, fallback: number): OptionSpec<number> {
    const accepts = (value: unknown) =>
      value === Number.POSITIVE_INFINITY || isCount(value, min, Number.MAX_SAFE_INTEGER) ? value : undefined;
    return defineOption(`a whole number from ${min}, or Infinity`, accepts, fallback);
  },

  /** A number above 0, or `Infinity`. */
  rate(fallback: number): OptionSpec<number> {
    const accepts = (value: unknown) =>
      isNumber(value, Number.MIN_VALUE, Number.POSITIVE_INFINITY) ? value : undefined;
    return defineOption('a number above 0, or Infinity', accepts, fallback);
  },

  milliseconds(fallback: number): OptionSpec<number> {
    const accepts = (value: unknown) => (isNumber(value, 0, maxTimerMs) ? value : undefined);
    return defineOption(`a number of milliseconds from 0 to ${maxTimerMs}`, accepts, fallback);
  },

  millisecondsOrInfinity(fallback: number): OptionSpec<number> {
    const accepts = (value: unknown) =>
      value === Number.POSITIVE_INFINITY || isNumber(value, 0, maxTimerMs) ? value : undefined;
    return defineOption(`a number of milliseconds from 0 to ${maxTimerMs}, or Infinity`, accepts, fallback);
  },

  probability(): OptionSpec<number> {
    return defineOption('a number from 0 to 1', (value) => (isNumber(value, 0, 1) ? value : undefined), undefined);
  },

  choice<const T extends string>(words: readonly T[], fallback?: T): OptionSpec<T> {
    const takes = words.map((word) => `'${word}'`).join(' or ');
    return defineOption(takes, (value) => words.find((word) => word === value), fallback);
  },

  host(fallback: string): OptionSpec<string> {
    const accepts = (value: unknown) =>
      typeof value === 'string' && /^[^\s\p{Cc}]+$/u.test(value.trim()) ? value.trim() : undefined;
    return defineOption("a host name or IP address such as '127.0.0.1'", accepts, fallback);
  },

  /** Bytes, or a string, which is encoded as UTF-8. Bytes are copied. */
  bytes(): OptionSpec<Buffer> {
    const accepts = (value: unknown) => {
      if (typeof value === 'string') return Buffer.from(value);
      return value instanceof Uint8Array ? Buffer.from(value) : undefined;
    };
    return defineOption('bytes (Buffer, Uint8Array) or a string', accepts, undefined);
  },

  /** A function. Its results are checked when it is called. */
  callback<T extends (...args: never[]) => unknown>(takes: string): OptionSpec<T> {
    return defineOption(takes, (value) => (typeof value === 'function' ? (value as T) : undefined), undefined);
  },

  /** An object with these methods. */
  having<T extends object>(methods: readonly (keyof T & string)[], fallback: T): OptionSpec<T> {
    const accepts = (value: unknown) => {
      const hasAll = methods.every((name) => typeof (value as Partial<T> | null)?.[name] === 'function');
      return hasAll ? (value as T) : undefined;
    };
    return defineOption(`an object with ${methods.join(', ')}`, accepts, fallback);
  },

  /** One value, or a list. The result is a list. */
  oneOrMore<T>(each: OptionSpec<T>): OptionSpec<readonly T[]> {
    return {
      takes: `${each.takes}, or a list of such`,
      default: [],
      required: false,
      parse: (value, path) =>
        Array.isArray(value) ? value.map((item, i) => each.parse(item, `${path}[${i}]`)) : [each.parse(value, path)],
    };
  },

  required<T>(each: OptionSpec<T>): OptionSpec<T> {
    return { ...each, required: true };
  },

  /** An option that contains options. */
  group<T extends object>(specs: OptionSpecs<T>, check?: (group: T, path: string) => void): OptionSpec<T> {
    return {
      takes: `an object with ${Object.keys(specs).join(', ')}`,
      default: undefined,
      required: false,
      parse(value, path) {
        const group = parseOptions(specs, value, `${path}.`);
        check?.(group, path);
        return group;
      },
    };
  },
};

/** Checks options and completes them with their defaults. `prefix` precedes the names in error messages, such as `cut.`. */
export function parseOptions<T extends object>(specs: OptionSpecs<T>, input: unknown, prefix = ''): T {
  const settings: Record<string, unknown> = parseGiven(specs, input, prefix);
  for (const [name, each] of Object.entries(specs) as [string, OptionSpec<unknown>][]) {
    if (name in settings) continue;
    if (each.required) throw optionError(`the option ${prefix}${name} is missing: it takes ${each.takes}`);
    settings[name] = each.default;
  }
  return settings as T;
}

/** Checks options. @returns only those that were given */
export function parseGiven<T extends object>(specs: OptionSpecs<T>, input: unknown, prefix = ''): Partial<T> {
  const names = Object.keys(specs);
  if (input === null || typeof input !== 'object' || Array.isArray(input)) {
    const what = prefix === '' ? 'options are' : `the option ${prefix.replace(/\.$/, '')} takes`;
    throw optionError(`${what} an object with names from ${names.join(', ')}, not ${display(input)}`);
  }
  const settings: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(input)) {
    if (!names.includes(name)) {
      throw optionError(`there is no option ${prefix}${name}: the options are ${names.join(', ')}`);
    }
    const each = (specs as Record<string, OptionSpec<unknown>>)[name];
    if (value !== undefined && each) settings[name] = each.parse(value, prefix + name);
  }
  return settings as Partial<T>;
}
