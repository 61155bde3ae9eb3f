/** The Python peers, connections and servers of an interop test, which are all closed after it. */
import type { SerpyErrorLike } from 'serpy';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { type PeerProtocol, PythonPeer } from './python-peer.js';

/** Which end listens: the Python peer or Node. */
export type Listens = 'Python' | 'Node';

export const roles: readonly Listens[] = ['Python', 'Node'];

const host = '127.0.0.1';

export interface V1Pair {
  readonly peer: PythonPeer;
  readonly connection: v1.Connection;
}

export interface V2Pair {
  readonly peer: PythonPeer;
  readonly connection: v2.Connection;
}

export class Stage {
  readonly #peers: PythonPeer[] = [];
  readonly #closing: (() => unknown)[] = [];

  async listen(protocol: PeerProtocol, ...args: string[]): Promise<PythonPeer & { readonly port: number }> {
    const peer = await PythonPeer.listen(protocol, ...args);
    this.#peers.push(peer);
    return peer;
  }

  connectPeer(protocol: PeerProtocol, port: number, ...args: string[]): PythonPeer {
    const peer = PythonPeer.connect(protocol, port, ...args);
    this.#peers.push(peer);
    return peer;
  }

  /** Registers a connection or server of Node, to close it at the end. */
  keep<T extends { destroy(): void } | { closeServer(): Promise<void> }>(ours: T): T {
    this.#closing.push(() => ('destroy' in ours ? ours.destroy() : ours.closeServer()));
    return ours;
  }

  /** A Python v1 peer and a connection of Node, connected. */
  async v1(listens: Listens, options: v1.ConnectionOptions = {}, ...args: string[]): Promise<V1Pair> {
    const withEncoding = [...(options.encoding ? ['--encoding', options.encoding] : []), ...args];
    if (listens === 'Python') {
      const peer = await this.listen('v1', ...withEncoding);
      const connection = await this.keep(new v1.Connection(options)).connect(host, peer.port);
      await peer.next('connected');
      return { peer, connection };
    }
    const server = await this.keep(new v1.Server({ port: 0, ...options })).start();
    const peer = this.connectPeer('v1', server.address?.port as number, ...withEncoding);
    const connection = this.keep(await server.getConnection());
    await peer.next('connected');
    return { peer, connection };
  }

  /** A Python v2 peer and a connection of Node, connected. */
  async v2(listens: Listens, options: v2.ConnectionOptions = {}, ...args: string[]): Promise<V2Pair> {
    if (listens === 'Python') {
      const peer = await this.listen('v2', ...args);
      const connection = await this.keep(new v2.Connection(options)).connect(host, peer.port);
      await peer.next('connected');
      return { peer, connection };
    }
    const server = await this.keep(new v2.Server({ port: 0, ...options })).start();
    const peer = this.connectPeer('v2', server.address?.port as number, ...args);
    const connection = this.keep(await server.getConnection());
    await peer.next('connected');
    return { peer, connection };
  }

  async clear(): Promise<void> {
    await Promise.all(this.#closing.splice(0).map((close) => close()));
    await Promise.all(this.#peers.splice(0).map((peer) => peer.stop()));
  }
}

/** Collects the warnings of a connection. */
export function warningsOf(connection: {
  on(event: 'warning', listener: (error: SerpyErrorLike) => void): unknown;
}): SerpyErrorLike[] {
  const warnings: SerpyErrorLike[] = [];
  connection.on('warning', (error) => warnings.push(error));
  return warnings;
}
