/** A server that sends at once and disconnects, before a client that requests a session has its answer. */
import { createServer } from 'node:net';
import { connect } from 'serpy';
import { expect, onTestFinished, test } from 'vitest';

/** The text `hi` in a v2 frame. */
const frame = Buffer.from('decafecafe21d1000000020000006869', 'hex');

test.each([
  ['v2', {}],
  ['v2', { session: 'prefer' }],
  ['auto', {}],
] as const)('what it sent is received, over %s with %j', async (protocol, options) => {
  const server = createServer((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end(frame),
  ).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const connection = await connect({ protocol, port, autoRestart: false, ...options } as {
    protocol: 'auto';
    port: number;
  });
  expect(await connection.getData()).toBe('hi');
  await expect(connection.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
});
