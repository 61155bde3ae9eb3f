/** A program in a separate process, which a test uses like a user: with its input, output and signals. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { compiledExamples } from './compiled-examples.js';
import { root } from './workspace.js';

/** Makes tsx use the sources of the packages. From the root it would use the builds. */
const sources = { TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') };

/** The end of a program. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The running programs. None can outlive its test. */
const running = new Set<Program>();

/** For `afterEach`, because a test can fail at any line. */
export async function killPrograms(): Promise<void> {
  await Promise.all([...running].map((program) => program.kill()));
}

export class Program {
  /** Resolves when it has ended. */
  readonly ended: Promise<Outcome>;
  readonly #process: ChildProcessWithoutNullStreams;
  #stdout = '';
  #stderr = '';
  /** The length of each output that earlier calls have seen. */
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
    child.stdin.on('error', () => {}); // the program can end before it has read everything
    running.add(this);
    this.ended = once(child, 'close').then(([status]) => {
      running.delete(this);
      return { status, stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  /** An example, such as `serpy-v2/chat.ts`, from its source, as `npm run example` starts it. It needs a second of a processor. */
  static exampleSource(path: string, args: readonly string[] = []): Program {
    return new Program(process.execPath, ['--import', 'tsx', join(root, 'examples', path), ...args]);
  }

  /** An example, compiled. */
  static example(path: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Program {
    return new Program(...exampleCommand(path, args), env);
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Waits until the program prints this, after the output that earlier calls have seen. Rejects if it ends. */
  until(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#find(pattern, 'stdout');
  }

  /** Like `until`, for stderr. */
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

  /** Waits until the complete output meets a condition. */
  untilOutput(meets: (stdout: string) => boolean, condition = String(meets)): Promise<void> {
    return this.#untilTrue(() => meets(this.#stdout), 'stdout', condition);
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

  /** Writes to stdin. */
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

/** The command that runs an example with the built packages. */
export function exampleCommand(path: string, args: readonly string[]): [command: string, args: string[]] {
  return [process.execPath, [join(compiledExamples(), path.replace(/ts$/, 'js')), ...args]];
}
