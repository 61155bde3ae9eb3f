/** Functions for peers on node:net sockets: listen, connect, wait until a full socket drains. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Address, Availability } from '../peer.js';

export async function listen(accept: (socket: Socket) => void): Promise<Address> {
  const server = createServer({ noDelay: true }, accept);
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}

export async function connectTo({ host, port }: Address): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** Resolves when a full socket accepts more; undefined if it is not full. */
export function drained(socket: Socket): Promise<void> | undefined {
  if (!socket.writableNeedDrain) return undefined;
  return new Promise((resolve) => socket.once('drain', resolve));
}

/** Throttles the sender while the application processes a message. */
export function pauseWhile(socket: Socket, busy: Promise<void> | undefined): void {
  if (busy === undefined) return;
  socket.pause();
  void busy.then(() => socket.resume());
}

/** The availability of peers that need only Node. */
export async function nodeAvailable(): Promise<Availability> {
  return { version: `Node ${process.version}` };
}
