/** A peer that sends requests without end and reads no answer. */
import { MemoryNetwork } from 'serpy-core/testing';
import { Server } from 'serpy-v1';
import { expect, test } from 'vitest';
import { Conversation, receive } from './conversation.js';

const MiB = 1024 * 1024;

test('reading from a peer that floods with SETMODE stops once a MiB of answers is unsent', async () => {
  const network = new MemoryNetwork();
  const server = await new Server({ port: 5000 }, network).start();
  const options = { host: '127.0.0.1', port: 5000, keepAliveMs: 0, signal: new AbortController().signal };
  const peer = await network.dial(options);
  peer.start({ received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} });
  peer.pause();
  const connection = await server.getConnection();
  const flood = Buffer.from('\x01SETMODE0\x1f'.repeat(10_000), 'latin1');
  for (let sent = 0; sent < 2 * MiB; sent += flood.length) peer.write(flood);
  await network.settled();
  const { bytesReceived, bytesSent } = connection.stats();
  expect(bytesReceived).toBeLessThan(1.5 * MiB);
  expect(bytesSent).toBeLessThan(1.5 * MiB);

  peer.resume();
  await network.settled();
  expect(connection.stats().bytesSent).toBeGreaterThanOrEqual(2 * MiB);
  peer.destroy();
  await server.closeServer();
});

test.each(['^ACKEOT!!|', '^ACKMODCG|'])(
  'a run of unexpected answers causes one warning, and 256 more of them than messages end the link: %s',
  (answer) => {
    const few = new Conversation();
    few.hear(`${answer.repeat(200)}text|`);
    expect(few.warnings.map(({ message }) => message)).toEqual([expect.stringContaining('; 199 more like it came')]);
    const { error, warnings } = receive([
      Buffer.from(answer.repeat(300).replaceAll('^', '\x01').replaceAll('|', '\x1f')),
    ]);
    expect(error).toMatchObject({
      code: 'ERR_SERPY_PROTOCOL',
      message: expect.stringContaining('256 more unexpected answers'),
    });
    expect(warnings).toHaveLength(1);
  },
);

test('skips any number of empty blocks between messages', () => {
  const conversation = new Conversation();
  const heard = conversation.hear(`${'|'.repeat(200_000)}one|${'|'.repeat(70_000)}two|`);
  expect(heard.map(({ bytes }) => bytes.toString())).toEqual(['one', 'two']);
});
