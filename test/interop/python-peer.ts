/** Controls the Python peers of test/python: commands in, events out, one JSON object per line. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

function runs(script: string): boolean {
  return spawnSync('python3', ['-c', script]).status === 0;
}

/** Whether python3 is installed and runs the peers. */
export const hasPython = runs('import sys; assert sys.version_info >= (3, 8)');

/** Whether it has numpy. */
export const hasNumpy = hasPython && runs('import numpy');

/** The title of a test, with the reason if it is skipped. */
export function titled(title: string, there: boolean, what = 'python3'): string {
  return there ? title : `${title} (skipped: there is no ${what} on this machine)`;
}

/** An event as a peer printed it. test/python/README.md has the fields. */
export interface PeerEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** A command without its `id`. */
export interface PeerCommand {
  readonly do: string;
  readonly [field: string]: unknown;
}

interface Waiter {
  readonly fits: (event: PeerEvent) => boolean;
  readonly resolve: (event: PeerEvent) => void;
  readonly reject: (error: Error) => void;
}

export type PeerProtocol = 'v1' | 'v2';

export class PythonPeer {
  /** All events that it has printed. */
  readonly events: PeerEvent[] = [];
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown>;
  /** Events that no call has returned yet. */
  readonly #untaken: PeerEvent[] = [];
  readonly #waiters: Waiter[] = [];
  #ids = 0;
  #stderr = '';
  #over = false;

  private constructor(protocol: PeerProtocol, args: readonly string[]) {
    const program = fileURLToPath(new URL(`../python/peer_${protocol}.py`, import.meta.url));
    this.#process = spawn('python3', [program, ...args]);
    this.#ended = once(this.#process, 'close').then(() => this.#end());
    this.#process.stdin.on('error', () => {}); // it has ended, which `close` reports
    this.#process.stderr.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    createInterface(this.#process.stdout).on('line', (line) => this.#take(JSON.parse(line) as PeerEvent));
  }

  /** Starts a peer that listens on `port`. */
  static async listen(protocol: PeerProtocol, ...args: string[]): Promise<PythonPeer & { readonly port: number }> {
    const peer = new PythonPeer(protocol, ['listen', ...args]);
    const { port } = await peer.next('listening');
    return Object.assign(peer, { port: port as number });
  }

  /** Starts a peer that connects. */
  static connect(protocol: PeerProtocol, port: number, ...args: string[]): PythonPeer {
    return new PythonPeer(protocol, ['connect', '--port', String(port), ...args]);
  }

  /** Sends a command. Resolves with its `done`, or rejects with its `error`. */
  async do(command: PeerCommand): Promise<PeerEvent> {
    const id = ++this.#ids;
    this.#process.stdin.write(`${JSON.stringify({ ...command, id })}\n`);
    const answer = await this.next((event) => event.id === id);
    if (answer.event === 'error') throw new Error(`${command.do}: ${answer.why}`);
    return answer;
  }

  /** Sends one message. */
  send(type: string, value: unknown, more: object = {}): Promise<PeerEvent> {
    return this.do({ do: 'send', type, value, ...more });
  }

  /** The next event with a name, or that matches: one that arrived and was not returned yet, or a future one. */
  next(what: string | ((event: PeerEvent) => boolean)): Promise<PeerEvent> {
    const fits = typeof what === 'string' ? ({ event }: PeerEvent) => event === what : what;
    const index = this.#untaken.findIndex(fits);
    if (index >= 0) return Promise.resolve(this.#untaken.splice(index, 1)[0] as PeerEvent);
    if (this.#over) return Promise.reject(this.#endError());
    return new Promise((resolve, reject) => this.#waiters.push({ fits, resolve, reject }));
  }

  /** The next messages, in order. */
  async messages(count: number): Promise<PeerEvent[]> {
    const messages: PeerEvent[] = [];
    while (messages.length < count) messages.push(await this.next('message'));
    return messages;
  }

  /** All events of a name so far. */
  all(name: string): PeerEvent[] {
    return this.events.filter(({ event }) => event === name);
  }

  /** Ends the process and waits for its end. */
  async stop(): Promise<void> {
    this.#process.stdin.end();
    const stuck = setTimeout(() => this.#process.kill('SIGKILL'), 5000);
    await this.#ended;
    clearTimeout(stuck);
  }

  #take(event: PeerEvent): void {
    this.events.push(event);
    const index = this.#waiters.findIndex(({ fits }) => fits(event));
    if (index >= 0) this.#waiters.splice(index, 1)[0]?.resolve(event);
    else this.#untaken.push(event);
  }

  #end(): void {
    this.#over = true;
    for (const { reject } of this.#waiters.splice(0)) reject(this.#endError());
  }

  #endError(): Error {
    const last = JSON.stringify(this.events.slice(-3));
    return new Error(`the Python peer has ended; its last events: ${last}${this.#stderr && `; ${this.#stderr}`}`);
  }
}
