/** A stream of more than 4 GiB over a socket: it arrives completely, with bounded memory. */
import { Connection, Server } from 'serpy-v2';
import type { Figure } from './figure.js';

const chunkBytes = 2 ** 20;
const mostGrowthBytes = 512 * 2 ** 20;

export async function measureStream(totalBytes: number): Promise<Figure> {
  const server = await new Server({ port: 0 }).start();
  const client = new Connection({ session: 'require' });
  try {
    await client.connect('127.0.0.1', server.address?.port as number);
    const accepted = await server.getConnection();
    const startMs = performance.now();
    const sent = client.sendStream(numbered(totalBytes / chunkBytes), { sizeBytes: totalBytes });
    let received = 0;
    let wrong = 0;
    const startBytes = process.memoryUsage.rss(); // other measurements may have run in this process
    let peakBytes = startBytes;
    for await (const part of await accepted.getStream()) {
      // Every chunk starts with its number, wherever the parts were cut.
      for (let at = -received & (chunkBytes - 1); at + 4 <= part.length; at += chunkBytes) {
        if (part.readUInt32LE(at) !== (received + at) / chunkBytes) wrong++;
      }
      received += part.length;
      peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    }
    const isComplete = (await sent) && received === totalBytes && wrong === 0;
    const perSecond = received / 1e3 / (performance.now() - startMs);
    return {
      what: `a stream of ${(totalBytes / 2 ** 30).toFixed(1)} GiB over a socket, both ends in one process`,
      bound: 'complete, ≤ 512 MiB more memory',
      measured: `${isComplete ? 'complete' : `${received} bytes, ${wrong} wrong`}, ${Math.round(perSecond)} MB/s, ${Math.round((peakBytes - startBytes) / 2 ** 20)} MiB`,
      ok: isComplete && peakBytes - startBytes <= mostGrowthBytes,
    };
  } finally {
    await client.close();
    await server.closeServer();
  }
}

function* numbered(count: number): Iterable<Buffer> {
  for (let n = 0; n < count; n++) {
    const chunk = Buffer.alloc(chunkBytes, n);
    chunk.writeUInt32LE(n);
    yield chunk;
  }
}
