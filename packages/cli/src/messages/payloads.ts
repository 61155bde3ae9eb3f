/** What `serpy send` sends: what was typed, files, and what comes in on stdin. */
import { readFile, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { float, int, type PortableValue } from 'serpy';
import { failure, usageError } from '../failure.js';
import { stdinLines } from '../ui/stdin-lines.js';

/** A file is read as a whole, and Node reads none of 2 GiB or more so. */
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
  /** Values are numbers. */
  readonly number: boolean;
  /** Of the lines of stdin. */
  readonly encoding?: string | undefined;
  /** Stdin is one message of bytes. */
  readonly binary: boolean;
  /** Unless the options say otherwise. */
  readonly maxMessageBytes: number;
}

/** Checks before anything is sent what can be checked. */
export async function checkPayloads({ values, files, number, maxMessageBytes }: SendRequest): Promise<void> {
  if (number) for (const value of values) if (value !== '-') parseNumber(value);
  for (const file of files) {
    const found = await stat(file);
    if (found.isDirectory()) throw failure(`${file} is a folder: name the files in it`);
    if (found.size > maxFileBytes) {
      throw failure(
        `${file} has ${found.size} bytes, and one message takes ${maxFileBytes} at most: split it, or send it from a program with sendStream, which has no such limit`,
      );
    }
    if (found.size > maxMessageBytes) {
      throw failure(
        `${file} has ${found.size} bytes, and the limit is ${maxMessageBytes}: add -o maxMessageBytes=${found.size} at both ends`,
      );
    }
  }
}

/** The bytes of all messages; undefined where stdin is among them. */
export async function totalBytes({ values, files, number, binary }: SendRequest): Promise<number | undefined> {
  if (binary || values.includes('-')) return undefined;
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  const typed = values.map((value) => payloadOf(value, number).sizeBytes);
  return [...sizes, ...typed].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
}

/** The messages in their order: what was typed, then files. */
export async function* payloads(
  wanted: SendRequest,
  stdin: Readable,
  signal: AbortSignal,
): AsyncIterableIterator<Payload> {
  for (const value of wanted.values) {
    if (value !== '-') yield payloadOf(value, wanted.number);
    else if (wanted.binary) yield bytesOf(await buffer(abortable(stdin, signal)));
    else yield* lines(stdin, wanted, signal);
  }
  for (const file of wanted.files) yield bytesOf(await readFile(file));
}

async function* lines(
  stdin: Readable,
  { number, encoding, maxMessageBytes }: SendRequest,
  signal: AbortSignal,
): AsyncIterableIterator<Payload> {
  for await (const line of stdinLines(stdin, { encoding, maxLineBytes: maxMessageBytes, signal })) {
    if (number && line.trim() === '') continue;
    yield payloadOf(line, number);
  }
}

function abortable(stdin: Readable, signal: AbortSignal): Readable {
  signal.addEventListener('abort', () => stdin.destroy(), { once: true });
  return stdin;
}

function bytesOf(bytes: Buffer): Payload {
  return { value: bytes, sizeBytes: bytes.length };
}

function payloadOf(text: string, number: boolean): Payload {
  if (number) return { value: parseNumber(text), sizeBytes: 8 };
  return { value: text, sizeBytes: Buffer.byteLength(text) };
}

const special: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '+inf': Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};

/** An integer as typed without a point, and a float otherwise. */
function parseNumber(text: string): PortableValue {
  const digits = text.trim();
  if (/^[+-]?\d+$/.test(digits)) {
    const integer = BigInt(digits.replace('+', ''));
    if (BigInt.asIntN(64, integer) === integer) return int(integer);
    throw usageError(`${digits} does not fit into 64 bits: send it as text, or as a float, ${digits}.0`);
  }
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(digits) ? Number(digits) : special[digits.toLowerCase()];
  if (value === undefined)
    throw usageError(`'${text}' is no number: write 42 for an integer, 42.0 or 4.2e1 for a float`);
  return float(value);
}
