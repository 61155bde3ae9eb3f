/** Connects and listens over TCP. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connectSocket, type Destination } from './connect-socket.js';
import { adoptSocket, SocketReader } from './read-buffer.js';
import { connectError, listenError } from './system-errors.js';
import { TcpTransport } from './tcp-transport.js';
import type { DialOptions, Listener, ListenOptions, Timers, Transport } from './transport.js';

/** Connects to a server over TCP. Rejects with a `ConnectError`, or with the reason of the signal. */
export async function tcpDial({ host, port, keepAliveMs, signal }: DialOptions, timers: Timers): Promise<Transport> {
  signal.throwIfAborted();
  const readings = new Map<Socket, SocketReader>();
  const open = (destination: Destination) => {
    const reading = new SocketReader();
    const socket = connect({ ...destination, allowHalfOpen: true, onread: reading.options() }).pause();
    readings.set(socket, reading);
    return socket;
  };
  try {
    const socket = await connectSocket({ host, port }, signal, timers, open);
    return new TcpTransport(socket, readings.get(socket), keepAliveMs);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw connectError(error as Error, { host, port });
  }
}

/** Listens for clients over TCP. Rejects with a `ListenError`. */
export function tcpListen(options: ListenOptions): Promise<Listener> {
  return listenForSockets(options, (accepted) => {
    const reading = new SocketReader();
    const socket = adoptSocket(accepted, reading);
    options.accept(new TcpTransport(socket ?? accepted, socket && reading, options.keepAliveMs));
  });
}

/** Listens, and passes each socket to `accept`, paused. Rejects with a `ListenError`. */
export async function listenForSockets(
  { host, port, failed }: ListenOptions,
  accept: (socket: Socket) => void,
): Promise<Listener> {
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, accept);
  // Some systems resolve `localhost` to ::1 first, which clients of the default 127.0.0.1 do not try. Clients of the name try both.
  server.listen({ host: host.toLowerCase() === 'localhost' ? '127.0.0.1' : host, port });
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
