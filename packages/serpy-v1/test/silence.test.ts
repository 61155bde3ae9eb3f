/** v1 connections whose peer falls silent: servers that take a connection and never answer, and heart-beats at both ends. */
import { once } from 'node:events';
import type { Transport } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { Connection, type ConnectionOptions, Server, type ServerOptions } from 'serpy-v1';
import { describe, expect, onTestFinished, test } from 'vitest';

const host = '127.0.0.1';
const port = 5000;

/** What a connection tells, with its time. */
function eventsOf(network: MemoryNetwork, connection: Connection): string[] {
  const events: string[] = [];
  connection.on('disconnect', ({ reason }) => events.push(`${network.clock.now()}: ${reason}`));
  connection.on('reconnecting', ({ attempt }) => events.push(`attempt ${attempt}`));
  connection.on('warning', ({ code }) => events.push(code));
  return events;
}

function connection(network: MemoryNetwork, options: ConnectionOptions): Connection {
  const made = new Connection(options, network);
  onTestFinished(async () => {
    made.destroy();
    await network.settled();
    expect(network.clock.pending).toBe(0);
  });
  return made;
}

/** A server that takes connections and reads, and that answers what the test says. */
async function tarpit(network: MemoryNetwork, answer: (peer: Transport, heard: string) => void = () => {}) {
  const peers: Transport[] = [];
  const listener = await network.listen({
    host,
    port,
    keepAliveMs: 0,
    accept: (peer) => {
      peers.push(peer);
      peer.start({
        received: (chunk) => answer(peer, chunk.toString('latin1')),
        drained: () => {},
        ended: () => peer.end(),
        closed: () => {},
      });
    },
    failed: () => {},
  });
  onTestFinished(() => {
    listener.close();
    for (const peer of peers) peer.destroy();
  });
  return peers;
}

async function pair(options: ConnectionOptions = {}, serverOptions: Omit<ServerOptions, 'port'> = {}) {
  const network = new MemoryNetwork();
  const server = await new Server({ port, ...serverOptions }, network).start();
  onTestFinished(async () => {
    for (const link of network.links) link.release();
    for (const each of server) each.destroy();
    await server.close();
  });
  const client = await connection(network, options).connect(host, port);
  const peer = await server.getConnection();
  const events = { client: eventsOf(network, client), peer: eventsOf(network, peer) };
  return { network, clock: network.clock, server, client, peer, events };
}

describe('a server that takes the connection and never answers', () => {
  test.each([{ mode: 1 }, { mode: 2 }, { mode: 3 }] as const)(
    'is found out by the first message in mode $mode, after modeChangeTimeoutMs',
    async (options) => {
      const network = new MemoryNetwork();
      await tarpit(network);
      const client = await connection(network, {}).connect(host, port);
      const events = eventsOf(network, client);
      await network.clock.advance(60_000); // it has time for as long as nothing is asked of it
      const sent = client.sendData('hello', options).catch((error) => error.code);
      await network.clock.advance(4_999);
      expect(events).toEqual([]);
      const closed = once(client, 'close');
      await network.clock.advance(1);
      const mayBeLost = options.mode === 2 ? ['ERR_SERPY_LOST'] : []; // in the others the sender gets an error
      expect(events).toEqual(['65000: timeout', 'ERR_SERPY_PEER_TIMEOUT', ...mayBeLost]);
      expect(await closed).toMatchObject([{ reason: 'timeout', error: { code: 'ERR_SERPY_PEER_TIMEOUT' } }]);
      expect(await sent).toBe(options.mode === 2 ? true : 'ERR_SERPY_LOST');
    },
  );

  test('is connected to again after growing waits if auto restart is on, and the message is sent again each time', async () => {
    const network = new MemoryNetwork();
    const heard: string[] = [];
    const peers = await tarpit(network, (_, text) => heard.push(text));
    const reconnect = { maxAttempts: 4 };
    const client = await connection(network, { autoRestart: true, reconnect }).connect(host, port);
    const events = eventsOf(network, client);
    const sent = client.sendData('hello', { mode: 1 }).catch((error) => error.code);
    await network.clock.advance(60_000);
    expect(events.filter((event) => /attempt/.test(event))).toEqual([
      'attempt 1',
      'attempt 2',
      'attempt 3',
      'attempt 4',
    ]);
    expect(events.filter((event) => /timeout/.test(event))).toHaveLength(5);
    expect([peers.length, client.closeInfo?.reason, await sent]).toEqual([5, 'retries-exhausted', 'ERR_SERPY_LOST']);
    expect(heard.join('').match(/SETMODE1\x1fhello\x04/g)).toHaveLength(5);
  });

  test('is not taken for one by a client that sends text alone, for which no answer is due', async () => {
    const network = new MemoryNetwork();
    await tarpit(network);
    const client = await connection(network, {}).connect(host, port);
    const events = eventsOf(network, client);
    for (let n = 0; n < 10; n++) await client.sendData('text');
    await network.clock.advance(1_000_000);
    await client.sendData(Buffer.from('bytes')); // nor after text that its program may not have read
    await network.clock.advance(1_000_000);
    expect(events).toEqual([]);
  });

  test('is waited for where modeChangeTimeoutMs is 0', async () => {
    const network = new MemoryNetwork();
    await tarpit(network);
    const client = await connection(network, { modeChangeTimeoutMs: 0 }).connect(host, port);
    const events = eventsOf(network, client);
    await client.sendData(Buffer.from('bytes'));
    await network.clock.advance(1_000_000);
    expect(events).toEqual([]);
  });

  test('is none if it answers in time, and no timer stays', async () => {
    const network = new MemoryNetwork();
    const peers = await tarpit(network);
    const client = await connection(network, {}).connect(host, port);
    const events = eventsOf(network, client);
    await client.sendData(Buffer.from('bytes'));
    await network.clock.advance(4_999);
    peers[0]?.write(Buffer.from('\x01ACKMODCG\x1f'));
    await network.settled();
    expect(network.clock.pending).toBe(0);
    await network.clock.advance(1_000_000);
    expect(events).toEqual([]);
  });
});

