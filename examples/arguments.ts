// The command line of an example: options with their defaults, `--help`, and failures in one sentence.
import { basename } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** What an option means, and its value where the command line does not give it. A `false` makes it a switch. */
type Option = readonly [meaning: string, fallback: string | number | false];

type Values<T extends Record<string, Option>> = {
  [K in keyof T]: T[K][1] extends string ? string : T[K][1] extends number ? number : boolean;
};

/**
 * Reads `--host 192.168.1.5 --port 5001` and the like. Ends the program after `--help`, and with status 2 where something
 * is wrong with the arguments. From here on, an error of serpy that nobody catches ends it with one sentence and status 1.
 */
export function readArguments<const T extends Record<string, Option>>(purpose: string, options: T): Values<T> {
  process.on('uncaughtException', fail);
  const program = basename(process.argv[1] ?? '');
  const entries = Object.entries<Option>(options);
  const parsed: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } };
  for (const [name, [, fallback]] of entries) parsed[typed(name)] = { type: fallback === false ? 'boolean' : 'string' };
  try {
    const values: Record<string, unknown> = parseArgs({ options: parsed }).values;
    if (values.help) {
      console.log(usage(program, purpose, entries));
      process.exit(0);
    }
    return Object.fromEntries(
      entries.map(([name, [, fallback]]) => [name, read(name, values[typed(name)], fallback)]),
    ) as Values<T>;
  } catch (error) {
    const [sentence] = (error as Error).message.split('. ');
    console.error(`${program}: ${sentence}; ${program} --help tells what it takes`);
    process.exit(2);
  }
}

const noKey = 'none';

/** For a client: the key of the server, where that has one. */
export const clientAccess = { keyFile: ['a file with the key that the server has', noKey] } as const;

/** For a server: who may connect, where other computers reach it. */
export const serverAccess = {
  keyFile: ['a file with the key that clients must have, from "serpy keygen"', noKey],
  insecure: ['let everybody in who reaches the server, also from other computers', false],
} as const;

/** The option `key` for what `--key-file` says. */
export function keyIn(file: string): { key?: { file: string } } {
  return file === noKey ? {} : { key: { file } };
}

/** An option as it is typed: `keyFile` as `key-file`. */
function typed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function read(name: string, given: unknown, fallback: Option[1]): Option[1] | true {
  if (given === undefined) return fallback;
  if (typeof fallback !== 'number') return given as string | true;
  if (!/^\d+$/.test(given as string)) throw new Error(`--${typed(name)} takes a whole number, not '${given}'`);
  return Number(given);
}

function usage(program: string, purpose: string, entries: readonly [string, Option][]): string {
  const lines = entries.map(([name, [meaning, fallback]]) =>
    fallback === false ? `  --${typed(name)}: ${meaning}` : `  --${typed(name)} ${fallback}: ${meaning}`,
  );
  return [`${purpose}\n`, `usage: ${program} [options], with their defaults:`, ...lines, '  --help: this text'].join(
    '\n',
  );
}

/** What serpy and the system report are sentences for people; anything else is a mistake in the program, and shown whole. */
function fail(error: Error & { readonly code?: unknown }): void {
  console.error(typeof error.code === 'string' ? error.message : error);
  process.exit(error.code === 'ERR_SERPY_OPTION' ? 2 : 1);
}
