/** Checks that a reader that does not read cannot fill the sender's memory: queues are bounded, and `sendData` waits. */
import { isSerpyError } from 'serpy';
import { formatNumber } from '../../format.js';
import { type Check, type CheckContext, fail, ok, type Result, warn } from './check.js';
import { type Pair, withPair } from './loopback.js';

const queue = { maxBytes: 2 ** 22 };
const messageBytes = 2 ** 18;
/** Bytes offered to the slow reader. */
const offeredBytes = 2 ** 28;
/** More than two queues and the buffers of the system. */
const maxAcceptedBytes = 2 ** 26;
const maxGrowthBytes = 2 ** 27;
/** A queue that accepts nothing for this time is full. */
const fullAfterMs = 500;

export const slowReaderCheck: Check = {
  name: 'slow reader',
  limitMs: 30_000,
  run: (context) =>
    withPair(context, { listen: { receiveQueue: queue }, connect: { sendQueue: queue } }, (pair) =>
      checkBounds(pair, context),
    ),
};

async function checkBounds({ client, accepted }: Pair, { hostInfo, signal }: CheckContext): Promise<Result> {
  const before = hostInfo.residentBytes();
  const sent = await fill(client, signal);
  const acceptedBytes = sent * messageBytes;
  const growthBytes = Math.max(0, hostInfo.residentBytes() - before);
  const figures = { offeredBytes, acceptedBytes, growthBytes };
  const [megabytes, growth] = [acceptedBytes, growthBytes].map((bytes) => `${formatNumber(bytes / 1e6)} MB`);
  for (let received = 0; received < sent; received++) {
    const data: unknown = await accepted.getData({ signal });
    if (!Buffer.isBuffer(data) || data.length !== messageBytes) {
      return fail('queued data arrived corrupted', 'report it with the output of --json', { figures });
    }
  }
  if (acceptedBytes > maxAcceptedBytes) {
    return fail(
      `a sender sent ${megabytes} to a reader that does not read: nothing throttles it`,
      'a program between the two ends accepts all data: look for a proxy or virus scanner',
      { figures },
    );
  }
  const message = `a reader that does not read stops the sender after ${megabytes}; memory grew by ${growth}, and all data arrived later`;
  if (growthBytes <= maxGrowthBytes) return ok(message, { figures });
  return warn(message, 'if memory is short, lower sendQueue.maxBytes and receiveQueue.maxBytes', {
    figures,
  });
}

/** Sends until the queue accepts no more. Returns the number of messages. */
async function fill(client: Pair['client'], signal: AbortSignal): Promise<number> {
  for (let sent = 0; sent < offeredBytes / messageBytes; sent++) {
    signal.throwIfAborted(); // with the signal, sendData would wait until the message has left the queue
    try {
      await client.sendData(Buffer.alloc(messageBytes, 1), { timeoutMs: fullAfterMs });
    } catch (error) {
      if (isSerpyError(error) && error.code === 'ERR_SERPY_QUEUE_FULL') return sent;
      throw error;
    }
  }
  return offeredBytes / messageBytes;
}
