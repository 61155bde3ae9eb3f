/** Options: their types, defaults and checks, and errors that name the option and the values that it takes. */
import { OptionError } from '../errors.js';
import { checkNames } from './option-names.js';
import { maxTimeoutMs } from './wait-options.js';

/** One option. */
export interface OptionSpec<T> {
  /** The accepted values, for a message: `takes ${…}`. */
  readonly takes: string;
  /** The default; undefined if the option is required or optional. */
  readonly default: T | undefined;
  /** Whether the option can be omitted although it has no default. */
  readonly optional?: boolean;
  /** The value in most cases, for an option whose default depends on the connection. */
  readonly typicalDefault?: T;
  /** The options of a group. */
  readonly fields?: Readonly<Record<string, OptionSpec<unknown>>>;
  /** The checked and completed value. Throws an `OptionError` that names `path`. */
  parse(value: unknown, path: string): T;
  /** Throws an `OptionError` if other given options contradict this value. Called after each option was parsed. */
  validateWith?(value: T, given: Readonly<Record<string, unknown>>): void;
}

/** Options by name. */
export type OptionSpecs<T> = { readonly [K in keyof T]-?: OptionSpec<Exclude<T[K], undefined>> };

/** @param accept returns the value of the option; undefined if the given value is not accepted */
function defineOption<T>(
  takes: string,
  fallback: T | undefined,
  accept: (given: unknown) => T | undefined,
): OptionSpec<T> {
  return {
    takes,
    default: fallback,
    parse(value, path) {
      const accepted = accept(value);
      if (accepted !== undefined) return accepted;
      throw new OptionError(`the option ${path} takes ${takes}, not ${display(value)}`);
    },
  };
}

function numberWithin(given: unknown, min: number, max = Number.POSITIVE_INFINITY): number | undefined {
  return typeof given === 'number' && given >= min && given <= max ? given : undefined;
}

/** A value as text in an error message. */
export function display(value: unknown): string {
  if (typeof value === 'string')
    return `'${escapeControls(value.length > 40 ? `${value.slice(0, 40)}…` : value)}' (a string)`;
  if (Array.isArray(value)) return 'an array';
  if (value !== null && typeof value === 'object') return 'an object';
  return typeof value === 'function' || typeof value === 'symbol' ? `a ${typeof value}` : String(value);
}

function escapeControls(text: string): string {
  return text.replaceAll(/[\0-\x1f\x7f-\x9f]/g, (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

export const option = {
  flag(fallback: boolean): OptionSpec<boolean> {
    return defineOption('true or false', fallback, (given) => (typeof given === 'boolean' ? given : undefined));
  },

  text(fallback: string): OptionSpec<string> {
    return defineOption('a string', fallback, (given) => (typeof given === 'string' ? given : undefined));
  },

  /** A whole number from `min` to `max`, inclusive. */
  count(min: number, max: number, fallback: number | undefined): OptionSpec<number> {
    return defineOption(`a whole number from ${min} to ${max}`, fallback, (given) =>
      Number.isSafeInteger(given) ? numberWithin(given, min, max) : undefined,
    );
  },

  /** A whole number of at least `min`, or `Infinity`. */
  countOrInfinity(min: number, fallback: number): OptionSpec<number> {
    return defineOption(`a whole number from ${min}, or Infinity`, fallback, (given) =>
      Number.isSafeInteger(given) || given === Number.POSITIVE_INFINITY ? numberWithin(given, min) : undefined,
    );
  },

  /** `true`, `false` or a number of milliseconds. */
  flagOrMilliseconds(fallback: boolean, min = 1, max = maxTimeoutMs): OptionSpec<boolean | number> {
    return defineOption(`true, false or a number of milliseconds from ${min} to ${max}`, fallback, (given) =>
      typeof given === 'boolean' ? given : numberWithin(given, min, max),
    );
  },

  milliseconds(fallback: number, min = 0, max = maxTimeoutMs): OptionSpec<number> {
    return defineOption(`a number of milliseconds from ${min} to ${max}`, fallback, (given) =>
      numberWithin(given, min, max),
    );
  },

  choice<const T extends string>(values: readonly T[], fallback: T | undefined): OptionSpec<T> {
    return defineOption(values.map((value) => `'${value}'`).join(' or '), fallback, (given) =>
      values.find((value) => value === given),
    );
  },

  host(fallback: string | undefined): OptionSpec<string> {
    return defineOption("a host name or IP address such as '127.0.0.1'", fallback, (given) => {
      const host = typeof given === 'string' ? given.trim() : '';
      // Node's own error for a NUL has no `code` of serpy.
      return /^[^\s\0-\x1f\x7f]+$/.test(host) ? host : undefined;
    });
  },

  /** An option that is an object of options. */
  group<T extends object>(specs: OptionSpecs<T>): OptionSpec<T> {
    return {
      takes: `an object with ${Object.keys(specs).join(', ')}`,
      fields: specs as OptionSpecs<Record<string, unknown>>,
      default: parseOptions(specs, {}, ''),
      parse: (value, path) => parseOptions(specs, value, `${path}.`),
    };
  },
};

/**
 * Checks and completes options. Throws an `OptionError` that names the option and its accepted values. For an unknown option it names the
 * nearest existing one.
 * @param prefix precedes the names in messages, for example `sendQueue.`
 */
export function parseOptions<T extends object>(specs: OptionSpecs<T>, input: unknown, prefix = ''): T {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) {
    const what = prefix === '' ? 'options are' : `the option ${prefix.slice(0, -1)} takes`;
    throw new OptionError(`${what} an object with names from ${Object.keys(specs).join(', ')}, not ${display(input)}`);
  }
  const given = input as Record<string, unknown>;
  checkNames(given, Object.keys(specs), prefix);
  const settings: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(specs) as [string, OptionSpec<unknown>][]) {
    const value = given[name];
    if (value !== undefined) settings[name] = each.parse(value, prefix + name);
    else if (each.default !== undefined) settings[name] = each.default;
    else if (!each.optional) throw new OptionError(`the option ${prefix}${name} is missing: it takes ${each.takes}`);
  }
  validateAll(specs as OptionSpecs<Record<string, unknown>>, given);
  return settings as T;
}

/** Throws an `OptionError` for options that contradict each other. Each option has been parsed before. */
export function validateAll(
  specs: Readonly<Record<string, OptionSpec<unknown>>>,
  given: Readonly<Record<string, unknown>>,
): void {
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) specs[name]?.validateWith?.(value, given);
  }
}

/** The maximum that Linux accepts. */
export const linuxKeepAliveMs = 32_767_000;

/** All properties are optional, including those of groups. */
export type PartialOptions<T> = {
  readonly [K in keyof T]?:
    | (T[K] extends object ? { readonly [L in keyof T[K]]?: T[K][L] | undefined } : T[K])
    | undefined;
};
