/**
 * serpy-v2 through its public interface, as in its README: `sendData` awaited, received with `for await`, checksums verified.
 * `-session` is the same in a session, `-key` with a key: TLS 1.3, and a session. `-received` waits for the session's acknowledgements.
 */
import type { Connection } from 'serpy-v2';
import type { Link, MessageHandler, Payload, Peer } from '../peer.js';
import type { Kind, Workload } from '../workload.js';
import { versionOf } from './installed.js';
import {
  acceptAll,
  answerRequests,
  broadcastToReaders,
  maxConnections,
  queueOptions,
  receiveAll,
  request,
  sendToAll,
} from './serpy.js';

class V2Link implements Link {
  readonly #connection: Connection;
  readonly #atOnce: boolean;
  readonly sendAcknowledged?: (payload: Payload) => Promise<unknown>;

  constructor(connection: Connection, { kind }: Workload, acknowledges: boolean) {
    this.#connection = connection;
    this.#atOnce = kind === 'burst';
    if (acknowledges) {
      this.sendAcknowledged = ({ bytes }) => connection.sendData(bytes, { acknowledge: 'received' });
    }
  }

  async send({ bytes }: Payload, count: number): Promise<void> {
    if (this.#atOnce) {
      await Promise.all(Array.from({ length: count }, () => this.#connection.sendData(bytes)));
      return;
    }
    for (let sent = 0; sent < count; sent++) await this.#connection.sendData(bytes);
  }

  request({ bytes }: Payload): Promise<number> {
    return request(this.#connection, bytes);
  }

  answer({ bytes }: Payload): void {
    answerRequests(this.#connection, bytes);
  }

  receive(handler: MessageHandler): void {
    void receiveAll(this.#connection, handler);
  }
}

/** A key that both processes know. It protects nothing. */
const benchKey = Buffer.alloc(32, 'bench').toString('hex');

interface Options {
  readonly key?: string;
  readonly session: 'off' | 'require';
}

/** @param acknowledges whether acknowledged sends wait for the session's own acknowledgement */
function v2Peer(name: string, kinds: readonly Kind[], options: Options, acknowledges = false): Peer {
  return {
    name,
    kinds,
    available: async () => await versionOf('serpy-v2'),
    async server(workload, accept) {
      const { Server } = await import('serpy-v2');
      const limits = { maxConnections, maxPendingConnections, ...serverPatience };
      const server = await new Server({ port: 0, ...limits, ...options, ...queueOptions(workload) }).start();
      void acceptAll(server, (connection) => accept(new V2Link(connection, workload, acknowledges)));
      return {
        address: server.address ?? { host: '', port: 0 },
        async broadcast({ bytes }, count) {
          for (let sent = 0; sent < count; sent++) await sendToAll(server, bytes);
        },
        broadcastToReaders: async ({ bytes }) => await broadcastToReaders(server, bytes),
      };
    },
    async client(workload, { host, port }) {
      const { Connection } = await import('serpy-v2');
      const connection = await new Connection({ ...clientPatience, ...options, ...queueOptions(workload) }).connect(
        host,
        port,
      );
      return new V2Link(connection, workload, acknowledges);
    },
  };
}

/** A server to which thousands of clients connect at the same time needs longer to answer than the defaults allow. */
const patienceMs = 30_000;
const serverPatience = { sessionTimeoutMs: patienceMs, authTimeoutMs: patienceMs };
const clientPatience = { sessionTimeoutMs: patienceMs, connectTimeoutMs: patienceMs };

/** Above the number of clients that the bench connects at the same time. */
const maxPendingConnections = 100;

const all: readonly Kind[] = [
  'one-way',
  'round-trip',
  'acknowledged',
  'request',
  'idle',
  'broadcast',
  'paced-broadcast',
  'slow-reader',
  'burst',
];

export const peers: readonly Peer[] = [
  v2Peer('serpy-v2', all, { session: 'off' }),
  v2Peer('serpy-v2-session', all, { session: 'require' }),
  v2Peer('serpy-v2-key', all, { key: benchKey, session: 'require' }),
  v2Peer('serpy-v2-received', ['acknowledged'], { session: 'require' }, true),
];
