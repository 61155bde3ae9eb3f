/** A partially received message: a peer that does not send the rest is disconnected, and no other peer. */
import { Connection, type ConnectionOptions, connectionOptions, parseOptions, Server } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { minBytesPerTimeout } from '../../src/link/read-stall-timer.js';
import { type Lines, lineProtocol, serverSettings } from '../line-protocol.js';

const address = { host: '127.0.0.1', port: 5000 };
const keepAliveMs = 0;

/** A server of lines, and a transport as its peer. */
async function setUp(options: ConnectionOptions = {}) {
  const network = new MemoryNetwork();
  const { clock } = network;
  const settings = parseOptions(connectionOptions, options);
  const connection = () => new Connection<Lines>(lineProtocol(), settings, network);
  const place = serverSettings({ ...address, keepAliveMs });
  const server = await new Server<Lines, Connection<Lines>>(place, connection, network).start();
  const { signal } = new AbortController();
  const peer = await network.dial({ ...address, keepAliveMs, signal });
  const nothing = () => {};
  peer.start({ received: nothing, drained: nothing, ended: nothing, closed: nothing });
  const accepted = await server.getConnection();
  const ends: unknown[] = [];
  const errors: Error[] = [];
  accepted.on('warning', (error) => errors.push(error));
  accepted.on('disconnect', ({ reason }) => ends.push(`${clock.now()}: ${reason}`));
  onTestFinished(async () => {
    peer.destroy();
    await server.closeServer();
    await network.settled();
    expect([clock.pending, network.links]).toEqual([0, []]);
  });
  const say = (text: string) => peer.write(Buffer.from(text));
  return { network, clock, accepted, say, ends, errors };
}

describe('a partially received message', () => {
  test('that stalls ends the link after frameTimeoutMs, with an error that says what to do', async () => {
    const { clock, say, ends, errors } = await setUp();
    await clock.advance(1000);
    say('half a li');
    await clock.advance(29_999);
    expect(ends).toEqual([]);
    await clock.advance(1);
    expect(ends).toEqual(['31000: timeout']);
    expect(errors).toMatchObject([{ code: 'ERR_SERPY_PEER_TIMEOUT' }]);
    expect(errors[0]?.message).toMatch(
      /^127\.0\.0\.1:\d+ began a message, but sent only 0 more bytes of it within 30000 ms \(frameTimeoutMs\)\. .* raise frameTimeoutMs$/,
    );
  });

  test('that arrives too slowly ends it too', async () => {
    const { clock, say, ends } = await setUp();
    say('h');
    for (let dripped = 0; dripped < 29; dripped++) {
      await clock.advance(1000);
      say('x');
    }
    await clock.advance(1000);
    expect(ends).toEqual(['30000: timeout']);
  });

  test.each([
    ['that arrives fast enough keeps the link', 0, []],
    ['that lacks one byte for that ends it', 1, ['30000: timeout']],
  ])('%s', async (_, lacking, expected) => {
    const { clock, say, ends } = await setUp();
    say('h');
    await clock.advance(29_000);
    say('x'.repeat(minBytesPerTimeout - lacking));
    await clock.advance(1500);
    expect(ends).toEqual(expected);
  });

  test('must make progress in each period', async () => {
    const { clock, say, ends } = await setUp();
    say('h');
    await clock.advance(29_000);
    say('x'.repeat(minBytesPerTimeout));
    await clock.advance(31_000);
    expect(ends).toEqual(['60000: timeout']); // progress was noticed at 30 s
  });

  test('that ends in time, like those after it, keeps the link, wherever the chunks are split', async () => {
    const { clock, say, ends } = await setUp();
    for (let line = 0; line < 10; line++) {
      say('\nhal'); // each chunk ends in the middle of a line
      await clock.advance(20_000);
    }
    expect(ends).toEqual([]);
  });

  test('may take any time with frameTimeoutMs: 0', async () => {
    const { clock, say, ends } = await setUp({ frameTimeoutMs: 0 });
    say('half a li');
    await clock.advance(1_000_000);
    expect(ends).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('stops being watched when its end has arrived: no timer runs while the peer is silent', async () => {
    const { clock, say, ends } = await setUp();
    say('half a li');
    await clock.advance(10_000);
    say('ne\n');
    await clock.advance(5_000);
    expect([ends, clock.pending]).toEqual([[], 0]);
    await clock.advance(1_000_000);
    expect(ends).toEqual([]);
  });

  test('stops being watched too if it is dropped instead of delivered', async () => {
    const { clock, accepted, say, ends, errors } = await setUp();
    say('?');
    await clock.advance(5_000);
    say('\n'); // a bad line, which is dropped
    await clock.advance(100_000);
    expect([ends, errors.length, accepted.isConnected()]).toEqual([[], 1, true]);
  });

  test('leaves no timer when the link breaks', async () => {
    const { network, clock, say, ends } = await setUp();
    say('half a li');
    await network.settled();
    expect(clock.pending).toBe(1);
    network.links[0]?.reset();
    await network.settled();
    expect([ends, clock.pending]).toEqual([['0: reset'], 0]);
  });

  test('is not watched while this end does not read, and has the whole time after that', async () => {
    const { clock, accepted, say, ends } = await setUp({ receiveQueue: { maxMessages: 1 } });
    say('one\ntwo\nthr');
    await clock.advance(100_000);
    expect(ends).toEqual([]);
    const atMs = clock.now();
    expect([await accepted.getData(), await accepted.getData()]).toEqual(['one', 'two']);
    await clock.advance(29_999);
    expect(ends).toEqual([]);
    await clock.advance(1);
    expect(ends).toEqual([`${atMs + 30_000}: timeout`]);
  });

  test('causes no false timeout in a program that was busy: arrived data is read first', async () => {
    const { clock, say, ends } = await setUp();
    say('half a li');
    await clock.advance(29_999);
    // Data that has arrived meanwhile is read after the timers.
    clock.setImmediate = (callback) => {
      say('ne\n');
      setImmediate(() => setImmediate(callback));
    };
    await clock.advance(1);
    await new Promise(setImmediate);
    expect(ends).toEqual([]);
  });
});
