/** The messages of `serpy send`: values of the command line, files and stdin. */
import { access, constants, readFile, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { float, int, type PortableValue } from 'serpy';
import { printable } from '../environment/terminal.js';
import { toSentence, usageError } from '../failure.js';
import { stdinLines } from '../ui/stdin-lines.js';

/** The limit of Node for reading a file at once. */
const maxFileBytes = 2 ** 31 - 1;

/** One message. */
export interface Payload {
  readonly value: PortableValue;
  readonly sizeBytes: number;
}

export interface SendRequest {
  /** Texts or numbers; `-` stands for the lines of stdin. */
  readonly values: readonly string[];
  readonly files: readonly string[];
  /** Whether values are numbers. */
  readonly number: boolean;
  /** Whether values are JSON. */
  readonly json: boolean;
  /** The encoding of the lines of stdin. */
  readonly encoding?: string | undefined;
  /** Whether stdin is one message of bytes. */
  readonly binary: boolean;
  readonly maxMessageBytes: number;
}

/** Checks numbers and files before the first message is sent. @throws a usage error */
export async function checkPayloads({ values, files, number, json, maxMessageBytes }: SendRequest): Promise<void> {
  if (number || json) for (const value of values) if (value !== '-') payloadOf(value, { number, json });
  for (const file of files) {
    const found = await readable(file);
    if (found.isDirectory()) throw usageError(`${file} is a folder: name the files in it`);
    if (found.size > maxFileBytes) {
      throw usageError(
        `${file} has ${found.size} bytes, and a message has at most ${maxFileBytes}: split it, or send it from a program with sendStream, which has no such limit`,
      );
    }
    if (found.size > maxMessageBytes) {
      throw usageError(
        `${file} has ${found.size} bytes, and the limit is ${maxMessageBytes}: add -o maxMessageBytes=${found.size} at both ends`,
      );
    }
  }
}

async function readable(file: string) {
  try {
    await access(file, constants.R_OK);
    return await stat(file);
  } catch (error) {
    throw usageError(toSentence(error), error);
  }
}

/** The bytes of all messages; undefined if stdin is one of them. */
export async function totalBytes({ values, files, number, json, binary }: SendRequest): Promise<number | undefined> {
  if (binary || values.includes('-')) return undefined;
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  const typed = values.map((value) => payloadOf(value, { number, json }).sizeBytes);
  return [...sizes, ...typed].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
}

/** The messages in order: values, then files. */
export async function* payloads(
  request: SendRequest,
  stdin: Readable,
  signal: AbortSignal,
): AsyncIterableIterator<Payload> {
  for (const value of request.values) {
    if (value !== '-') yield payloadOf(value, request);
    else if (request.binary) yield bytesOf(await buffer(abortable(stdin, signal)));
    else yield* lines(stdin, request, signal);
  }
  for (const file of request.files) yield bytesOf(await readFile(file));
}

async function* lines(
  stdin: Readable,
  { number, json, encoding, maxMessageBytes }: SendRequest,
  signal: AbortSignal,
): AsyncIterableIterator<Payload> {
  for await (const line of stdinLines(stdin, { encoding, maxLineBytes: maxMessageBytes, signal })) {
    if ((number || json) && line.trim() === '') continue;
    yield payloadOf(line, { number, json });
  }
}

function abortable(stdin: Readable, signal: AbortSignal): Readable {
  signal.addEventListener('abort', () => stdin.destroy(), { once: true });
  return stdin;
}

function bytesOf(bytes: Buffer): Payload {
  return { value: bytes, sizeBytes: bytes.length };
}

function payloadOf(given: string, { number, json: isJson }: Pick<SendRequest, 'number' | 'json'>): Payload {
  if (number) return { value: parseNumber(given), sizeBytes: 8 };
  const text = isJson ? jsonText(given) : given;
  return { value: text, sizeBytes: Buffer.byteLength(text) };
}

/**
 * On one line of ASCII, which every protocol carries and message.json() reads. The text itself is kept, so that no digit of a number is lost:
 * line ends are white space in JSON, and other characters stand in strings.
 */
function jsonText(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    const shown = printable(text.length > 60 ? `${text.slice(0, 60)}…` : text);
    throw usageError(`--json takes JSON, not '${shown}': ${printable((error as Error).message)}`, error);
  }
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return text
    .trim()
    .replaceAll(/[\r\n\t]/g, ' ')
    .replaceAll(/[^\0-\x7e]/g, escaped);
}

const special: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '+inf': Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};

/** An integer if there are only digits, otherwise a float. */
function parseNumber(text: string): PortableValue {
  const digits = text.trim();
  if (/^[+-]?\d+$/.test(digits)) {
    const integer = BigInt(digits.replace('+', ''));
    if (BigInt.asIntN(64, integer) === integer) return int(integer);
    throw usageError(`${digits} does not fit into 64 bits: send it as text, or as a float, ${digits}.0`);
  }
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(digits) ? Number(digits) : special[digits.toLowerCase()];
  if (value === undefined)
    throw usageError(`'${text}' is not a number: write 42 for an integer, 42.0 or 4.2e1 for a float`);
  return float(value);
}
