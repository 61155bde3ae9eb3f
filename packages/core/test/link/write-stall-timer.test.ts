/** Bytes that wait to leave: a link on which none leaves is closed, one on which some leave is not, and an idle link has no timer. */
import { once } from 'node:events';
import { Connection, type ConnectionOptions, connectionOptions, parseOptions, Server } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { type Lines, lineProtocol, serverSettings } from '../line-protocol.js';

const port = 5000;
const pipeBytes = 1000;
const big = 'x'.repeat(50 * pipeBytes);

/** A connected client whose pipe to the server has little room. */
async function setUp(options: ConnectionOptions = {}, accepted: ConnectionOptions = {}) {
  const network = new MemoryNetwork({ pipeBytes });
  const connection = (given: ConnectionOptions) =>
    new Connection<Lines>(lineProtocol(), parseOptions(connectionOptions, given), network);
  const settings = serverSettings({ port, keepAliveMs: 0 });
  const server = await new Server<Lines, Connection<Lines>>(
    settings,
    () => connection({ frameTimeoutMs: 0, ...accepted }),
    network,
  ).start();
  const client = await connection(options).connect('127.0.0.1', port);
  const peer = await server.getConnection();
  const ends: unknown[] = [];
  for (const each of [client, peer]) each.on('warning', () => {});
  client.on('disconnect', ({ reason }) => ends.push(`${network.clock.now()}: ${reason}`));
  const end = async () => {
    for (const link of network.links) link.release();
    client.destroy();
    await network.settled();
    await server.closeServer();
    await network.settled();
    expect([network.clock.pending, network.links]).toEqual([0, []]);
  };
  return { network, clock: network.clock, server, client, peer, ends, end };
}

