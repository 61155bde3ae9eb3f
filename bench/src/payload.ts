/** The messages that are sent. */
import { seededRandom } from 'serpy-core/testing';
import type { Payload } from './peer.js';
import { smallestBlobBytes, type Workload } from './workload.js';

/** How much is sent between two looks at the clock, and put into one write by peers that can. */
const batchBytes = 64 * 1024;

/** Small messages are text, blobs every byte value in no order that anything could make use of. */
export function createPayload({ kind, messageBytes }: Workload): Payload {
  const isText = messageBytes < smallestBlobBytes;
  const bytes = Buffer.allocUnsafeSlow(messageBytes);
  const random = seededRandom(1);
  for (let at = 0; at < messageBytes; at++) {
    bytes[at] = isText ? 0x61 + Math.floor(random() * 26) : Math.floor(random() * 256);
  }
  // v1 sends blobs as text too where its mode asks for that.
  const text = kind === 'v1-mode' && !isText ? 'serpy '.repeat(messageBytes / 6 + 1).slice(0, messageBytes) : undefined;
  return { bytes, text: isText ? bytes.toString('latin1') : text };
}

/** As many blobs as v1 has in flight in acknowledged modes. */
const v1Blobs = 8;

/** How many messages are sent at a time. */
export function batchSize({ kind, messageBytes, connections, queueMessages }: Workload): number {
  if (kind === 'burst') return 2 * (queueMessages ?? 1);
  if (kind === 'broadcast') return 1;
  if (kind === 'v1-mode' && messageBytes >= smallestBlobBytes) return v1Blobs;
  return Math.max(1, Math.min(1024, Math.floor(batchBytes / messageBytes / connections)));
}

/** The largest message that any workload has, with room for framing, for peers that want to know. */
export const largestMessageBytes = 96 * 1024 * 1024;
