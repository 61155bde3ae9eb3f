/** A line editor: incoming lines are printed above the line that the user types. Also reads lines from a pipe. */
import { clearScreenDown, createInterface, cursorTo, moveCursor } from 'node:readline';
import type { Context } from '../environment/context.js';
import { type Part, rendered, type Terminal } from '../environment/terminal.js';
import { type LineSettings, stdinLines } from './stdin-lines.js';

export interface LineEditor {
  /** Whether stdin and stdout are a terminal. */
  readonly isInteractive: boolean;
  /** The typed lines, until the input ends or `close()`. */
  lines(): AsyncIterableIterator<string>;
  /** Prints a line on stdout, above the line that the user types. */
  print(line: string): Promise<void>;
  /** The same for a message about connections; on stderr without a terminal. */
  note(line: string): void;
  close(): void;
}

/** @param settings for lines from a pipe; in a terminal, readline makes lines of keys */
export function editLines(context: Context, prompt: string, settings: Omit<LineSettings, 'signal'>): LineEditor {
  const { stdin, stdout } = context.terminal;
  return stdin.isTTY === true && stdout.isTTY === true ? terminalLines(context, prompt) : pipedLines(context, settings);
}

function pipedLines({ terminal }: Context, settings: Omit<LineSettings, 'signal'>): LineEditor {
  const closing = new AbortController();
  return {
    isInteractive: false,
    lines: () => stdinLines(terminal.stdin, { ...settings, signal: closing.signal }),
    print: (line) => terminal.print(line),
    note: (line) => note(terminal, line),
    close: () => closing.abort(),
  };
}

function note(terminal: Terminal, line: string): void {
  terminal.note(terminal.noteColors.dim(line));
}

function terminalLines({ terminal, interruption }: Context, prompt: string): LineEditor {
  const { stdin, stdout } = terminal;
  const readline = createInterface({ input: stdin, output: stdout, terminal: true });
  const typed = readline[Symbol.asyncIterator](); // created now: readline drops lines that arrive before an iterator exists
  let [isPrompting, isClosed] = [false, false];
  readline.on('SIGINT', () => interruption.interrupt('SIGINT')); // the terminal is raw: Ctrl-C is a key
  readline.once('close', () => {
    if (isPrompting) stdout.write('\n');
    isPrompting = false;
    isClosed = true;
  });

  const clear = () => {
    const { rows } = readline.getCursorPos();
    moveCursor(stdout, 0, -rows);
    cursorTo(stdout, 0);
    clearScreenDown(stdout);
  };
  const restore = () => {
    Object.assign(readline, { prevRows: 0 }); // readline would move up this many rows before it draws, and the cursor is there already
    readline.prompt(true);
  };
  const above = (line: Part): boolean => {
    if (!isPrompting) return false;
    clear();
    stdout.write(`${rendered(line)}\n`);
    restore();
    return true;
  };

  return {
    isInteractive: true,
    async *lines() {
      for (;;) {
        if (!isClosed) {
          isPrompting = true;
          readline.setPrompt(prompt);
          readline.prompt();
        }
        const { done, value } = await typed.next();
        isPrompting = false;
        if (done) return;
        yield value;
      }
    },
    async print(line) {
      if (!above(line)) await terminal.print(line);
    },
    note(line) {
      if (!above(terminal.colors.dim(line))) note(terminal, line);
    },
    close: () => readline.close(),
  };
}
