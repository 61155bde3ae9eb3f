/** A reader that takes nothing must not fill the memory of who sends: the queues are bounded, and then `sendData` waits. */
import { isSerpyError } from 'serpy';
import { formatNumber } from '../../format.js';
import { type Check, type CheckContext, fail, ok, type Result, warn } from './check.js';
import { type Pair, withPair } from './loopback.js';

const queue = { maxBytes: 2 ** 22 };
const messageBytes = 2 ** 18;
/** So much is offered to somebody who reads nothing. */
const offeredBytes = 2 ** 28;
/** Two queues, and what a system keeps of a link, with room to spare. */
const maxAcceptedBytes = 2 ** 26;
const maxGrowthBytes = 2 ** 27;
/** A queue that takes nothing for so long is full. */
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
  for (let taken = 0; taken < sent; taken++) {
    const data: unknown = await accepted.getData({ signal });
    if (!Buffer.isBuffer(data) || data.length !== messageBytes) {
      return fail('what had waited arrived otherwise than it was sent', 'report it (--json)', { figures });
    }
  }
  if (acceptedBytes > maxAcceptedBytes) {
    return fail(
      `a reader that takes nothing was sent ${megabytes}: nothing slows the sender down`,
      'something between the two ends takes everything in: look for a proxy or virus scanner',
      { figures },
    );
  }
  const message = `a reader that takes nothing stops the sender after ${megabytes}; memory grew by ${growth}, and all of it arrived later`;
  if (growthBytes <= maxGrowthBytes) return ok(message, { figures });
  return warn(message, 'that is much: set sendQueue.maxBytes and receiveQueue.maxBytes lower where memory is short', {
    figures,
  });
}

/** Sends until nothing more is accepted. Returns how many messages were. */
async function fill(client: Pair['client'], signal: AbortSignal): Promise<number> {
  for (let sent = 0; sent < offeredBytes / messageBytes; sent++) {
    try {
      await client.sendData(Buffer.alloc(messageBytes, 1), { timeoutMs: fullAfterMs, signal });
    } catch (error) {
      if (isSerpyError(error) && error.code === 'ERR_SERPY_QUEUE_FULL') return sent;
      throw error;
    }
  }
  return offeredBytes / messageBytes;
}
