/** What the peers of both protocols share: the loops that a user of serpy writes. */
import type { MessageHandler } from '../peer.js';
import type { Workload } from '../workload.js';

/** Every connection of a server, as it comes. */
export async function acceptAll<C>(server: AsyncIterable<C>, accept: (connection: C) => void): Promise<void> {
  for await (const connection of server) accept(connection);
}

/** From here on messages have memory of their own, which is worth to be handed back. */
const releasedBytes = 4096;

/** What is received from: a connection of either protocol. */
type Receiving = AsyncIterable<unknown> & { release(data: Uint8Array): void };

/**
 * `for await` over a connection: what is not awaited here waits in serpy's bounded queue, and then at the sender.
 * The memory of large messages is handed back, as the documentation advises.
 */
export async function receiveAll(connection: Receiving, handler: MessageHandler): Promise<void> {
  for await (const data of connection) {
    const busy = handler((data as { readonly length: number }).length);
    if (busy) await busy;
    if (data instanceof Uint8Array && data.length >= releasedBytes) connection.release(data);
  }
}

/** Defaults, but for a server of thousands and for the curve of queue length. */
export function queueOptions({ queueMessages }: Workload) {
  if (queueMessages === undefined) return {};
  const queue = { maxMessages: queueMessages, maxBytes: Number.MAX_SAFE_INTEGER };
  return { sendQueue: queue, receiveQueue: queue };
}

export const maxConnections = 10_000;
