/** Payloads of the messages. */
import type { Payload } from './peer.js';
import { minBinaryBytes, type Workload } from './workload.js';

/** Bytes between two reads of the clock. Peers that can put them into one write. */
const batchBytes = 64 * 1024;

/**
 * Small messages are text. Large ones have all byte values in random order, which no peer can compress. The generator is a linear
 * congruential one: an import from serpy would change the memory of the processes of other peers.
 */
export function createPayload({ kind, messageBytes }: Workload): Payload {
  const isText = messageBytes < minBinaryBytes;
  const bytes = Buffer.allocUnsafeSlow(messageBytes);
  let random = 1;
  for (let at = 0; at < messageBytes; at++) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = isText ? 0x61 + ((random >>> 24) % 26) : random >>> 24;
  }
  // In some modes, v1 also sends large messages as text.
  const text = kind === 'v1-mode' && !isText ? 'serpy '.repeat(messageBytes / 6 + 1).slice(0, messageBytes) : undefined;
  return { bytes, text: isText ? bytes.toString('latin1') : text };
}

/** The large messages in flight of v1 in acknowledged modes. */
const v1InFlight = 8;

/** The number of messages per call of `send`. */
export function batchSize({ kind, messageBytes, connections, queueMessages }: Workload): number {
  if (kind === 'burst') return 2 * (queueMessages ?? 1);
  if (kind === 'broadcast' || kind === 'paced-broadcast') return 1;
  if (kind === 'v1-mode' && messageBytes >= minBinaryBytes) return v1InFlight;
  return Math.max(1, Math.min(1024, Math.floor(batchBytes / messageBytes / connections)));
}

/** The largest message that any workload has, with room for framing, for peers that want to know. */
export const largestMessageBytes = 96 * 1024 * 1024;
