/** After every kind of end of a link, its socket is closed before the client reconnects, after a minimum time. */
import { Connection, type ConnectionOptions, connectionOptions, parseOptions } from 'serpy-core';
import { type MemoryLink, MemoryNetwork } from 'serpy-core/testing';
import { expect, onTestFinished, test } from 'vitest';
import type { MemoryTransport } from '../../src/testing/memory-transport.js';
import type { Dial, Transport } from '../../src/transport/transport.js';
import { type Lines, lineProtocol } from '../line-protocol.js';

const address = { host: '127.0.0.1', port: 5000 };

interface Ending {
  readonly options?: ConnectionOptions;
  readonly reason: string;
  end(peer: Transport, link: MemoryLink | undefined, client: Connection<Lines>): unknown;
}

const endings: Record<string, Ending> = {
  'the peer closes the connection': { reason: 'peer-closed', end: (peer) => peer.end() },
  'the peer closes the connection and reads nothing more': {
    reason: 'peer-closed',
    end: (peer, link, client) => {
      link?.toServer.stall();
      void client.sendData('x'.repeat(100_000));
      peer.end();
    },
  },
  'the network breaks': { reason: 'reset', end: (_, link) => link?.reset() },
  'nothing leaves': {
    reason: 'timeout',
    end: (_, link, client) => {
      link?.stall();
      void client.sendData('x'.repeat(100_000));
    },
  },
  'bad bytes come': { reason: 'protocol', end: (peer) => peer.write(Buffer.from('!\n')) },
  'the receive queue is full': {
    reason: 'queue-full',
    options: { receiveQueue: { maxMessages: 1, whenFull: 'error' } },
    end: (peer) => peer.write(Buffer.from('a\nb\n')),
  },
};

test.each(Object.entries(endings))('when %s', async (_, { options, reason, end }) => {
  const network = new MemoryNetwork({ pipeBytes: 1000 });
  const { clock, random, listen } = network;
  const peers: Transport[] = [];
  const nothing = () => {};
  const listener = await listen({
    ...address,
    keepAliveMs: 0,
    accept: (peer) => {
      peers.push(peer);
      peer.start({ received: nothing, drained: nothing, ended: () => peer.end(), closed: nothing });
    },
    failed: nothing,
  });
  const sockets: MemoryTransport[] = [];
  const attempts: { readonly open: number; readonly atMs: number }[] = [];
  const dial: Dial = async (given) => {
    attempts.push({ open: sockets.filter(({ destroyed }) => !destroyed).length, atMs: clock.now() });
    const socket = await network.dial(given);
    sockets.push(socket as MemoryTransport);
    return socket;
  };
  const settings = parseOptions(connectionOptions, { autoRestart: true, ...options });
  const client = new Connection<Lines>(lineProtocol(), settings, { clock, random, listen, dial });
  onTestFinished(async () => {
    client.destroy();
    listener.close();
    for (const peer of peers) peer.destroy();
    await network.settled();
    expect(clock.pending).toBe(0);
  });
  const ends: { readonly reason: string; readonly atMs: number }[] = [];
  client.on('disconnect', (info) => ends.push({ reason: info.reason, atMs: clock.now() }));
  client.on('warning', nothing);
  await client.connect(address.host, address.port);
  end(peers[0] as Transport, network.links[0], client);
  await clock.advance(60_000);
  expect(ends.map((each) => each.reason)).toEqual([reason]);
  expect(attempts.map(({ open }) => open)).toEqual([0, 0]);
  const restMs = (attempts[1]?.atMs ?? 0) - (ends[0]?.atMs ?? 0);
  expect(restMs).toBeGreaterThanOrEqual(500);
  expect(restMs).toBeLessThan(750);
});
