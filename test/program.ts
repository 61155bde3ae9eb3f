/** A program that a test runs in a process of its own, and talks to as a user would. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from './workspace.js';

/** Leads tsx to the packages' sources, so that nothing has to be built first. From the root, it would take what is built. */
const sources = { TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') };

/** How a program ended. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Those that have not ended: none may outlive its test. */
const running = new Set<Program>();

/** A test may fail anywhere, so this belongs into `afterEach`. */
export async function killPrograms(): Promise<void> {
  await Promise.all([...running].map((program) => program.kill()));
}

export class Program {
  /** Resolves when it has ended. */
  readonly ended: Promise<Outcome>;
  readonly #process: ChildProcessWithoutNullStreams;
  #stdout = '';
  #stderr = '';
  /** How much of each output earlier calls have seen. */
  readonly #seen = { stdout: 0, stderr: 0 };

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...sources, ...env } });
    this.#process = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    child.stdin.on('error', () => {}); // it may end before it has read everything
    running.add(this);
    this.ended = once(child, 'close').then(([status]) => {
      running.delete(this);
      return { status, stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  /** An example, such as `serpy-v2/chat.ts`. */
  static example(path: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Program {
    return new Program(...exampleCommand(path, args), env);
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Waits until the program prints this, after what earlier calls have seen. Rejects when it ends instead. */
  until(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#find(pattern, 'stdout');
  }

  /** The same on stderr. */
  untilStderr(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#find(pattern, 'stderr');
  }

  async #find(pattern: RegExp, stream: 'stdout' | 'stderr'): Promise<RegExpExecArray> {
    let found: RegExpExecArray | null = null;
    const isThere = () => {
      found = pattern.exec(this[stream].slice(this.#seen[stream]));
      return found !== null;
    };
    await this.#untilTrue(isThere, stream, String(pattern));
    const match = found as unknown as RegExpExecArray;
    this.#seen[stream] += match.index + match[0].length;
    return match;
  }

  /** Waits until all that was printed fulfils a condition. */
  untilOutput(fulfils: (stdout: string) => boolean, condition = String(fulfils)): Promise<void> {
    return this.#untilTrue(() => fulfils(this.#stdout), 'stdout', condition);
  }

  async #untilTrue(isTrue: () => boolean, stream: 'stdout' | 'stderr', condition: string): Promise<void> {
    const ended = this.ended.then(() => 'ended');
    while (!isTrue()) {
      const next = new AbortController();
      const printed = once(this.#process[stream], 'data', { signal: next.signal }).catch(() => []);
      const what = await Promise.race([printed, ended]);
      next.abort();
      if (what === 'ended' && !isTrue()) {
        throw new Error(`the program ended before ${condition}\n${this.#stdout}\n${this.#stderr}`);
      }
    }
  }

  /** Types something. */
  type(text: string): void {
    this.#process.stdin.write(text);
  }

  endInput(): void {
    this.#process.stdin.end();
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.signal('SIGINT');
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended;
  }
}

/** The command that runs an example. */
export function exampleCommand(path: string, args: readonly string[]): [command: string, args: string[]] {
  return [process.execPath, ['--import', 'tsx', join(root, 'examples', path), ...args]];
}
