/** A program in a pseudo-terminal, with screen, keys and size. It needs Python's module `pty`, which is the same on all systems. */
import { execFileSync, spawnSync } from 'node:child_process';
import { Program } from './program.js';
import { Screen } from './screen.js';

/** Whether this computer supports it. */
export const hasTerminals = process.platform === 'linux' && spawnSync('python3', ['-c', 'import pty']).status === 0;

const spawn = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
/** At its end it prints whether the terminal edits lines again (`icanon`), which a shell needs. */
const wrapper = [
  'stty rows "$1" cols "$2" -echo; shift 2',
  `sh -c 'echo "at $(tty) $$"; exec "$@"' sh "$@"`,
  'status=$?; echo "left with $(stty -a | grep -o -e "-*icanon")"; exit $status',
].join('; ');

export class PseudoTerminal {
  readonly program: Program;
  readonly screen: Screen;
  #fed = 0;
  #tty = '';
  #pid = 0;

  private constructor(program: Program, columns: number) {
    this.program = program;
    this.screen = new Screen(columns);
  }

  /** Runs a command in a terminal of this size. */
  static async start(
    command: readonly string[],
    { columns = 80, rows = 24, env = {} }: { columns?: number; rows?: number; env?: NodeJS.ProcessEnv } = {},
  ): Promise<PseudoTerminal> {
    const inside = ['sh', '-c', wrapper, 'sh', String(rows), String(columns), ...command];
    const program = new Program('python3', ['-c', spawn, ...inside], { TERM: 'xterm-256color', COLORTERM: '', ...env });
    const terminal = new PseudoTerminal(program, columns);
    const [whole, tty = '', pid = ''] = await program.until(/^at (\S+) (\d+)\r?\n/m);
    terminal.#tty = tty;
    terminal.#pid = Number(pid);
    terminal.#fed = program.stdout.indexOf(whole) + whole.length;
    return terminal;
  }

  get text(): string {
    return this.screen.rows.map((row) => row.trimEnd()).join('\n');
  }

  /** Waits until the screen shows something. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    let found: RegExpExecArray | null = null;
    await this.program.untilOutput((stdout) => {
      this.#feed(stdout);
      found = pattern.exec(this.text);
      return found !== null;
    }, `${pattern} on the screen\n${this.text}`);
    return found as unknown as RegExpExecArray;
  }

  /** Waits until more has been written. */
  async next(): Promise<void> {
    const { length } = this.program.stdout; // not the length that was fed: the start of an escape sequence can wait for a long time
    await this.program.untilOutput((stdout) => stdout.length > length, 'more on the screen');
    this.#feed(this.program.stdout);
  }

  /** Everything that was written, until the program has ended. */
  async ended(): Promise<number | null> {
    const { status, stdout } = await this.program.ended;
    this.#feed(stdout);
    return status;
  }

  type(keys: string): void {
    this.program.type(keys);
  }

  /** Sends a signal to the program itself. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.#pid, signal);
  }

  /** Changes the size, like a window that the user resizes. */
  resize(columns: number, rows: number): void {
    execFileSync('stty', ['-F', this.#tty, 'rows', String(rows), 'cols', String(columns)]);
    this.screen.columns = columns;
  }

  /** Feeds the output to the screen, except for the start of an escape sequence, whose rest is in the next output. */
  #feed(stdout: string): void {
    const rest = stdout.slice(this.#fed).replace(/\x1b(\[[?\d;]*)?$/, '');
    this.#fed += rest.length;
    this.screen.write(rest);
  }
}
