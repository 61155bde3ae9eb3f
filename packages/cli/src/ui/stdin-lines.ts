/** The lines of stdin. A line ends at LF or CRLF only. A line whose bytes are not valid in the encoding is an error. */
import type { Readable } from 'node:stream';
import { Option } from 'commander';
import { failure, usageError } from '../failure.js';

export interface LineSettings {
  /** A name of the WHATWG encoding standard, such as `latin1`. Default `utf-8`. */
  readonly encoding?: string | undefined;
  /** Longer lines are an error, before they fill the memory. */
  readonly maxLineBytes: number;
  /** Stops reading, without an error. */
  readonly signal: AbortSignal;
}

const lf = 0x0a;

/** The option `--encoding`. */
export function encodingOption(): Option {
  return new Option(
    '--encoding <name>',
    'the encoding of stdin, such as latin1, windows-1252 or utf-16le (default: utf-8)',
  ).argParser(encodingNamed);
}

/** The standard name of an encoding. */
function encodingNamed(name: string): string {
  try {
    return new TextDecoder(name).encoding;
  } catch (cause) {
    throw usageError(`--encoding takes the name of an encoding, such as latin1 or utf-16le, not '${name}'`, cause);
  }
}

/** @throws a `Failure` that names the line that is too long or in another encoding; earlier lines were yielded */
export async function* stdinLines(stdin: Readable, settings: LineSettings): AsyncGenerator<string, void, undefined> {
  const { encoding = 'utf-8', maxLineBytes, signal } = settings;
  const decode = decoderOf(encoding);
  const stop = () => void stdin.destroy();
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  let number = 1;
  let rest: Buffer[] = [];
  let restBytes = 0;
  const append = (bytes: Buffer) => {
    restBytes += bytes.length;
    if (restBytes > maxLineBytes) throw tooLong(number, maxLineBytes);
    rest.push(bytes);
  };
  const endLine = (): string => {
    const line = decode(Buffer.concat(rest), number++);
    rest = [];
    restBytes = 0;
    return line;
  };
  try {
    for await (const chunk of wholeUnits(stdin, encoding)) {
      let start = 0;
      for (const end of lineEnds(chunk, encoding)) {
        append(chunk.subarray(start, end));
        start = end;
        yield endLine();
      }
      if (start < chunk.length) append(chunk.subarray(start));
    }
    if (restBytes > 0) yield endLine();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** The chunks, cut so that none ends in the middle of a unit of UTF-16. */
async function* wholeUnits(stdin: Readable, encoding: string): AsyncGenerator<Buffer, void, undefined> {
  let odd: Buffer | undefined;
  for await (const chunk of stdin) {
    const bytes = odd ? Buffer.concat([odd, chunk]) : Buffer.from(chunk);
    const whole = isUtf16(encoding) ? bytes.length - (bytes.length % 2) : bytes.length;
    odd = whole < bytes.length ? bytes.subarray(whole) : undefined;
    if (whole > 0) yield bytes.subarray(0, whole);
  }
  if (odd) yield odd;
}

/** The positions after each LF. In every encoding except UTF-16 the byte 0A is always an LF. */
function* lineEnds(bytes: Buffer, encoding: string): Generator<number, void, undefined> {
  for (let at = bytes.indexOf(lf); at >= 0; at = bytes.indexOf(lf, at + 1)) {
    if (!isUtf16(encoding)) yield at + 1;
    else if (encoding === 'utf-16le' && at % 2 === 0 && bytes[at + 1] === 0) yield at + 2;
    else if (encoding === 'utf-16be' && at % 2 === 1 && bytes[at - 1] === 0) yield at + 1;
  }
}

function isUtf16(encoding: string): boolean {
  return encoding.startsWith('utf-16');
}

/** Decodes a line without its end. A byte order mark is removed from the first line only. */
function decoderOf(encoding: string): (line: Buffer, number: number) => string {
  const first = new TextDecoder(encoding, { fatal: true });
  const further = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  return (line, number) => {
    let text: string;
    try {
      text = (number === 1 ? first : further).decode(line);
    } catch (cause) {
      throw failure(`line ${number} of stdin is not ${encoding.toUpperCase()}: ${advice(line, number)}`, cause);
    }
    return text.replace(/\r?\n$/, '');
  };
}

function advice(line: Buffer, number: number): string {
  const mark = number === 1 ? line.toString('hex', 0, 2) : '';
  const name = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : undefined;
  if (name) return `it looks like UTF-16, so add --encoding ${name}`;
  return 'add its --encoding, such as latin1, or send all of stdin as bytes with --binary';
}

function tooLong(number: number, maxLineBytes: number): Error {
  return failure(
    `line ${number} of stdin exceeds the limit of ${maxLineBytes} bytes: add -o maxMessageBytes=… at both ends, or send all of stdin as bytes with --binary`,
  );
}
