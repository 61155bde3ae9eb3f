/** A client whose HELLO is refused gets the reason before the link ends, over real sockets. */
import { type Security, SharedKey, systemEnvironment } from 'serpy-core';
import { type Connection, generateKey, Server } from 'serpy-v2';
import { expect, onTestFinished, test } from 'vitest';
import { End } from '../session/talk.js';
import { helloOfVersion2 } from './changed-hello.js';

const host = '127.0.0.1';
const key = generateKey();

test.each<[string, { readonly key?: string }, Security | undefined]>([
  ['TCP', {}, undefined],
  ['TLS', { key }, { kind: 'key', key: new SharedKey(Buffer.from(key, 'base64url')) }],
])('over %s the answer to a HELLO of another version arrives, and then the end', async (_name, settings, security) => {
  const server = await new Server({ port: 0, ...settings }).start();
  onTestFinished(() => server.closeServer());
  const warnings: string[] = [];
  server.on('connection', (connection: Connection) =>
    connection.on('warning', ({ message }) => warnings.push(message)),
  );
  const { signal } = new AbortController();
  const transport = await systemEnvironment.dial({ host, port: server.address.port, keepAliveMs: 0, signal, security });
  const client = new End('client', {});
  const chunks: Buffer[] = [];
  const closed = new Promise<void>((resolve) => {
    transport.start({
      received: (chunk) => chunks.push(Buffer.from(chunk)),
      drained: () => {},
      ended: () => transport.destroy(),
      closed: () => resolve(),
    });
  });
  client.up();
  transport.write(helloOfVersion2(client.takeBytes()));
  transport.flush();
  await closed;
  client.hear(Buffer.concat(chunks));
  expect(client.error?.message).toBe(
    'the server refused the handshake: the two ends support no common version of the handshake. Use the same version of serpy at both ends',
  );
});