describe('a link on which no bytes leave', () => {
  test('is closed after writeTimeoutMs, with an error that says what to do', async () => {
    const { network, clock, client, ends, end } = await setUp();
    network.links[0]?.stall();
    await client.sendData(big);
    await clock.advance(29_999);
    expect(ends).toEqual([]);
    const closed = once(client, 'close');
    await clock.advance(1);
    expect(ends).toEqual(['30000: timeout']);
    const [info] = await closed;
    expect(info).toMatchObject({ reason: 'timeout', error: { code: 'ERR_SERPY_PEER_TIMEOUT' } });
    expect(info.error.message).toBe(
      'no data could be sent to 127.0.0.1:5000 for 30000 ms (writeTimeoutMs). Possible causes: the network is interrupted, ' +
        'or the program at the peer does not read. If the peer may pause for that long, raise writeTimeoutMs',
    );
    await expect(client.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED', cause: info.error });
    await end();
  });

  test('causes disconnect and warning, with the number of messages in flight', async () => {
    const { network, clock, client, end } = await setUp();
    network.links[0]?.stall();
    const emitted = [once(client, 'disconnect'), once(client, 'warning')];
    await client.sendData(big);
    await clock.advance(30_000);
    const [[disconnect], [warning]] = (await Promise.all(emitted)) as [[{ error: unknown }], [unknown]];
    expect(disconnect).toMatchObject({ reason: 'timeout', unacknowledgedMessages: 1 });
    expect(warning).toBe(disconnect.error);
    await end();
  });

  test('is destroyed, not ended: waiting bytes do not delay that', async () => {
    const { network, clock, client, end } = await setUp({ writeTimeoutMs: 100 });
    network.links[0]?.stall();
    void client.sendData(big);
    const closed = once(client, 'close');
    await clock.advance(100);
    await closed;
    expect(client.state).toBe('closed');
    await end();
  });

  test('is replaced with auto restart, and queued messages are sent on the next link', async () => {
    const { network, clock, server, client, end } = await setUp({ autoRestart: true, writeTimeoutMs: 100 });
    network.links[0]?.stall();
    await client.sendData(big);
    await client.sendData('next'); // behind it, in the queue
    await clock.advance(2000);
    const accepted = await server.getConnection();
    expect(await accepted.getData()).toBe('next');
    await end();
  });

  test('is closed by the end that accepted too', async () => {
    const { network, clock, peer, end } = await setUp({}, { writeTimeoutMs: 100 });
    network.links[0]?.toClient.stall();
    const closed = once(peer, 'close');
    await peer.sendData(big);
    await clock.advance(100);
    expect(await closed).toMatchObject([{ reason: 'timeout' }]);
    await end();
  });

  test('stays open with writeTimeoutMs: 0', async () => {
    const { network, clock, client, ends, end } = await setUp({ writeTimeoutMs: 0 });
    network.links[0]?.stall();
    await client.sendData(big);
    expect(clock.pending).toBe(0);
    await clock.advance(10_000_000);
    expect(ends).toEqual([]);
    await end();
  });

  test('is closed although the peer keeps sending: received bytes do not count', async () => {
    const { network, clock, client, peer, ends, end } = await setUp();
    network.links[0]?.toServer.stall();
    await client.sendData(big);
    for (let seconds = 0; seconds < 30; seconds++) {
      await peer.sendData('hello');
      await clock.advance(1000);
    }
    expect(ends).toEqual(['30000: timeout']);
    await end();
  });

  test('keeps the reason of a close() in progress', async () => {
    const { network, clock, client, ends, end } = await setUp({ closeTimeoutMs: 1_000_000, writeTimeoutMs: 100 });
    network.links[0]?.stall();
    await client.sendData(big);
    void client.close();
    await clock.advance(1000);
    expect([client.state, ends]).toEqual(['closed', ['100: local-close']]);
    await end();
  });
});

describe('a link on which bytes leave', () => {
  test('stays open, however slowly they leave', async () => {
    const { network, clock, client, peer, ends, end } = await setUp();
    const stream = network.links[0]?.toServer;
    if (stream) stream.slicing = 1;
    stream?.stall();
    await client.sendData(big);
    network.hold();
    stream?.release();
    for (let byte = 0; byte < 30; byte++) {
      network.step(); // one byte every 20 s
      await clock.advance(20_000);
    }
    expect([ends, stream?.carriedBytes]).toEqual([[], 30]);
    network.release();
    await network.settled();
    expect(await peer.getData()).toBe(big);
    await end();
  });

  test('is closed 1 to 1.25 times writeTimeoutMs after the last of them', async () => {
    for (const lastMs of [1, 7_000, 7_499, 7_501, 14_000, 29_000]) {
      const { network, clock, client, ends, end } = await setUp();
      const stream = network.links[0]?.toServer;
      stream?.stall();
      await client.sendData(big);
      await clock.advance(lastMs);
      stream?.release();
      stream?.cutAfter(3 * pipeBytes, 'stall');
      await clock.advance(60_000);
      const atMs = Number.parseInt(String(ends[0]), 10);
      expect(atMs - lastMs, `the last byte left after ${lastMs} ms`).toBeGreaterThanOrEqual(30_000);
      expect(atMs - lastMs, `the last byte left after ${lastMs} ms`).toBeLessThanOrEqual(37_500);
      await end();
    }
  });

  test('has the whole time after a long idle period', async () => {
    const { network, clock, client, ends, end } = await setUp();
    await client.sendData('small');
    await clock.advance(1_000_000);
    network.links[0]?.stall();
    await client.sendData(big);
    await clock.advance(29_999);
    expect(ends).toEqual([]);
    await clock.advance(1);
    expect(ends).toEqual(['1030000: timeout']);
    await end();
  });

  test('has no timer while no bytes wait', async () => {
    const { network, clock, client, peer, end } = await setUp();
    expect(clock.pending).toBe(0);
    for (let n = 0; n < 100; n++) await client.sendData(`message ${n}`);
    await peer.sendData('answer');
    expect(clock.pending).toBe(0);
    network.links[0]?.stall();
    for (let n = 0; n < 100; n++) await client.sendData('x'.repeat(100));
    expect(clock.pending).toBe(1); // one, however many messages wait
    network.links[0]?.release();
    await network.settled();
    await clock.advance(7_500);
    expect(clock.pending).toBe(0);
    await end();
  });

  test('causes no false timeout in a program that was busy: progress is checked first', async () => {
    const { network, clock, client, peer, ends, end } = await setUp();
    const stream = network.links[0]?.toServer;
    stream?.stall();
    await client.sendData(big);
    await clock.advance(29_999);
    // The system reports what the peer has read meanwhile after the timers.
    clock.setImmediate = (callback) => {
      stream?.release();
      setImmediate(callback);
    };
    await clock.advance(1);
    expect(ends).toEqual([]);
    expect(await peer.getData()).toBe(big);
    await end();
  });
});
