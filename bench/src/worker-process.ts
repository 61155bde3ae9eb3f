/** A worker as the runner sees it: a process that answers requests. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Address, Peer } from './peer.js';
import type { CallName, Calls, Reply, Role } from './protocol.js';
import type { Workload } from './workload.js';

/** Milliseconds that a worker can take to answer, in addition to the measured time. */
const answerTimeoutMs = 60_000;

const workerFile = fileURLToPath(new URL('worker.js', import.meta.url));

interface Waiting {
  readonly resolve: (answer: object) => void;
  readonly reject: (error: Error) => void;
}

/** The number of the last core that taskset reports; undefined without taskset. */
export function findCore(): string | undefined {
  const { status, stdout } = spawnSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' });
  return status === 0 ? /(\d+)\s*$/.exec(stdout)?.[1] : undefined;
}

export class WorkerProcess {
  readonly #process: ChildProcess;
  readonly #name: string;
  #waiting: Waiting | undefined;
  /** The first failure. Later calls reject with it. */
  #failure: Error | undefined;
  #stderr = '';

  /** Starts one end of a peer. Resolves when it is ready, with its first answer. */
  static async start(role: Role, peer: Peer, workload: Workload, core: string | undefined, address?: Address) {
    const program = 'command' in peer ? peer.command : [process.execPath, '--expose-gc', workerFile];
    const words = 'command' in peer ? [role] : [role, peer.name];
    const pinned = core === undefined ? [] : ['taskset', '-c', core];
    const json = [workload, ...(address ? [address] : [])].map((value) => JSON.stringify(value));
    const worker = new WorkerProcess(`${peer.name} (${role})`, [...pinned, ...program, ...words, ...json]);
    try {
      const ready = await worker.#answer<'ready'>(answerTimeoutMs);
      return { worker, ready };
    } catch (error) {
      await worker.end();
      throw error;
    }
  }

  private constructor(name: string, [program = '', ...words]: readonly string[]) {
    this.#name = name;
    this.#process = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdin, stdout, stderr } = this.#process;
    stdin?.on('error', () => undefined);
    stderr?.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString()).slice(-2000);
    });
    if (stdout) createInterface(stdout).on('line', (line) => this.#onLine(line));
    this.#process.on('error', (error) => this.#fail(error.message));
    this.#process.on('exit', (code, signal) => this.#fail(`the process ended (${signal ?? code})`));
  }

  /**
   * Sends a request, and waits for the answer. At most one call is in flight.
   * @param extraMs time that it can take besides the measured time
   */
  call<K extends CallName>(name: K, request: Calls[K]['request'], extraMs = 0): Promise<Calls[K]['answer']> {
    const seconds = 'seconds' in request && typeof request.seconds === 'number' ? request.seconds : 0;
    const answer = this.#answer<K>(answerTimeoutMs + seconds * 1000 + extraMs);
    this.#process.stdin?.write(`${JSON.stringify({ do: name, ...request })}\n`);
    return answer;
  }

  /** Stops the process, as a program that hangs: its connections stay open. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  /** Ends the process, if it runs, and resolves when it has exited. */
  async end(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#process;
    if (exitCode !== null || signalCode !== null || pid === undefined) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 2000);
    await gone;
    clearTimeout(timer);
  }

  #answer<K extends CallName>(withinMs: number): Promise<Calls[K]['answer']> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(`no answer within ${Math.round(withinMs / 1000)} s`), withinMs);
      const settle =
        <T>(use: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          this.#waiting = undefined;
          use(value);
        };
      this.#waiting = {
        resolve: settle<object>((answer) => resolve(answer as Calls[K]['answer'])),
        reject: settle(reject),
      };
    });
  }

  #onLine(line: string): void {
    if (!line.startsWith('{')) return; // output of a library
    const reply = JSON.parse(line) as Reply;
    if ('answer' in reply) this.#waiting?.resolve(reply.answer);
    else this.#fail(reply.error);
  }

  #fail(reason: string): void {
    const last = this.#stderr.trim().split('\n').at(-1);
    this.#failure ??= new Error(`${this.#name}: ${reason}${last ? `: ${last}` : ''}`);
    this.#waiting?.reject(this.#failure);
  }
}
