/** Bytes that wait to leave: a link on which none does is found dead, one on which some do is not, and nothing runs for one at rest. */
import { once } from 'node:events';
import { Connection, type ConnectionOptions, connectionOptions, parseOptions, Server } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { type Lines, lineProtocol, serverSettings } from '../line-protocol.js';

const port = 5000;
const pipeBytes = 1000;
const big = 'x'.repeat(50 * pipeBytes);

/** A client, connected, whose pipe to the server takes little; the server is one of ours. */
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

describe('a link on which no byte leaves', () => {
  test('is dead after writeTimeoutMs, and says what to do', async () => {
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
      "no byte has left for 127.0.0.1:5000 for 30000 ms (writeTimeoutMs): the cable is out, or the peer's program does not read. " +
        'If it may rest for so long, raise writeTimeoutMs',
    );
    await expect(client.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED', cause: info.error });
    await end();
  });

  test('is told by disconnect and warning, with the messages that were on their way', async () => {
    const { network, clock, client, end } = await setUp();
    network.links[0]?.stall();
    const told = [once(client, 'disconnect'), once(client, 'warning')];
    await client.sendData(big);
    await clock.advance(30_000);
    const [[disconnect], [warning]] = (await Promise.all(told)) as [[{ error: unknown }], [unknown]];
    expect(disconnect).toMatchObject({ reason: 'timeout', unacknowledgedMessages: 1 });
    expect(warning).toBe(disconnect.error);
    await end();
  });

  test('is destroyed, not ended: what waits does not hold it', async () => {
    const { network, clock, client, end } = await setUp({ writeTimeoutMs: 100 });
    network.links[0]?.stall();
    void client.sendData(big);
    const closed = once(client, 'close');
    await clock.advance(100);
    await closed;
    expect(client.state).toBe('closed');
    await end();
  });

  test('is dialled again where auto restart is on, and what was queued goes over the next', async () => {
    const { network, clock, server, client, end } = await setUp({ autoRestart: true, writeTimeoutMs: 100 });
    network.links[0]?.stall();
    await client.sendData(big);
    await client.sendData('next'); // behind it, in the queue
    await clock.advance(2000);
    const accepted = await server.getConnection();
    expect(await accepted.getData()).toBe('next');
    await end();
  });

  test('is dead at the end that accepted as well', async () => {
    const { network, clock, peer, end } = await setUp({}, { writeTimeoutMs: 100 });
    network.links[0]?.toClient.stall();
    const closed = once(peer, 'close');
    await peer.sendData(big);
    await clock.advance(100);
    expect(await closed).toMatchObject([{ reason: 'timeout' }]);
    await end();
  });

  test('lives for ever where writeTimeoutMs is 0', async () => {
    const { network, clock, client, ends, end } = await setUp({ writeTimeoutMs: 0 });
    network.links[0]?.stall();
    await client.sendData(big);
    expect(clock.pending).toBe(0);
    await clock.advance(10_000_000);
    expect(ends).toEqual([]);
    await end();
  });

  test('is dead though the peer goes on talking: what comes in does not help what cannot go out', async () => {
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

  test('keeps the reason of a close() that is under way', async () => {
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
  test('lives, however slowly they do', async () => {
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

  test('is found dead between one and one and a quarter times writeTimeoutMs after the last of them', async () => {
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

  test('that has had nothing to send for long is given the whole time', async () => {
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

  test('costs no timer while nothing waits', async () => {
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

  test('in a program that was busy is asked again before it is given up', async () => {
    const { network, clock, client, peer, ends, end } = await setUp();
    const stream = network.links[0]?.toServer;
    stream?.stall();
    await client.sendData(big);
    await clock.advance(29_999);
    // What the peer has taken meanwhile is told after the timers.
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