test('a slow reader does not look like a server that never answers', async () => {
  const { clock, client, peer, events } = await pair({}, { receiveQueue: { maxMessages: 1 } });
  await client.sendData('message 0'); // fills the queue: the mode change after it is not read
  const sent = [1, 2, 3].map((n) => client.sendData(`message ${n}`, { mode: 1 }));
  await clock.advance(1_000_000);
  for (const n of [0, 1, 2, 3]) expect(String(await peer.getData())).toBe(`message ${n}`);
  expect(await Promise.all(sent)).toEqual([true, true, true]);
  expect(events).toEqual({ client: [], peer: [] });
});

test('a client that comes back with a full queue does not look dead to its server', async () => {
  const { network, clock, server, client, peer } = await pair(
    { autoRestart: true, receiveQueue: { maxMessages: 1 } },
    { writeTimeoutMs: 0 },
  );
  await peer.sendData('nobody takes it');
  await network.settled();
  network.links[0]?.reset();
  await clock.advance(2_000);
  const second = await server.getConnection();
  const events = eventsOf(network, second);
  const sent = second.sendData('next', { mode: 1 });
  await clock.advance(1_000_000);
  expect(events).toEqual([]);
  expect(String(await client.getData())).toBe('nobody takes it');
  expect(await sent).toBe(true);
});

