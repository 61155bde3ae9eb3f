/** The end of a session: the end that closes has acknowledged what came. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { connect, generateKey, listen } from 'serpy';
import { expect, onTestFinished, test } from 'vitest';

test('an end that closes as soon as it has a message acknowledges it first', async () => {
  const server = await listen({ protocol: 'auto', port: 0 });
  onTestFinished(() => server.closeServer());
  const connection = await connect({ protocol: 'auto', port: server.address.port, autoRestart: false });
  onTestFinished(() => connection.destroy());
  const closed = once(connection, 'close');
  await connection.sendData('the last word');
  const peer = await server.getConnection();
  expect(await peer.getData()).toBe('the last word');
  void peer.close();
  await closed;
  expect(connection.closeInfo).toMatchObject({ reason: 'peer-closed', clean: true, unacknowledgedMessages: 0 });
});

test.each([
  ['TCP', {}],
  ['TLS', { key: generateKey() }],
])('a close() that has waited for too long sends a close frame over %s, with its reason', async (_, security) => {
  const server = await listen({ protocol: 'v2', port: 0, ...security });
  onTestFinished(() => server.closeServer());
  const options = { protocol: 'v2', session: 'require', closeTimeoutMs: 100, ...security } as const;
  const connection = await connect({ ...options, port: server.address.port, autoRestart: false });
  onTestFinished(() => connection.destroy());
  const peer = await server.getConnection();
  const closed = once(peer, 'close');
  const sent = connection.sendData('nobody takes it', { acknowledge: 'consumed' });
  sent.catch(() => {});
  await connection.close({ reason: 'done' });
  await closed;
  expect(peer.closeInfo).toMatchObject({ clean: true, peerReason: 'done' });
  expect(await peer.getData()).toBe('nobody takes it');
  await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_LOST' });
});

test.each(['v1', 'v2'] as const)(
  'unreadable bytes after close() cause a warning, and the end of %s stays clean',
  async (protocol) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.once('end', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).resume();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const connection = await connect({ protocol, port: (server.address() as AddressInfo).port, autoRestart: false });
    connection.on('warning', () => {}); // v1: there was no answer
    await connection.sendData('hello');
    await connection.close();
    expect(connection.closeInfo).toMatchObject({
      reason: 'local-close',
      clean: true,
      unsentMessages: 0,
      error: { code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('it looks like a web server (HTTP)') },
    });
  },
);

test.each(['v2', 'auto'] as const)(
  'a server that closes before its client has said a word tells it why, over %s',
  async (protocol) => {
    for (let round = 0; round < 5; round++) {
      const server = await listen({ protocol, port: 0 });
      const came = once(server, 'connection');
      const client = await connect({
        protocol,
        port: server.address.port,
        session: 'prefer',
        autoRestart: false,
      } as never);
      onTestFinished(() => (client as { destroy(): void }).destroy());
      await came;
      const closed = once(client as never, 'close');
      await server.closeServer({ reason: 'done for today' });
      await closed;
      expect((client as { closeInfo: unknown }).closeInfo).toMatchObject({
        clean: true,
        peerReason: 'done for today',
      });
    }
  },
);
