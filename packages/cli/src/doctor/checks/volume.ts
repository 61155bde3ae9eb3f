/** Checks messages of 1, 10 and 100 MB on this computer: their speed, and that they arrive unchanged. */
import { megabytesPerSecond } from '../../bench/throughput.js';
import { formatNumber } from '../../format.js';
import { type Check, type CheckContext, fail, ok, type Result, warn } from './check.js';
import { brokenComputer, type Pair, withPair } from './loopback.js';

const sizesBytes: readonly number[] = [1e6, 1e7, 1e8];
const maxMessageBytes = 2 ** 27;
/** With less memory the largest message is omitted. It needs a third of a gigabyte. */
const minFreeMemoryBytes = 1e9;

/** A slower computer is busy, or a program inspects its connections. */
const slowMegabytesPerSecond = 10;

function volumeCheck(protocol: 'v1' | 'v2'): Check {
  return { name: `${protocol} throughput`, limitMs: 60_000, run: (context) => checkVolume(context, protocol) };
}

async function checkVolume(context: CheckContext, protocol: 'v1' | 'v2'): Promise<Result> {
  const options = { maxMessageBytes };
  return withPair(context, { listen: { protocol, ...options }, connect: options }, async (pair) => {
    const figures: Record<string, number> = {};
    const sizes = context.hostInfo.totalMemoryBytes < minFreeMemoryBytes ? sizesBytes.slice(0, -1) : sizesBytes;
    for (const sizeBytes of sizes) {
      const rate = await rateOf(pair, sizeBytes, context);
      if (rate === undefined) return fail(`${sizeBytes / 1e6} MB arrived corrupted`, brokenComputer);
      figures[`megabytesPerSecondAt${sizeBytes / 1e6}MB`] = rate;
    }
    const rates = Object.values(figures);
    const message = sizes.map((size, index) => `${size / 1e6} MB at ${formatNumber(rates[index] as number)} MB/s`);
    if (Math.max(...rates) >= slowMegabytesPerSecond) return ok(message.join(', '), { figures });
    return warn(
      message.join(', '),
      'that is slow within one computer: it may be busy, or a virus scanner or proxy may inspect connections',
      { figures },
    );
  });
}

/** Megabytes per second of one message; undefined if it arrived corrupted. */
async function rateOf({ client, accepted }: Pair, sizeBytes: number, { hostInfo, signal }: CheckContext) {
  const data = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 4093) data[at] = at; // all pages differ
  const startMs = hostInfo.clock.now();
  const receiving = accepted.getMessage({ signal });
  receiving.catch(() => {}); // reported below
  await client.sendData(data, { signal });
  const { value } = await receiving;
  const elapsedMs = hostInfo.clock.now() - startMs;
  const received = value as unknown;
  return Buffer.isBuffer(received) && received.equals(data) ? megabytesPerSecond(sizeBytes, elapsedMs) : undefined;
}

export const volumeChecks: readonly Check[] = [volumeCheck('v1'), volumeCheck('v2')];
