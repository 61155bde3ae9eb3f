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

/** The default queues, except for the curve of queue length. */
export function queueOptions({ queueMessages }: Workload) {
  if (queueMessages === undefined) return {};
  const queue = { maxMessages: queueMessages, maxBytes: Number.MAX_SAFE_INTEGER };
  return { sendQueue: queue, receiveQueue: queue };
}

/** Above the default, for servers with thousands of clients. */
export const maxConnections = 10_000;
