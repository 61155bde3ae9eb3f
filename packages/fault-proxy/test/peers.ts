/** Clients and targets of bare sockets for tests of the proxy, with what they received. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { FaultProxy, type FaultProxyOptions } from 'serpy-fault-proxy';

/** A socket, with its events and the bytes that it received. */
export class Peer {
  readonly socket: Socket;
  /** `end`, `close` and the codes of errors, in order. */
  readonly events: string[] = [];
  readonly chunks: Buffer[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.chunks.push(chunk));
    socket.on('end', () => this.events.push('end'));
    socket.on('error', (error) => this.events.push((error as NodeJS.ErrnoException).code ?? error.message));
    socket.on('close', () => this.events.push('close'));
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return this.received.toString('latin1');
  }
}

/** Resolves when the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Everything that a test opens, to close it together. */
export class Place {
  readonly #servers: Server[] = [];
  readonly #sockets: Socket[] = [];
  readonly #proxies: FaultProxy[] = [];

  /** A target that records its connections. */
  async target(): Promise<{ port: number; peers: Peer[]; server: Server }> {
    const peers: Peer[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.push(socket);
      peers.push(new Peer(socket));
    });
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port, peers, server };
  }

  async proxy(options: FaultProxyOptions) {
    const proxy = new FaultProxy(options);
    this.#proxies.push(proxy);
    return await proxy.start();
  }

  /** Connects a client. Resolves when that has succeeded or failed. */
  async connect(address: { host: string; port: number }): Promise<Peer> {
    const socket = connect({ ...address, allowHalfOpen: true });
    this.#sockets.push(socket);
    const peer = new Peer(socket);
    await until(() => !socket.connecting);
    return peer;
  }

  /** A target, a proxy, and a client that is connected through it. */
  async linked(options: Partial<FaultProxyOptions> = {}) {
    const target = await this.target();
    const proxy = await this.proxy({ target: { port: target.port }, seed: 1, ...options });
    const client = await this.connect(proxy.address);
    await until(() => target.peers.length === 1 && proxy.links[0]?.isConnected === true);
    return { target, proxy, client, peer: target.peers[0]!, link: proxy.links[0]! };
  }

  async clear(): Promise<void> {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
    for (const server of this.#servers.splice(0)) server.close();
    await Promise.all(this.#proxies.splice(0).map((proxy) => proxy.close()));
  }
}
