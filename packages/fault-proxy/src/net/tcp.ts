/** The only file that opens sockets. It implements endpoints and listeners, and makes no decisions. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { FaultProxyError } from '../errors.js';
import { connectSocket, type Destination } from './connect-socket.js';
import type { Address, Connect, Endpoint, EndpointHandler } from './endpoint.js';
import { afterReading, systemClock } from './system.js';

/** 128 bytes: the approximate memory of a pending write without its bytes. */
const writeOverheadBytes = 128;

/** The internals of Node's sockets that are used here. */
interface SocketInternals {
  readonly _handle?: { readonly getpeername?: (out: object) => number } | null;
}

/**
 * Whether Node's event `end` was really a reset. Node reports a reset directly after bytes as an end, but then the operating
 * system has no peer address any more. (It has none either if the peer answered the end of this side, so that is excluded.)
 */
function isReset(socket: Socket): boolean {
  const { _handle: handle } = socket as unknown as SocketInternals;
  return !socket.writableEnded && (handle?.getpeername?.({}) ?? 0) < 0;
}

function resetError(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
}

export class TcpEndpoint implements Endpoint {
  readonly #socket: Socket;
  readonly remote: Address;
  #handler: EndpointHandler | undefined;
  #writesInFlight = 0;
  #hasWritten = false;
  /** Cancels a planned reset. */
  #cancelReset: (() => void) | undefined;
  #error: Error | undefined;

  constructor(socket: Socket, remote: Address) {
    this.#socket = socket;
    this.remote = remote;
    // Each slice must leave at once, not after the peer has acknowledged the previous one.
    socket.setNoDelay(true);
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('close', () => {
      this.#cancelReset?.();
      this.#handler?.closed(this.#error);
    });
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength + this.#writesInFlight * writeOverheadBytes;
  }

  attach(handler: EndpointHandler): void {
    this.#handler = handler;
    this.#socket.on('data', (bytes) => handler.received(bytes));
    this.#socket.on('end', () => {
      if (isReset(this.#socket)) this.#socket.destroy(resetError());
      else handler.ended();
    });
    this.#socket.pause(); // adding a `data` listener resumed it
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  write(bytes: Buffer): void {
    if (!this.#isWritable) return;
    this.#writesInFlight++;
    this.#hasWritten = true;
    this.#socket.write(bytes, () => {
      this.#writesInFlight--;
      if (!this.#socket.destroyed) this.#handler?.flushed();
    });
  }

  end(): void {
    if (this.#isWritable) this.#socket.end();
  }

  reset(): void {
    if (this.#socket.destroyed || this.#cancelReset) return;
    // Node reports a reset that arrives together with bytes as an end, and some systems drop those bytes.
    if (this.#hasWritten) this.#cancelReset = afterReading(() => this.#reset());
    else this.#reset();
  }

  get #isWritable(): boolean {
    return !this.#socket.destroyed && !this.#socket.writableEnded && !this.#cancelReset;
  }

  #reset(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (socket.connecting) {
      socket.destroy(); // a reset would wait for the connection
    } else if (socket.writableEnded && !socket.writableFinished && socket.writableLength === 0) {
      // While the end is in flight the system refuses a reset, and Node would lose the socket without closing it.
      socket.once('finish', () => socket.resetAndDestroy());
    } else {
      socket.resetAndDestroy();
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** An endpoint that is connecting. Before it is connected, it can only be destroyed or ended. */
class ConnectingEndpoint implements Endpoint {
  readonly remote: Address;
  readonly #abandoned = new AbortController();
  readonly #connected: () => void;
  #handler: EndpointHandler | undefined;
  #end: TcpEndpoint | undefined;
  #endRequested = false;

  constructor(address: Address, connected: () => void) {
    this.remote = address;
    this.#connected = connected;
    const { signal } = this.#abandoned;
    const open = (destination: Destination) => connect({ ...destination, allowHalfOpen: true }).pause();
    connectSocket(address, signal, systemClock, open).then(
      (socket) => this.#useSocket(socket),
      (error) => this.#handler?.closed(signal.aborted ? undefined : error),
    );
  }

  get bufferedBytes(): number {
    return this.#end?.bufferedBytes ?? 0;
  }

  attach(handler: EndpointHandler): void {
    this.#handler = handler;
  }

  pause(): void {
    this.#end?.pause();
  }

  resume(): void {
    this.#end?.resume();
  }

  write(bytes: Buffer): void {
    this.#end?.write(bytes);
  }

  end(): void {
    if (this.#end) this.#end.end();
    else this.#endRequested = true;
  }

  reset(): void {
    if (this.#end) this.#end.reset();
    else this.destroy();
  }

  destroy(): void {
    if (this.#end) this.#end.destroy();
    else this.#abandoned.abort();
  }

  #useSocket(socket: Socket): void {
    const end = new TcpEndpoint(socket, this.remote);
    this.#end = end;
    if (this.#handler) end.attach(this.#handler);
    if (this.#abandoned.signal.aborted) {
      end.destroy();
      return;
    }
    this.#connected();
    if (this.#endRequested) end.end();
  }
}

export const tcpConnect: Connect = (address, connected) => new ConnectingEndpoint(address, connected);

export interface Listener {
  readonly address: Address;
  /** Stops listening. The port is free when it returns; the promise resolves when every accepted socket is closed, too. */
  close(): Promise<void>;
}

/** Listens on an address. Rejects with `ERR_FAULT_PROXY_LISTEN`. */
export async function tcpListen(
  { host, port }: Address,
  accept: (end: Endpoint) => void,
  failed: (error: Error) => void,
): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    accept(new TcpEndpoint(socket, { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }));
  });
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new FaultProxyError('ERR_FAULT_PROXY_LISTEN', listenSentence({ host, port }, cause as Error), { cause });
  }
  server.on('error', failed);
  const { address, port: boundPort } = server.address() as AddressInfo;
  return {
    address: { host: address, port: boundPort },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function listenSentence({ host, port }: Address, cause: Error): string {
  const { code } = cause as NodeJS.ErrnoException;
  const why = code === 'EADDRINUSE' ? 'another program uses the port. Use port 0 for a free one' : cause.message;
  return `cannot listen on ${host}:${port}: ${why}`;
}
