/** The input and outputs of a command: data goes to stdout, messages about it go to stderr. */
import type { Readable, Writable } from 'node:stream';
import picocolors from 'picocolors';
import type { Interruption } from './interrupt.js';

/** A stream of the process or of a test. */
export type Input = Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/** The streams of a process. */
export interface Streams {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** A text with a color. It is escaped when it is written, like any other text. */
export class Painted {
  readonly text: string;
  readonly paint: (text: string) => string;

  constructor(text: string, paint: (text: string) => string) {
    this.text = text;
    this.paint = paint;
  }
}

/** A part of a line. Control characters in it are escaped, so that it cannot affect the terminal. */
export type Part = string | Painted;

type ColorName = 'red' | 'green' | 'yellow' | 'cyan' | 'dim';

export type Colors = { readonly [name in ColorName]: (text: string) => Painted } & {
  /** Whether colors are on. */
  readonly isColorSupported: boolean;
};

export interface Terminal extends Streams {
  /** Whether stdout is a terminal that can position the cursor. */
  readonly isInteractive: boolean;
  /** The width of the terminal; 80 without one. */
  readonly columns: number;
  readonly rows: number;
  /** Colors for stdout, and for stderr. They are off without a terminal and with NO_COLOR. */
  readonly colors: Colors;
  readonly noteColors: Colors;
  /** Prints a line on stdout. Resolves when stdout accepts more, so that a slow reader slows the command down. Rejects if it cannot be written. */
  print(...line: Part[]): Promise<void>;
  /** Prints each line of a text, such as a table. */
  printLines(text: string): Promise<void>;
  /** Writes without escaping: for the escape sequences of the command itself, never for data from elsewhere. */
  write(text: string): Promise<void>;
  /** Resolves when stdout is flushed, including what commander wrote. Rejects if a write has failed. */
  flush(): Promise<void>;
  /** Prints a line on stderr. */
  note(...line: Part[]): void;
}

/**
 * @param streams their errors are handled here: a reader that has ended interrupts the command
 * @param env NO_COLOR, FORCE_COLOR and TERM decide on colors
 */
export function createTerminal(
  { stdin, stdout, stderr }: Streams,
  env: Readonly<Record<string, string | undefined>>,
  interruption: Interruption,
): Terminal {
  let broken: Error | undefined;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isReaderGone(error)) interruption.interrupt('closed pipe');
    else broken ??= error;
  });
  stderr.on('error', () => {}); // there is no other place to report it

  const write = async (text: string): Promise<void> => {
    if (broken) throw broken;
    if (interruption.cause === 'closed pipe' || stdout.destroyed) return;
    if (!stdout.write(text)) await drained(stdout, interruption.signal);
    if (broken) throw broken;
  };

  return {
    stdin,
    stdout,
    stderr,
    isInteractive: stdout.isTTY === true && env.TERM !== 'dumb',
    get columns() {
      return stdout.columns || stderr.columns || 80;
    },
    get rows() {
      return stdout.rows || stderr.rows || 24;
    },
    colors: paints(hasColors(stdout, env)),
    noteColors: paints(hasColors(stderr, env)),
    write,
    print: (...line) => write(`${rendered(...line)}\n`),
    printLines: (text) => write(`${text.split('\n').map(printable).join('\n')}\n`),
    async flush() {
      if (stdout.writable) await new Promise<void>((resolve) => stdout.write('', () => resolve()));
      const failure = broken ?? stdout.errored; // also of a write before any caller waited
      if (failure && !isReaderGone(failure)) throw failure;
    },
    note: (...line) => void stderr.write(`${rendered(...line)}\n`),
  };
}

/**
 * A text from elsewhere as one line that cannot affect a terminal: control characters are escaped as in JSON,
 * such as `\n` and `\u001b`.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped;
  });
}

/** A line as it goes to a terminal. Only this function escapes what a peer, a file or the environment put into it. */
export function rendered(...line: Part[]): string {
  return line.map((part) => (part instanceof Painted ? part.paint(printable(part.text)) : printable(part))).join('');
}

function paints(isColorSupported: boolean): Colors {
  const { red, green, yellow, cyan, dim } = picocolors.createColors(isColorSupported);
  const of = (paint: (text: string) => string) => (text: string) => new Painted(text, paint);
  return { isColorSupported, red: of(red), green: of(green), yellow: of(yellow), cyan: of(cyan), dim: of(dim) };
}

function hasColors(output: Output, env: Readonly<Record<string, string | undefined>>): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return output.isTTY === true && env.TERM !== 'dumb';
}

/** Whether the reader of a pipe, or the terminal, has ended. */
function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return (
    code === 'EPIPE' || code === 'EOF' || code === 'EIO' || code === 'ECONNRESET' || code === 'ERR_STREAM_DESTROYED'
  );
}

/** Resolves when the stream accepts more, or never will. */
function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) stream.on(event, done);
    if (signal.aborted) done();
    else signal.addEventListener('abort', done);
  });
}
