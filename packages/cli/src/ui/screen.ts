/** Full-screen output in a terminal. The previous screen is restored at the end, also when the program crashes. */
import type { Terminal } from '../environment/terminal.js';

export interface Screen {
  /** Shows these lines. Resolves when the terminal has accepted them, so that a slow terminal gets fewer screens. */
  paint(lines: readonly string[]): Promise<void>;
  /** Makes the next `paint` draw everything. For a change of the size. */
  forget(): void;
  /** Restores the screen, the cursor and the mode of the keyboard. */
  leave(): void;
}

const enterSequence = '\x1b[?1049h\x1b[?25l\x1b[2J';
const leaveSequence = '\x1b[0m\x1b[?25h\x1b[?1049l';

/** What arrow and function keys send. The demo does not use them. */
const sequences = /\x1b(\[[\d;?]*[@-~]|O.|.)?/g;

/** @param typed called for each key, also for Ctrl-C */
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
    stdout.write(leaveSequence);
  };
  // `exit` covers a second Ctrl-C; the monitor runs before Node prints an uncaught error.
  process.on('exit', leave);
  process.on('uncaughtExceptionMonitor', leave);
  stdin.setRawMode?.(true);
  stdin.on('data', onData);
  stdin.resume();
  stdout.write(enterSequence);

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
