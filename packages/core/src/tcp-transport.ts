/** Transports over TCP: the only file that knows `node:net`. Small verbs, no policy. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connectError, listenError } from './system-errors.js';
import type { Address, DialOptions, Listener, ListenOptions, Transport, TransportHandler } from './transport.js';
import { WriteBatch } from './write-batch.js';

/** With this much on its way, more waits in the send queue, where it can still be counted, dropped or sent on another link. */
const highWaterBytes = 1024 * 1024;

class TcpTransport implements Transport {
  readonly remote: Address;
  readonly local: Address;
  readonly #socket: Socket;
  readonly #batch = new WriteBatch();
  #handler: TransportHandler | undefined;
  /** Whether somebody was told to wait. */
  #full = false;
  /** Whether something was written in this turn of the event loop, and whether there was a flush. */
  #turnOpen = false;
  #flushed = false;

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
    return this.#batch.bytes + this.#socket.writableLength;
  }

  get writable(): boolean {
    return !this.#full;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    const socket = this.#socket;
    let failure = socket.errored ?? undefined; // it may have failed before anybody listened
    socket.on('data', (chunk) => handler.received(chunk));
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

  write(piece: Uint8Array): void {
    this.#batch.add(piece);
    if (this.unsentBytes >= highWaterBytes) this.#full = true;
    if (this.#batch.full) this.#send();
    if (this.#turnOpen) return;
    this.#turnOpen = true;
    process.nextTick(this.#endTurn);
  }

  /**
   * The first flush of a turn goes out at once, for a short round trip; what is written later in the same turn goes out
   * together when it ends: one system call for all of it instead of one for each message.
   */
  flush(): void {
    if (this.#flushed || this.#batch.bytes === 0) return;
    this.#flushed = true;
    this.#send();
  }

  readonly #endTurn = (): void => {
    this.#turnOpen = false;
    this.#flushed = false;
    this.#send();
  };

  #send(): void {
    if (this.#batch.bytes === 0) return;
    const socket = this.#socket;
    const pieces = this.#batch.take();
    const last = pieces.length - 1;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(pieces[i] as Uint8Array);
    socket.write(pieces[last] as Uint8Array, this.#sent);
    if (last > 0) socket.uncork();
    // Mostly the system takes all of it at once, and the memory can be used again.
    if (socket.writableLength === 0) this.#batch.recycle();
    else this.#batch.abandon();
  }

  /** What one flush wrote has left this process, or the socket has died with it. */
  readonly #sent = (): void => {
    if (!this.#full || this.unsentBytes >= highWaterBytes || this.#socket.destroyed) return;
    this.#full = false;
    this.#handler?.drained();
  };

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#send();
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
