/**
 * serpy-v2 through its public interface, as in its README: `sendData` awaited, received with `for await`, checksums verified.
 * `serpy-v2-key` is the same with a key: TLS 1.3.
 */
import type { Connection } from 'serpy-v2';
import type { Link, MessageHandler, Payload, Peer } from '../peer.js';
import type { Workload } from '../workload.js';
import { versionOf } from './installed.js';
import { acceptAll, maxConnections, queueOptions, receiveAll } from './serpy.js';

class V2Link implements Link {
  readonly #connection: Connection;
  readonly #atOnce: boolean;

  constructor(connection: Connection, { kind }: Workload) {
    this.#connection = connection;
    this.#atOnce = kind === 'burst';
  }

  async send({ bytes }: Payload, count: number): Promise<void> {
    if (this.#atOnce) {
      await Promise.all(Array.from({ length: count }, () => this.#connection.sendData(bytes)));
      return;
    }
    for (let sent = 0; sent < count; sent++) await this.#connection.sendData(bytes);
  }

  receive(handler: MessageHandler): void {
    void receiveAll(this.#connection, handler);
  }
}

/** A key that both processes know. It protects nothing. */
const benchKey = Buffer.alloc(32, 'bench').toString('hex');

function v2Peer(name: string, options: { readonly key?: string; readonly session?: 'require' }): Peer {
  return {
    name,
    kinds: ['one-way', 'round-trip', 'acknowledged', 'idle', 'broadcast', 'slow-reader', 'burst'],
    available: async () => await versionOf('serpy-v2'),
    async server(workload, accept) {
      const { Server } = await import('serpy-v2');
      const server = await new Server({ port: 0, maxConnections, ...options, ...queueOptions(workload) }).start();
      void acceptAll(server, (connection) => accept(new V2Link(connection, workload)));
      return {
        address: server.address ?? { host: '', port: 0 },
        async broadcast({ bytes }, count) {
          for (let sent = 0; sent < count; sent++) {
            await Promise.all(server.getConnectionsList().map((connection) => connection.sendData(bytes)));
          }
        },
      };
    },
    async client(workload, { host, port }) {
      const { Connection } = await import('serpy-v2');
      return new V2Link(await new Connection({ ...options, ...queueOptions(workload) }).connect(host, port), workload);
    },
  };
}

export const peers: readonly Peer[] = [
  v2Peer('serpy-v2', {}),
  v2Peer('serpy-v2-session', { session: 'require' }),
  v2Peer('serpy-v2-key', { key: benchKey }),
];
