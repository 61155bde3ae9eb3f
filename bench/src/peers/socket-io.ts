/**
 * socket.io 4 as its page "Performance tuning" recommends: WebSocket only, bufferutil, the msgpack parser for binary data. As its page
 * "Memory usage" recommends, the first HTTP request is discarded. Acknowledgements are its own (emitWithAck).
 * `-recovery` is the same with `connectionStateRecovery`, which keeps what the server sent for two minutes.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { largestMessageBytes } from '../payload.js';
import type { Link, MessageHandler, Payload, Peer } from '../peer.js';
import { versionOf } from './installed.js';

/** The part of a socket that both ends of socket.io have. */
interface Emitter {
  emit(event: string, data: Buffer): unknown;
  emitWithAck(event: string, data: Buffer): Promise<unknown>;
  on(event: string, listener: (data: Buffer, acknowledge?: unknown) => void): unknown;
}

/** The engine below, at both ends. Its event `drain` reports that sent data has left. */
interface Engine {
  readonly writeBuffer: { readonly length: number };
  once(event: 'drain', listener: () => void): unknown;
}

class SocketIoLink implements Link {
  readonly #socket: Emitter;
  readonly #engine: Engine;

  constructor(socket: Emitter, engine: Engine) {
    this.#socket = socket;
    this.#engine = engine;
  }

  send({ bytes }: Payload, count: number): Promise<void> | undefined {
    for (let sent = 0; sent < count; sent++) this.#socket.emit('message', bytes);
    if (this.#engine.writeBuffer.length === 0) return undefined;
    return new Promise((resolve) => this.#engine.once('drain', resolve));
  }

  sendAcknowledged({ bytes }: Payload): Promise<unknown> {
    return this.#socket.emitWithAck('message', bytes);
  }

  async request({ bytes }: Payload): Promise<number> {
    return ((await this.#socket.emitWithAck('message', bytes)) as Buffer).length;
  }

  answer({ bytes }: Payload): void {
    this.#socket.on('message', (_data, acknowledge) => (acknowledge as (answer: Buffer) => void)(bytes));
  }

  receive(handler: MessageHandler): void {
    this.#socket.on('message', (data, acknowledge) => {
      handler(data.length);
      // With recovery, the last argument is the offset of the message.
      if (typeof acknowledge === 'function') acknowledge();
    });
  }
}

const peer = (name: string, recovery: boolean): Peer => ({
  name,
  // Recovery repeats what the server sent.
  sender: recovery ? 'server' : 'client',
  kinds: ['one-way', 'round-trip', 'acknowledged', 'request', 'idle', 'broadcast'],
  available: async () => await versionOf('socket.io'),
  async server(_, accept) {
    const [{ Server }, parser] = await Promise.all([import('socket.io'), import('socket.io-msgpack-parser')]);
    const http = createServer();
    const server = new Server(http, {
      transports: ['websocket'],
      parser: parser.default,
      maxHttpBufferSize: largestMessageBytes,
      serveClient: false,
      ...(recovery ? { connectionStateRecovery: {} } : {}),
    });
    server.engine.on('connection', (engine: { request: unknown }) => {
      engine.request = null;
    });
    server.on('connection', (socket) => accept(new SocketIoLink(socket, socket.conn as unknown as Engine)));
    http.listen(0, '127.0.0.1', 4096);
    await once(http, 'listening');
    return { address: { host: '127.0.0.1', port: (http.address() as AddressInfo).port } };
  },
  async client(_, { host, port }) {
    const [{ io }, parser] = await Promise.all([import('socket.io-client'), import('socket.io-msgpack-parser')]);
    const socket = io(`http://${host}:${port}`, { transports: ['websocket'], parser: parser.default, forceNew: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    return new SocketIoLink(socket, socket.io.engine);
  },
});

export const peers: readonly Peer[] = [peer('socket.io', false), peer('socket.io-recovery', true)];
