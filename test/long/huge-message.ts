/** One message of more than 2 GiB, encrypted and without a session: more than the cipher accepts at once. It needs about 5 GB of memory. */
import { connect, generateKey, listen } from 'serpy';
import type { Settings } from './settings.js';

const sizeBytes = 2 ** 31 + 1000;

export async function hugeMessage(_: Settings): Promise<boolean> {
  const common = { protocol: 'v2', session: 'off', key: generateKey(), maxMessageBytes: 2 ** 32 - 1 } as const;
  const server = await listen({ ...common, port: 0, maxPartialMessageBytes: 2 ** 33 });
  const client = await connect({ ...common, port: server.address.port });
  const message = Buffer.alloc(sizeBytes, 'x');
  message.write('end', sizeBytes - 3);
  const beganMs = performance.now();
  await client.sendData(message);
  const received = (await (await server.getConnection()).getData()) as Buffer;
  const seconds = (performance.now() - beganMs) / 1000;
  const isWhole = received.equals(message);
  await client.close();
  await server.closeServer();
  console.log(
    `\nhuge-message: ${sizeBytes} bytes over TLS, ${isWhole ? 'complete' : 'NOT complete'}, ${seconds.toFixed(1)} s`,
  );
  return isWhole;
}
