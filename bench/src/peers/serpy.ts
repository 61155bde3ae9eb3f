/** What the peers of both protocols share: the loops that a user of serpy writes. */
import type { MessageHandler } from '../peer.js';
import type { Workload } from '../workload.js';

/** Every connection of a server, as it comes. */
export async function acceptAll<C>(server: AsyncIterable<C>, accept: (connection: C) => void): Promise<void> {
  for await (const connection of server) accept(connection);
}

/** `for await` over a connection: what is not awaited here waits in serpy's bounded queue, and then at the sender. */
export async function receiveAll(connection: AsyncIterable<unknown>, handler: MessageHandler): Promise<void> {
  for await (const data of connection) {
    const busy = handler((data as { readonly length: number }).length);
    if (busy) await busy;
  }
}

/** Defaults, but for a server of thousands and for the curve of queue length. */
export function queueOptions({ queueMessages }: Workload) {
  if (queueMessages === undefined) return {};
  const queue = { maxMessages: queueMessages, maxBytes: Number.MAX_SAFE_INTEGER };
  return { sendQueue: queue, receiveQueue: queue };
}

export const maxConnections = 10_000;
