/** A client and a server in a session, in a network in memory whose time runs by itself: new for each test of a file, and cleared away after it. */
import { MemoryNetwork } from 'serpy-core/testing';
import { Connection, type ConnectionOptions, Server, type ServerOptions } from 'serpy-v2';
import { afterEach, beforeEach } from 'vitest';

export class Stage {
  readonly network = new MemoryNetwork();
  readonly #servers: Server[] = [];
  readonly #clients: Connection[] = [];

  constructor() {
    this.network.clock.runFreely();
  }

  async server(options: Partial<ServerOptions> = {}): Promise<Server> {
    const server = await new Server({ port: 5000, ...options }, this.network).start();
    this.#servers.push(server);
    return server;
  }

  client(options: ConnectionOptions = {}): Connection {
    const client = new Connection({ session: 'prefer', autoRestart: true, ...options }, this.network);
    this.#clients.push(client);
    return client;
  }

  /** Both ends of a connection. */
  async pair(options: ConnectionOptions = {}, serverOptions: Partial<ServerOptions> = {}) {
    const server = await this.server(serverOptions);
    const client = await this.client(options).connect('127.0.0.1', serverOptions.port ?? 5000);
    return { server, client, accepted: await server.getConnection() };
  }

  async clear(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    for (const server of this.#servers) {
      await server.close();
      for (const connection of server) connection.destroy();
    }
    this.network.clock.stop();
  }
}

/** The stage of each test. */
export function stages(): () => Stage {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(() => stage.clear());
  return () => stage;
}
