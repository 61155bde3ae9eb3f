/** serpy-v2 through its public interface, as its README has it: sendData awaited, received by `for await`, checksums verified. */
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

function peer(name: string, session: object): Peer {
  return {
    name,
    kinds: ['one-way', 'round-trip', 'acknowledged', 'idle', 'broadcast', 'slow-reader', 'burst'],
    available: async () => await versionOf('serpy-v2'),
    async server(workload, accept) {
      const { Server } = await import('serpy-v2');
      const server = await new Server({ port: 0, maxConnections, ...queueOptions(workload) }).start();
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
      return new V2Link(await new Connection({ ...queueOptions(workload), ...session }).connect(host, port), workload);
    },
  };
}

export const peers: readonly Peer[] = [peer('serpy-v2', {}), peer('serpy-v2-session', { handshake: 'require' })];
