// The command line of an example: options with defaults, `--help`, and errors in one sentence.
import { basename } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The meaning of an option, and its default. An option with the default `false` is a switch without a value. */
type Option = readonly [meaning: string, fallback: string | number | false];

type Values<T extends Record<string, Option>> = {
  [K in keyof T]: T[K][1] extends string ? string : T[K][1] extends number ? number : boolean;
};

/**
 * Reads arguments such as `--host 192.168.1.5 --port 5001`. Ends the program after `--help`, and with status 2 if an argument
 * is wrong. After this call, an uncaught error of serpy or the system ends the program with one sentence and status 1.
 */
export function readArguments<const T extends Record<string, Option>>(purpose: string, options: T): Values<T> {
  process.on('uncaughtException', fail);
  const program = basename(process.argv[1] ?? '');
  const entries = Object.entries<Option>(options);
  const parsed: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } };
  for (const [name, [, fallback]] of entries)
    parsed[flagOf(name)] = { type: fallback === false ? 'boolean' : 'string' };
  try {
    const values: Record<string, unknown> = parseArgs({ options: parsed }).values;
    if (values.help) {
      console.log(usage(program, purpose, entries));
      process.exit(0);
    }
    return Object.fromEntries(
      entries.map(([name, [, fallback]]) => [name, read(name, values[flagOf(name)], fallback)]),
    ) as Values<T>;
  } catch (error) {
    const [sentence] = (error as Error).message.split('. ');
    console.error(`${program}: ${sentence}; ${program} --help lists the options`);
    process.exit(2);
  }
}

const noKey = 'none';

/** Options of a client. */
export const clientAccess = { keyFile: ['a file with the key of the server', noKey] } as const;

/** Options of a server about its clients. */
export const serverAccess = {
  keyFile: ['a file with the key that clients need, from "serpy keygen"', noKey],
  insecure: ['accept clients of other computers without a key', false],
} as const;

/** The option `key` of serpy for the value of `--key-file`. */
export function keyIn(file: string): { key?: { file: string } } {
  return file === noKey ? {} : { key: { file } };
}

/** The name of an option on the command line: `key-file` for `keyFile`. */
function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function read(name: string, given: unknown, fallback: Option[1]): Option[1] | true {
  if (given === undefined) return fallback;
  if (typeof fallback !== 'number') return given as string | true;
  if (!/^\d+$/.test(given as string)) throw new Error(`--${flagOf(name)} takes a whole number, not '${given}'`);
  return Number(given);
}

function usage(program: string, purpose: string, entries: readonly [string, Option][]): string {
  const lines = entries.map(([name, [meaning, fallback]]) =>
    fallback === false ? `  --${flagOf(name)}: ${meaning}` : `  --${flagOf(name)} ${fallback}: ${meaning}`,
  );
  return [`${purpose}\n`, `usage: ${program} [options], with their defaults:`, ...lines, '  --help: this text'].join(
    '\n',
  );
}

/** Errors with a code, of serpy and of the system, are sentences for users. Other errors are bugs and print their stack trace. */
function fail(error: Error & { readonly code?: unknown }): void {
  console.error(typeof error.code === 'string' ? error.message : error);
  process.exit(error.code === 'ERR_SERPY_OPTION' ? 2 : 1);
}
