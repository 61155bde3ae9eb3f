/** Runs `serpy` inside the test: fast, with a terminal, a clock and an environment of the test's making. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Clock, Context } from '../src/environment/context.js';
import { createInterruption, type InterruptCause, type Interruption } from '../src/environment/interrupt.js';
import { systemClock } from '../src/environment/system.js';
import { createTerminal } from '../src/environment/terminal.js';
import type { ExitStatus } from '../src/failure.js';
import { run } from '../src/program.js';

export interface World {
  /** Both outputs and the input are a terminal's. Default false. */
  readonly isTTY?: boolean;
  /** Default 80. */
  readonly columns?: number;
  readonly rows?: number;
  /** Default nothing. */
  readonly env?: Readonly<Record<string, string>>;
  /** What comes in on stdin, which then ends. Without it, stdin stays open: see `type` and `endInput`. */
  readonly input?: string | Uint8Array;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly platform?: NodeJS.Platform;
}

/** How a command ended. */
export interface Outcome {
  readonly status: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs inside the test. */
export class Run {
  readonly ended: Promise<Outcome>;
  readonly context: Context;
  readonly #stdin: PassThrough;
  #stdout = '';
  #stderr = '';
  #isOver = false;
  /** How often a second Ctrl-C would have ended the process. */
  killed = 0;

  constructor(args: readonly string[], world: World = {}) {
    const { isTTY = false, columns = 80, rows = 24, env = {}, input } = world;
    const interruption: Interruption = createInterruption(() => {
      this.killed++;
    });
    this.#stdin = Object.assign(new PassThrough(), { isTTY, setRawMode: () => {} });
    const stdout = Object.assign(new PassThrough(), { isTTY, columns, rows });
    const stderr = Object.assign(new PassThrough(), { isTTY, columns, rows });
    stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#changed();
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#changed();
    });
    this.context = {
      terminal: createTerminal({ stdin: this.#stdin, stdout, stderr }, env, interruption),
      interruption,
      clock: world.clock ?? systemClock,
      random: world.random ?? Math.random,
      env,
      platform: world.platform ?? 'linux',
    };
    if (input !== undefined) this.#stdin.end(input);
    this.ended = run(args, this.context).then(async (status) => {
      stdout.end();
      stderr.end();
      await Promise.all([stdout, stderr].map((stream) => (stream.readableEnded ? undefined : once(stream, 'end'))));
      this.#isOver = true;
      this.#changed();
      return { status, stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Waits until something stands on stdout or stderr. Rejects when the command ends without it. */
  async until(pattern: RegExp, where: 'stdout' | 'stderr' | 'either' = 'either'): Promise<RegExpExecArray> {
    for (;;) {
      const text = { stdout: this.#stdout, stderr: this.#stderr, either: `${this.#stderr}\n${this.#stdout}` }[where];
      const found = pattern.exec(text);
      if (found) return found;
      if (this.#isOver) throw new Error(`the command ended before ${pattern}\n${this.#stdout}\n${this.#stderr}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  type(text: string | Uint8Array): void {
    this.#stdin.write(text);
  }

  endInput(): void {
    this.#stdin.end();
  }

  /** Ctrl-C, unless said otherwise. */
  interrupt(cause: InterruptCause = 'SIGINT'): void {
    this.context.interruption.interrupt(cause);
  }

  readonly #waiting: (() => void)[] = [];

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Runs a command to its end. */
export function runToEnd(args: readonly string[], world: World = {}): Promise<Outcome> {
  return new Run(args, { input: '', ...world }).ended;
}
