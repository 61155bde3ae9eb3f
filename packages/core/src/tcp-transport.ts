/** Transports over TCP: the only file that knows `node:net`. Small verbs, no policy. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connectError, listenError } from './system-errors.js';
import type { Address, DialOptions, Listener, ListenOptions, Transport, TransportHandler } from './transport.js';

class TcpTransport implements Transport {
  readonly remote: Address;
  readonly local: Address;
  readonly #socket: Socket;
  #uncorking = false;

  constructor(socket: Socket, keepAliveMs: number) {
    this.#socket = socket;
    this.remote = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    this.local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    socket.setNoDelay(true);
    if (keepAliveMs > 0) socket.setKeepAlive(true, keepAliveMs);
    // Until `start` nobody listens, and an unheard 'error' would end the program.
    socket.on('error', ignore);
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  get writable(): boolean {
    return !this.#socket.writableNeedDrain;
  }

  start(handler: TransportHandler): void {
    const socket = this.#socket;
    let failure = socket.errored ?? undefined; // it may have failed before anybody listened
    socket.on('data', (chunk) => handler.received(chunk));
    socket.on('drain', () => handler.drained());
    socket.on('end', () => handler.ended());
    socket.on('error', (error) => {
      failure = error;
    });
    let told = false;
    const closed = () => {
      if (!told) handler.closed(failure);
      told = true;
    };
    socket.on('close', closed);
    if (socket.destroyed) process.nextTick(closed); // its event may have been already
  }

  /**
   * The first write of a turn goes out at once, for a short round trip; those that follow in the same turn
   * go out together when it ends, in one system call.
   */
  write(piece: Uint8Array): void {
    this.#socket.write(piece);
    if (this.#uncorking) return;
    this.#uncorking = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#uncorking = false;
      this.#socket.uncork();
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function ignore(): void {}

/** Dials a TCP peer. Rejects with a `ConnectError`, or with the signal's reason. */
export async function tcpDial({ host, port, keepAliveMs, signal }: DialOptions): Promise<Transport> {
  signal.throwIfAborted();
  const socket = connect({ host, port, allowHalfOpen: true });
  try {
    await once(socket, 'connect', { signal });
  } catch (error) {
    socket.on('error', ignore);
    socket.destroy();
    if (signal.aborted) throw signal.reason;
    throw connectError(error as Error, { host, port });
  }
  return new TcpTransport(socket, keepAliveMs);
}

/** Listens for TCP peers. Rejects with a `ListenError`. */
export async function tcpListen({ host, port, keepAliveMs, accept, failed }: ListenOptions): Promise<Listener> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    accept(new TcpTransport(socket, keepAliveMs));
  });
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    server.close();
    throw listenError(error as Error, { host, port });
  }
  server.on('error', failed);
  const { address, port: boundPort } = server.address() as AddressInfo;
  return {
    address: { host: address, port: boundPort },
    // The port is free when `close` returns; its callback would wait for every accepted socket to end.
    close: () => server.close(),
  };
}
