/** A program that rests with a full receive queue: its session goes on over a new link all the same. */
import { MemoryNetwork } from 'serpy-core/testing';
import { Connection, Server } from 'serpy-v2';
import { expect, test } from 'vitest';

test.each(['prefer', 'require'] as const)(
  "a link that breaks while the client's receive queue is full is gone on with, and nothing is lost (%s)",
  async (handshake) => {
    const network = new MemoryNetwork();
    const server = await new Server({ port: 5000 }, network).start();
    const receiveQueue = { maxMessages: 2, whenFull: 'block' as const };
    const client = new Connection({ session: handshake, autoRestart: true, receiveQueue }, network);
    const warnings: string[] = [];
    client.on('warning', ({ code }) => warnings.push(code));
    await client.connect('127.0.0.1', 5000);
    const accepted = await server.getConnection();
    accepted.on('warning', ({ code }) => warnings.push(code));
    for (let n = 0; n < 5; n++) await accepted.sendData(n);
    await network.settled();
    expect(client.stats().receiveQueueMessages).toBe(2);
    const back = client.stats().reconnects;
    network.links[0]?.reset();
    await network.clock.advance(60_000);
    expect([warnings, client.state, client.stats().reconnects]).toEqual([[], 'connected', back + 1]);
    const sent = client.sendData('still there', { acknowledge: 'received' });
    await network.settled();
    expect(await sent).toBe(true);
    for (let n = 0; n < 5; n++) {
      expect(client.isDataAvailable()).toBe(true);
      expect(await client.getData()).toBe(n);
      await network.settled();
    }
    const closed = client.close();
    await network.clock.advance(1000);
    await closed;
    await server.closeServer();
  },
);
