/** A link of which it is not yet known whether an old session comes back on it. */
import { MemoryNetwork } from 'serpy-core/testing';
import { Connection, Server } from 'serpy-v2';
import { expect, onTestFinished, test } from 'vitest';

test('a warning of its first bytes waits until the program has been given the connection, and can listen', async () => {
  const network = new MemoryNetwork();
  network.clock.runFreely();
  const server = await new Server({ port: 5000 }, network).start();
  const client = new Connection({ handshake: 'prefer' }, network);
  onTestFinished(async () => {
    client.destroy();
    await server.closeServer();
    network.clock.stop();
  });
  const toProcess: Error[] = [];
  const note = (warning: Error) => toProcess.push(warning);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  await client.connect('127.0.0.1', 5000); // from now on there is a session that could come back
  await server.getConnection();

  const warnings: unknown[] = [];
  const told = new Promise<void>((resolve) => {
    server.on('connection', (connection) => {
      connection.on('warning', ({ code }) => {
        warnings.push(code);
        resolve();
      });
    });
  });
  const { signal } = new AbortController();
  const peer = await network.dial({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, signal });
  peer.start({ received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} });
  peer.write(Buffer.from('decafecafe81070000000100000001', 'hex'));
  peer.flush();
  await told;
  await new Promise(setImmediate);
  expect(warnings).toEqual(['ERR_SERPY_CHECKSUM']);
  expect(toProcess).toEqual([]);
  peer.destroy();
});