describe('heartbeats', () => {
  const heartbeatIntervalMs = 1000;

  test.each(['client', 'server'] as const)(
    'of the %s keep an idle link alive, and look like nothing else',
    async (role) => {
      const beating = { heartbeatIntervalMs };
      const { clock, client, peer, events } = await pair(
        role === 'client' ? beating : {},
        role === 'server' ? beating : {},
      );
      await clock.advance(100 * heartbeatIntervalMs);
      const [asks, answers] = role === 'client' ? [client, peer] : [peer, client];
      expect([asks.stats(), answers.stats()]).toMatchObject([
        { bytesSent: 1000, bytesReceived: 1000, messagesSent: 0, messagesReceived: 0, badFrames: 0 },
        { bytesSent: 1000, bytesReceived: 1000, messagesSent: 0, messagesReceived: 0, badFrames: 0 },
      ]);
      expect(events).toEqual({ client: [], peer: [] });
    },
  );

  test('of both ends do not double: who hears a question need not ask', async () => {
    const { clock, client, peer } = await pair(
      { heartbeatIntervalMs },
      { heartbeatIntervalMs: heartbeatIntervalMs + 1 },
    );
    await clock.advance(100 * heartbeatIntervalMs);
    expect(client.stats().bytesSent + peer.stats().bytesSent).toBe(2000);
  });

  test('of the client find a link dead on which nothing comes any more, after three of them', async () => {
    const { network, clock, client, events } = await pair({ heartbeatIntervalMs });
    await clock.advance(10 * heartbeatIntervalMs);
    network.links[0]?.stall();
    await clock.advance(2 * heartbeatIntervalMs);
    expect(events.client).toEqual([]);
    await clock.advance(heartbeatIntervalMs);
    expect(events.client).toEqual(['13000: timeout', 'ERR_SERPY_PEER_TIMEOUT']);
    expect(client.closeInfo).toMatchObject({ reason: 'timeout', error: { code: 'ERR_SERPY_PEER_TIMEOUT' } });
  });

  test('of the server do so as well, and its list is rid of the connection', async () => {
    const { network, clock, server, events } = await pair({}, { heartbeatIntervalMs });
    network.links[0]?.stall();
    await clock.advance(3 * heartbeatIntervalMs);
    expect(events.peer).toEqual(['3000: timeout', 'ERR_SERPY_PEER_TIMEOUT']);
    expect(server.size).toBe(0);
  });

  test('are not delayed by sent messages: a writer on a link that swallows everything times out', async () => {
    const { network, clock, client, events } = await pair({ heartbeatIntervalMs });
    network.links[0]?.stall(); // takes what is sent, as a system does, and brings nothing
    for (let n = 0; n < 31; n++) {
      await client.sendData(`message ${n}`).catch(() => {});
      await clock.advance(heartbeatIntervalMs / 10);
    }
    expect(events.client).toEqual(['3000: timeout', 'ERR_SERPY_PEER_TIMEOUT', 'ERR_SERPY_LOST']); // its messages may be
  });

  test('are not sent by who hears enough, and a link that only brings lives', async () => {
    const { clock, client, peer, events } = await pair({ heartbeatIntervalMs });
    for (let n = 0; n < 100; n++) {
      await peer.sendData('reading');
      await clock.advance(heartbeatIntervalMs / 2);
      client.getData();
    }
    expect(client.stats().bytesSent).toBe(0);
    expect(events.client).toEqual([]);
  });

  test('cause no false timeout while the own receive queue is full, and resume after that', async () => {
    const { network, clock, client, peer, events } = await pair({
      heartbeatIntervalMs,
      receiveQueue: { maxMessages: 2 },
    });
    for (let n = 0; n < 5; n++) await peer.sendData(`message ${n}`);
    await network.settled();
    await clock.advance(100 * heartbeatIntervalMs);
    expect([events.client, client.stats().bytesSent]).toEqual([[], 0]);
    for (let n = 0; n < 5; n++) expect(String(await client.getData())).toBe(`message ${n}`);
    await clock.advance(10 * heartbeatIntervalMs);
    expect(events.client).toEqual([]);
    expect(client.stats().bytesSent).toBeGreaterThan(0);
    network.links[0]?.stall();
    await clock.advance(4 * heartbeatIntervalMs);
    expect(events.client.at(-1)).toBe('ERR_SERPY_PEER_TIMEOUT');
  });

  test('do not disturb an exchange, in any mode', async () => {
    const { clock, client, peer, events } = await pair({ heartbeatIntervalMs }, { heartbeatIntervalMs });
    for (let n = 0; n < 60; n++) {
      const mode = (n % 4) as 0 | 1 | 2 | 3;
      expect(await client.sendData(`out ${n}`, { mode, timeoutMs: 10 })).toBe(true);
      expect(await peer.sendData(`back ${n}`, { mode: ((n + 1) % 4) as 0 | 1 | 2 | 3, timeoutMs: 10 })).toBe(true);
      expect(String(await peer.getData())).toBe(`out ${n}`);
      expect(String(await client.getData())).toBe(`back ${n}`);
      await clock.advance((n % 7) * 400);
    }
    expect(events).toEqual({ client: [], peer: [] });
  });

  test('do not hurry a peer that has not closed yet', async () => {
    const { network, clock, client, events } = await pair({ heartbeatIntervalMs, closeTimeoutMs: 60_000 });
    network.links[0]?.stall();
    void client.close();
    await clock.advance(59_999);
    expect([client.state, events.client]).toEqual(['closing', []]);
    await clock.advance(1);
    expect(events.client).toEqual(['60000: local-close']);
  });

  test('find a peer that comes back on the next link, and begin anew there', async () => {
    const { network, clock, server, client, events } = await pair({ heartbeatIntervalMs, autoRestart: true });
    network.links[0]?.stall();
    await clock.advance(5 * heartbeatIntervalMs);
    expect(events.client.slice(0, 3)).toEqual(['3000: timeout', 'ERR_SERPY_PEER_TIMEOUT', 'attempt 1']);
    await server.getConnection();
    await clock.advance(20 * heartbeatIntervalMs);
    expect([client.isConnected(), events.client.length]).toEqual([true, 3]);
  });
});
