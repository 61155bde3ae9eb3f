/**
 * serpy-v1 through its public interface, as in its README: `sendData` awaited, received with `for await`. `serpy-v1` uses the default
 * modes (text raw, bytes in base85); `serpy-v1-mode0` to `-mode5` send everything in that mode.
 */
import type { Connection, Mode } from 'serpy-v1';
import type { Link, MessageHandler, Payload, Peer } from '../peer.js';
import type { Kind, Workload } from '../workload.js';
import { versionOf } from './installed.js';
import { acceptAll, maxConnections, queueOptions, receiveAll } from './serpy.js';

/** Acknowledged sends in flight, in workloads that do not set it. */
const inFlight = 64;

class V1Link implements Link {
  readonly #connection: Connection;
  readonly #mode: Mode;
  readonly #atOnce: boolean;

  constructor(connection: Connection, mode: Mode, { kind }: Workload) {
    this.#connection = connection;
    this.#mode = mode;
    this.#atOnce = kind === 'burst';
  }

  async send(payload: Payload, count: number): Promise<void> {
    const value = this.#value(payload);
    const options = { mode: this.#mode };
    if (this.#atOnce || this.#mode % 2 === 1) {
      const maxInFlight = this.#atOnce ? count : inFlight;
      for (let left = count; left > 0; left -= maxInFlight) {
        const sends = Array.from({ length: Math.min(left, maxInFlight) }, () =>
          this.#connection.sendData(value, options),
        );
        await Promise.all(sends);
      }
      return;
    }
    for (let sent = 0; sent < count; sent++) await this.#connection.sendData(value, options);
  }

  async sendAcknowledged(payload: Payload): Promise<void> {
    const arrived = await this.#connection.sendData(this.#value(payload), { mode: 1 });
    if (!arrived) throw new Error('a message was not acknowledged');
  }

  receive(handler: MessageHandler): void {
    void receiveAll(this.#connection, handler);
  }

  /** Text if the mode sends raw text, or if the payload is small; otherwise bytes. */
  #value({ bytes, text }: Payload): string | Buffer {
    if (text === undefined) return bytes;
    return this.#mode < 2 || bytes.length < 4096 ? text : bytes;
  }
}

function peer(name: string, mode: Mode, kinds: readonly Kind[]): Peer {
  return {
    name,
    kinds,
    available: async () => await versionOf('serpy-v1'),
    async server(workload, accept) {
      const { Server } = await import('serpy-v1');
      const server = await new Server({ port: 0, maxConnections, ...queueOptions(workload) }).start();
      void acceptAll(server, (connection) => accept(new V1Link(connection, mode, workload)));
      return { address: server.address ?? { host: '', port: 0 } };
    },
    async client(workload, { host, port }) {
      const { Connection } = await import('serpy-v1');
      return new V1Link(await new Connection(queueOptions(workload)).connect(host, port), mode, workload);
    },
  };
}

const modes: readonly Mode[] = [0, 1, 2, 3, 4, 5];

export const peers: readonly Peer[] = [
  peer('serpy-v1', 0, ['one-way', 'round-trip', 'acknowledged', 'idle', 'broadcast', 'slow-reader', 'burst']),
  ...modes.map((mode) => peer(`serpy-v1-mode${mode}`, mode, ['v1-mode'])),
];
