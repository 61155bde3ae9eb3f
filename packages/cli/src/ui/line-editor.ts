/** Lines that a person types while others are printed above them. Works with pipes as well. */
import { clearScreenDown, createInterface, cursorTo, moveCursor } from 'node:readline';
import type { Context } from '../environment/context.js';
import { type Part, rendered, type Terminal } from '../environment/terminal.js';
import { type LineSettings, stdinLines } from './stdin-lines.js';

export interface LineEditor {
  /** Whether a person types at a terminal. */
  readonly isInteractive: boolean;
  /** The lines that are typed, until the input ends or `close()`. */
  lines(): AsyncIterableIterator<string>;
  /** A line on stdout, above the one that is being typed. */
  print(line: string): Promise<void>;
  /** The same for what happens: on stderr where nobody types. */
  note(line: string): void;
  close(): void;
}

/** @param settings of lines that come through a pipe; those of a person are what readline makes of keys */
export function editLines(context: Context, prompt: string, settings: Omit<LineSettings, 'signal'>): LineEditor {
  const { stdin, stdout } = context.terminal;
  return stdin.isTTY === true && stdout.isTTY === true ? personsLines(context, prompt) : pipedLines(context, settings);
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

function personsLines({ terminal, interruption }: Context, prompt: string): LineEditor {
  const { stdin, stdout } = terminal;
  const readline = createInterface({ input: stdin, output: stdout, terminal: true });
  const typed = readline[Symbol.asyncIterator](); // asked for now: lines that come before somebody waits would be lost
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
    Object.assign(readline, { prevRows: 0 }); // rows that readline would go up before it draws: we are there
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
