/** The end of a session: who closes has told the other what came. */
import { once } from 'node:events';
import { connect, listen } from 'serpy';
import { expect, onTestFinished, test } from 'vitest';

test('an end that closes as soon as it has a message acknowledges it first', async () => {
  const server = await listen({ protocol: 'auto', port: 0 });
  onTestFinished(() => server.closeServer());
  const connection = await connect({ protocol: 'auto', port: server.address.port });
  onTestFinished(() => connection.destroy());
  const closed = once(connection, 'close');
  await connection.sendData('the last word');
  const peer = await server.getConnection();
  expect(await peer.getData()).toBe('the last word');
  void peer.close();
  await closed;
  expect(connection.closeInfo).toMatchObject({ reason: 'ended', intended: true, unknownMessages: 0 });
});
