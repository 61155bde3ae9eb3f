/** Where a command reads and writes: stdout for what it is there to give, stderr for what it has to say about it. */
import type { Readable, Writable } from 'node:stream';
import picocolors from 'picocolors';
import type { Interruption } from './interrupt.js';

/** A stream of the process, or a test's. */
export type Input = Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/** The streams of a process. */
export interface Streams {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** A text in a colour. It is escaped like any other when it is written. */
export class Painted {
  readonly text: string;
  readonly paint: (text: string) => string;

  constructor(text: string, paint: (text: string) => string) {
    this.text = text;
    this.paint = paint;
  }
}

/** A part of a line: whatever stands in it, it does nothing to the terminal but show itself. */
export type Part = string | Painted;

type ColorName = 'red' | 'green' | 'yellow' | 'cyan' | 'dim';

export type Colors = { readonly [name in ColorName]: (text: string) => Painted } & {
  /** Whether there are any. */
  readonly isColorSupported: boolean;
};

export interface Terminal extends Streams {
  /** Whether a person looks at stdout, on a screen that can be drawn on. */
  readonly isInteractive: boolean;
  /** The width of the screen; 80 where there is none. */
  readonly columns: number;
  readonly rows: number;
  /** Colours for stdout, and for stderr: none where it is no terminal or NO_COLOR is set. */
  readonly colors: Colors;
  readonly noteColors: Colors;
  /** A line on stdout. Resolves when stdout takes more, so that a slow reader slows the command down; rejects when it cannot be written. */
  print(...line: Part[]): Promise<void>;
  /** The same for each line of a text that is made here, such as a table. */
  printLines(text: string): Promise<void>;
  /** As it is: escape sequences of the command's own. Nothing that comes from elsewhere. */
  write(text: string): Promise<void>;
  /** Resolves when all is written that was written to stdout, whoever did; rejects when that failed. */
  flush(): Promise<void>;
  /** A line on stderr: what happens, for the person at the screen. */
  note(...line: Part[]): void;
}

/**
 * @param streams their errors are dealt with here: a reader that has gone interrupts the command
 * @param env decides on colours: NO_COLOR, FORCE_COLOR, TERM
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
  stderr.on('error', () => {}); // nobody is left who could be told

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
      const failure = broken ?? stdout.errored; // before anybody was told
      if (failure && !isReaderGone(failure)) throw failure;
    },
    note: (...line) => void stderr.write(`${rendered(...line)}\n`),
  };
}

/**
 * A text from elsewhere as one line that can do nothing to a terminal: control characters are written as JSON does,
 * such as `\n` and `\u001b`.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped;
  });
}

/** A line as it goes to a terminal: here, and nowhere else, is escaped what a peer, a file or the environment may have put into it. */
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

/** As systems call it that a pipe, or a terminal, has nobody at its other end. */
function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return (
    code === 'EPIPE' || code === 'EOF' || code === 'EIO' || code === 'ECONNRESET' || code === 'ERR_STREAM_DESTROYED'
  );
}

/** Resolves when the stream takes more, or never will. */
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
