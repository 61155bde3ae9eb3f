/** Runs `serpy` as a user would: a process of its own, from the packed and installed package, with pipes or in a terminal. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { installed } from '../../../test/installed.js';
import { Program } from '../../../test/program.js';
import { Screen } from '../../../test/screen.js';

/** Whether terminals can be made here: Python's module for it is the same on all systems that have it. */
export const hasTerminals = spawnSync('python3', ['-c', 'import pty']).status === 0;

/** The environment of the test runner must not change the output. */
const plain = { NO_COLOR: undefined, FORCE_COLOR: undefined, TERM: 'xterm' };

export interface InstalledCommand {
  /** The file that `serpy` runs. */
  readonly main: string;
  /** With pipes. */
  start(args: readonly string[], env?: NodeJS.ProcessEnv): Program;
  /** In a terminal with this number of columns and 24 rows, without echo: both outputs are `stdout`. */
  startInTerminal(args: readonly string[], columns?: number, env?: NodeJS.ProcessEnv): Program;
}

/** For `beforeAll`, with a timeout of four minutes. */
export async function installedCommand(): Promise<InstalledCommand> {
  const { folder } = await installed();
  const main = join(folder, 'node_modules', 'serpy-cli', 'dist', 'main.js');
  return {
    main,
    start: (args, env = {}) => new Program(process.execPath, [main, ...args], { ...plain, ...env }),
    startInTerminal(args, columns = 80, env = {}) {
      const shell = `stty rows 24 cols ${columns} -echo && exec "$0" "$@"`;
      const spawn = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
      const inside = ['sh', '-c', shell, process.execPath, main, ...args];
      return new Program('python3', ['-c', spawn, ...inside], { ...plain, ...env });
    },
  };
}

/** The last rows of a terminal's screen. */
export function lastRows(program: Program, count: number, columns = 80): string[] {
  return Screen.rows(program.stdout, columns).slice(-count);
}

/** Waits until the last rows of a terminal's screen are these. */
export function shows(program: Program, rows: readonly string[], columns = 80): Promise<void> {
  return program.untilOutput(
    () => JSON.stringify(lastRows(program, rows.length, columns)) === JSON.stringify(rows),
    rows.join(' | '),
  );
}
