/** The loops that a program with serpy contains, shared by the peers of both protocols. */
import type { MessageHandler } from '../peer.js';
import type { Workload } from '../workload.js';

/** Accepts every connection of a server. */
export async function acceptAll<C>(server: AsyncIterable<C>, accept: (connection: C) => void): Promise<void> {
  for await (const connection of server) accept(connection);
}

/** 4 KiB: messages of at least this size have their own memory, which is worth releasing. */
const releasedBytes = 4096;

/** A connection of either protocol. */
type Receiving = AsyncIterable<unknown> & { release(data: Uint8Array): void };

/**
 * Reads a connection with `for await`. While the handler is busy, messages wait in serpy's bounded queue, and then at the sender.
 * The memory of large messages is released, as the documentation recommends.
 */
export async function receiveAll(connection: Receiving, handler: MessageHandler): Promise<void> {
  for await (const data of connection) {
    const busy = handler((data as { readonly length: number }).length);
    if (busy) await busy;
    if (data instanceof Uint8Array && data.length >= releasedBytes) connection.release(data);
  }
}

/** A connection that asks and answers. */
interface Requesting {
  request(value: Uint8Array, options: { readonly timeoutMs: number }): Promise<unknown>;
  onRequest(handler: () => Uint8Array): unknown;
}

const requestTimeoutMs = 10_000;

/** Whether this version of serpy has a method, which a build of an earlier version has not. */
function isRequesting(connection: object): connection is Requesting {
  return 'request' in connection && 'onRequest' in connection;
}

/** Asks, and resolves with the length of the answer. */
export async function request(connection: object, bytes: Uint8Array): Promise<number> {
  if (!isRequesting(connection)) throw new Error('this version of serpy has no requests');
  const answer = await connection.request(bytes, { timeoutMs: requestTimeoutMs });
  return (answer as Uint8Array).length;
}

/** Answers each request with these bytes. */
export function answerRequests(connection: object, bytes: Uint8Array): void {
  if (!isRequesting(connection)) throw new Error('this version of serpy has no requests');
  connection.onRequest(() => bytes);
}

/** A server of either protocol. */
interface Broadcasting {
  getConnectionsList(): readonly { sendData(value: Uint8Array): Promise<boolean> }[];
  broadcast?(value: Uint8Array): Promise<{ readonly dropped: number }>;
}

/** Sends to every client as fast as all of them read: nothing is dropped. */
export async function sendToAll(server: Broadcasting, bytes: Uint8Array): Promise<void> {
  await Promise.all(server.getConnectionsList().map((connection) => connection.sendData(bytes)));
}

/** Sends to every client without waiting for those that do not read. */
export async function broadcastToReaders(server: Broadcasting, bytes: Uint8Array): Promise<number> {
  if (server.broadcast === undefined) throw new Error('this version of serpy has no broadcast()');
  return (await server.broadcast(bytes)).dropped;
}

/** The default queues, except for the curve of queue length. */
export function queueOptions({ queueMessages }: Workload) {
  if (queueMessages === undefined) return {};
  const queue = { maxMessages: queueMessages, maxBytes: Number.MAX_SAFE_INTEGER };
  return { sendQueue: queue, receiveQueue: queue };
}

/** Above the default, for servers with thousands of clients. */
export const maxConnections = 10_000;
