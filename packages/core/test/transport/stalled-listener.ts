/** A listener that does not answer connecting sockets until it is released, like a host behind a slow line, or one that is off. */
import { once } from 'node:events';
import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { waitFor } from 'serpy-contract-tests/stage';

/** While the thread is blocked it accepts no socket, and the system answers no more sockets than the backlog holds. */
const program = `
const { connect, createServer } = require('node:net');
const { parentPort, workerData: { host, port, onward, gate } } = require('node:worker_threads');
const server = createServer((socket) => {
  socket.on('error', () => {});
  if (onward === undefined) return;
  const other = connect(onward, '127.0.0.1').on('error', () => socket.destroy());
  socket.on('close', () => other.destroy());
  socket.pipe(other).pipe(socket);
});
server.listen({ host, port, backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  setImmediate(() => Atomics.wait(gate, 0, 0));
});
`;

export class StalledListener {
  readonly port: number;
  readonly #worker: Worker;
  readonly #gate: Int32Array;
  readonly #fillers: Socket[];

  private constructor(port: number, worker: Worker, gate: Int32Array, fillers: Socket[]) {
    this.port = port;
    this.#worker = worker;
    this.#gate = gate;
    this.#fillers = fillers;
  }

  /** @param onward the port of this computer to which bytes are passed on */
  static async start(host: string, port = 0, onward?: number): Promise<StalledListener> {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(program, { eval: true, workerData: { host, port, onward, gate } });
    const [found] = (await once(worker, 'message')) as [number];
    let accepted = 0;
    const fillers = Array.from({ length: 4 }, () => {
      return new Socket().on('error', () => {}).connect(found, host, () => accepted++);
    });
    await waitFor(() => accepted === 2);
    return new StalledListener(found, worker, gate, fillers);
  }

  /** From now on the listener answers. The system of a client tries again one second after its first attempt. */
  letGo(): void {
    for (const each of this.#fillers.splice(0)) each.destroy();
    Atomics.store(this.#gate, 0, 1);
    Atomics.notify(this.#gate, 0);
  }

  async close(): Promise<void> {
    this.letGo();
    await this.#worker.terminate();
  }
}
