/** The whole screen of a terminal, taken over and given back as it was, also when the program crashes. */
import type { Terminal } from '../environment/terminal.js';

export interface Screen {
  /** Shows these lines. Resolves when the terminal has taken them: one that is slow gets fewer. */
  paint(lines: readonly string[]): Promise<void>;
  /** The next paint draws everything: the size has changed. */
  forget(): void;
  /** Gives the screen back, with the cursor, and keys to the shell. */
  leave(): void;
}

const takeOver = '\x1b[?1049h\x1b[?25l\x1b[2J';
const giveBack = '\x1b[0m\x1b[?25h\x1b[?1049l';

/** What arrows and the like send: none of our keys. */
const sequences = /\x1b(\[[\d;?]*[@-~]|O.|.)?/g;

/** @param typed gets each key; Ctrl-C is one of them */
export function enterScreen({ stdin, stdout, write }: Terminal, typed: (key: string) => void): Screen {
  let shown: readonly string[] = [];
  let isOver = false;
  const onData = (text: Buffer | string) => {
    for (const key of String(text).replaceAll(sequences, '')) typed(key);
  };
  const leave = () => {
    if (isOver) return;
    isOver = true;
    process.off('exit', leave);
    process.off('uncaughtExceptionMonitor', leave);
    stdin.off('data', onData);
    stdin.setRawMode?.(false);
    stdin.pause();
    stdout.write(giveBack);
  };
  // An error that nobody catches is printed after the second, and the end by a second Ctrl-C is the first.
  process.on('exit', leave);
  process.on('uncaughtExceptionMonitor', leave);
  stdin.setRawMode?.(true);
  stdin.on('data', onData);
  stdin.resume();
  stdout.write(takeOver);

  return {
    async paint(lines) {
      const changes = Array.from({ length: Math.max(lines.length, shown.length) }, (_, row) =>
        lines[row] === shown[row] ? '' : `\x1b[${row + 1};1H${lines[row] ?? ''}\x1b[0m\x1b[K`,
      );
      shown = lines;
      const text = changes.join('');
      if (text !== '' && !isOver) await write(text);
    },
    forget() {
      shown = [];
      if (!isOver) stdout.write('\x1b[2J');
    },
    leave,
  };
}
