import { type Cut, MemoryNetwork, type MemoryNetworkOptions } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import type { Transport, TransportHandler } from '../../src/transport/transport.js';

const address = { host: '127.0.0.1', port: 5000 };
const never = () => new AbortController().signal;

/** An end of a link and its events. */
class End implements TransportHandler {
  readonly transport: Transport;
  readonly events: string[] = [];
  readonly chunks: Buffer[] = [];

  constructor(transport: Transport) {
    this.transport = transport;
    transport.start(this);
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  received(chunk: Buffer): void {
    this.chunks.push(Buffer.from(chunk));
  }

  drained(): void {
    this.events.push('drained');
  }

  ended(): void {
    this.events.push('ended');
  }

  closed(error?: Error): void {
    this.events.push(error ? `closed: ${(error as NodeJS.ErrnoException).code}` : 'closed');
  }
}

async function linked(options: MemoryNetworkOptions = {}) {
  const network = new MemoryNetwork(options);
  let accepted: Transport | undefined;
  const accept = (transport: Transport) => {
    accepted = transport;
  };
  await network.listen({ ...address, keepAliveMs: 0, accept, failed: () => {} });
  const client = new End(await network.dial({ ...address, keepAliveMs: 0, signal: never() }));
  const server = new End(accepted as Transport);
  const link = network.links[0] as (typeof network.links)[0];
  return { network, link, client, server };
}

describe('a network in memory', () => {
  test('carries bytes in both directions, each write as a chunk', async () => {
    const { network, client, server } = await linked();
    client.transport.write(Buffer.from('ab'));
    client.transport.write(Buffer.from('cd'));
    server.transport.write(Buffer.from('xyz'));
    await network.settled();
    expect(server.chunks.map(String)).toEqual(['ab', 'cd']);
    expect(client.chunks.map(String)).toEqual(['xyz']);
  });

  test('carries bytes in slices of a size, independent of the writes', async () => {
    const { network, client, server } = await linked({ slicing: 3 });
    client.transport.write(Buffer.from('ab'));
    client.transport.write(Buffer.from('cdefg'));
    await network.settled();
    expect(server.chunks.map(String)).toEqual(['abc', 'def', 'g']);
  });

  test('carries bytes in random slices that a seed repeats', async () => {
    const lengths = async (seed: number) => {
      const { network, client, server } = await linked({ slicing: 'random', seed });
      for (let n = 0; n < 50; n++) client.transport.write(Buffer.alloc(n, n));
      await network.settled();
      expect(server.text.length).toBe(1225);
      return server.chunks.map(({ length }) => length);
    };
    expect(await lengths(1)).toEqual(await lengths(1));
    expect(await lengths(1)).not.toEqual(await lengths(2));
  });

  test('keeps a copy: the sender may change its bytes when they are in flight', async () => {
    const { network, client, server } = await linked();
    const bytes = Buffer.from('before');
    client.transport.write(bytes);
    bytes.fill('x');
    await network.settled();
    expect(server.text).toBe('before');
  });

  test('closes cleanly when both ends have ended, after all written bytes', async () => {
    const { network, client, server } = await linked();
    client.transport.write(Buffer.from('last'));
    client.transport.end();
    await network.settled();
    expect([server.text, server.events, client.events]).toEqual(['last', ['ended'], []]);
    server.transport.write(Buffer.from('answer'));
    server.transport.end();
    await network.settled();
    expect([client.text, client.events, server.events]).toEqual(['answer', ['ended', 'closed'], ['ended', 'closed']]);
    expect(network.links).toEqual([]);
  });

  test('a destroyed end is the end of the stream for the other, and a reset when that writes', async () => {
    const { network, client, server } = await linked();
    client.transport.write(Buffer.from('sent'));
    client.transport.destroy();
    await network.settled();
    expect([server.text, server.events, client.events]).toEqual(['sent', ['ended'], ['closed']]);
    server.transport.write(Buffer.from('too late'));
    await network.settled();
    expect(server.events).toEqual(['ended', 'closed: ECONNRESET']);
  });

  test('an end that is destroyed with bytes unread resets the other', async () => {
    const { network, client, server } = await linked();
    server.transport.pause();
    client.transport.write(Buffer.from('unread'));
    await network.settled();
    server.transport.destroy();
    await network.settled();
    expect([client.events, server.events]).toEqual([['closed: ECONNRESET'], ['closed']]);
  });

  test('writing after end is an error, as with a socket', async () => {
    const { network, client } = await linked();
    client.transport.end();
    client.transport.write(Buffer.from('x'));
    await network.settled();
    expect(client.events).toEqual(['closed: ERR_STREAM_WRITE_AFTER_END']);
  });

  test('reports the end even while paused, like a socket, if no bytes are unread', async () => {
    const { network, client, server } = await linked();
    server.transport.pause();
    client.transport.end();
    await network.settled();
    expect(server.events).toEqual(['ended']);
  });

  test('delivers no bytes and no end behind them while paused, and everything afterwards', async () => {
    const { network, client, server } = await linked();
    server.transport.pause();
    client.transport.write(Buffer.from('held'));
    client.transport.end();
    await network.settled();
    expect([server.text, server.events]).toEqual(['', []]);
    server.transport.resume();
    await network.settled();
    expect([server.text, server.events]).toEqual(['held', ['ended']]);
  });

  test('holds at most pipeBytes: the sender has to wait, and gets drained when all bytes have left', async () => {
    const { network, client, server } = await linked({ pipeBytes: 1000 });
    server.transport.pause();
    for (let n = 0; n < 40; n++) client.transport.write(Buffer.alloc(1000, n));
    await network.settled();
    expect(network.links[0]?.toServer.bytesInFlight).toBe(1000);
    expect([client.transport.unsentBytes, client.transport.writable, client.events]).toEqual([39_000, false, []]);
    server.transport.resume();
    await network.settled();
    expect([client.transport.unsentBytes, client.transport.writable, client.events]).toEqual([0, true, ['drained']]);
    expect(server.text.length).toBe(40_000);
  });

  test('a stalled link delivers nothing and emits no event until it is released', async () => {
    const { network, link, client, server } = await linked();
    link.stall();
    client.transport.write(Buffer.from('slow'));
    client.transport.end();
    await network.settled();
    expect([server.text, server.events]).toEqual(['', []]);
    link.release();
    await network.settled();
    expect([server.text, server.events]).toEqual(['slow', ['ended']]);
  });

  test.each<[Cut, server: string | undefined, client: (string | undefined)[]]>([
    ['fin', 'ended', ['ended', 'closed: ECONNRESET']],
    ['reset', 'closed: ECONNRESET', ['closed: ECONNRESET']],
    ['half-close', 'ended', [undefined]],
    ['stall', undefined, [undefined]],
  ])('a cut (%s) comes after exactly the given number of bytes', async (how, atServer, atClient) => {
    for (let bytes = 0; bytes <= 10; bytes++) {
      const { network, client, server } = await linked({ linked: (link) => link.toServer.cutAfter(bytes, how) });
      for (const piece of ['0123', '45', '6789']) client.transport.write(Buffer.from(piece));
      await network.settled();
      expect(server.text).toBe('0123456789'.slice(0, bytes));
      expect(server.events[0]).toBe(atServer);
      // Bytes that the client sends after the end are answered with a reset, which may come first.
      expect(atClient).toContain(client.events[0]);
    }
  });

  test('an end that writes into a link that was finished is reset', async () => {
    const { network, link, client, server } = await linked();
    link.finish();
    await network.settled();
    expect([client.events, server.events]).toEqual([['ended'], ['ended']]);
    client.transport.write(Buffer.from('x'));
    server.transport.end();
    await network.settled();
    expect([client.events, server.events]).toEqual([
      ['ended', 'closed: ECONNRESET'],
      ['ended', 'closed'],
    ]);
  });

  test('an end that was destroyed before the start gets closed at the start', async () => {
    const network = new MemoryNetwork();
    const accepted: Transport[] = [];
    await network.listen({ ...address, keepAliveMs: 0, accept: (each) => accepted.push(each), failed: () => {} });
    const transport = await network.dial({ ...address, keepAliveMs: 0, signal: never() });
    transport.destroy();
    await network.settled();
    const late = new End(transport);
    await network.settled();
    expect(late.events).toEqual(['closed']);
  });

  test('refuses connections with the errors of TCP, and does not answer on a silenced port', async () => {
    const { network } = await linked();
    const connectTo = (port: number, signal = never()) =>
      network.dial({ host: '127.0.0.1', port, keepAliveMs: 0, signal });
    await expect(connectTo(5001)).rejects.toMatchObject({
      code: 'ERR_SERPY_CONNECT',
      message: expect.stringContaining('nothing listens there'),
      cause: { code: 'ECONNREFUSED' },
    });
    network.refuse(5000);
    await expect(connectTo(5000)).rejects.toMatchObject({ code: 'ERR_SERPY_CONNECT' });
    network.silence(5000);
    const controller = new AbortController();
    const reason = new Error('enough');
    const connecting = connectTo(5000, controller.signal);
    await network.settled();
    controller.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    network.restore(5000);
    (await connectTo(5000)).destroy();
  });

  test('selects free ports, and refuses used ports with the errors of TCP', async () => {
    const network = new MemoryNetwork();
    const listen = (port: number) =>
      network.listen({ host: '127.0.0.1', port, keepAliveMs: 0, accept: () => {}, failed: () => {} });
    const ports = [await listen(0), await listen(0), await listen(0)].map(({ address: { port } }) => port);
    expect(new Set(ports).size).toBe(3);
    await expect(listen(ports[0] as number)).rejects.toMatchObject({
      code: 'ERR_SERPY_LISTEN',
      cause: { code: 'EADDRINUSE' },
    });
    expect(network.listenerCount).toBe(3);
  });

  test('a port is free as soon as its listener is closed, and accepted links stay open', async () => {
    const network = new MemoryNetwork();
    const accepted: Transport[] = [];
    const listen = () =>
      network.listen({ ...address, keepAliveMs: 0, accept: (each) => accepted.push(each), failed: () => {} });
    const first = await listen();
    const client = new End(await network.dial({ ...address, keepAliveMs: 0, signal: never() }));
    first.close();
    const second = await listen();
    first.close(); // does not close its successor
    expect(network.listenerCount).toBe(1);
    new End(accepted[0] as Transport).transport.write(Buffer.from('alive'));
    await network.settled();
    expect(client.text).toBe('alive');
    second.close();
  });

  test('while held, it runs one delivery at a time, in an order from the seed', async () => {
    const order = async (seed: number) => {
      const { network, client, server } = await linked({ seed });
      network.hold();
      const arrivals: string[] = [];
      client.received = (chunk) => arrivals.push(`client ${chunk}`);
      server.received = (chunk) => arrivals.push(`server ${chunk}`);
      for (const n of [1, 2, 3, 4]) {
        client.transport.write(Buffer.from(`${n}`));
        server.transport.write(Buffer.from(`${n}`));
      }
      await network.settled();
      expect(arrivals).toEqual([]);
      expect(network.step()).toBe(true);
      expect(arrivals).toHaveLength(1);
      while (network.step());
      for (const end of ['client', 'server']) {
        expect(arrivals.filter((each) => each.startsWith(end))).toEqual([1, 2, 3, 4].map((n) => `${end} ${n}`));
      }
      return arrivals.join();
    };
    const orders = await Promise.all([1, 2, 3, 4, 5, 6].map(order));
    expect(new Set(orders).size).toBeGreaterThan(1);
    expect(await order(3)).toBe(orders[2]);
  });

  test('release runs all held deliveries', async () => {
    const { network, client, server } = await linked();
    network.hold();
    client.transport.write(Buffer.from('held'));
    network.release();
    network.release();
    await network.settled();
    expect(server.text).toBe('held');
  });
});
