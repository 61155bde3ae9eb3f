/** The proxy over loopback: faults have their effect on sockets. pipeline.test.ts tests the faults themselves, without sockets. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { ManualClock } from 'serpy-core/testing';
import { FaultProxy, type Link, type LinkEnd, v2Frames } from 'serpy-fault-proxy';
import { afterEach, describe, expect, test } from 'vitest';
import { type Peer, Place, until } from './peers.js';

const place = new Place();

afterEach(() => place.clear());

/** Bytes with a period of a prime number, so that a misplaced piece differs. */
const pattern = Buffer.from(Array.from({ length: 4093 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
const bytesUpTo = (length: number) => Buffer.alloc(length, pattern);

describe('a proxy without faults', () => {
  test('passes 8 MiB both ways at once, unchanged, and counts them', async () => {
    const { client, peer, link } = await place.linked();
    const [question, answer] = [bytesUpTo(8 << 20), bytesUpTo(8 << 20).reverse()];
    client.socket.end(question);
    peer.socket.end(answer);
    await until(() => client.events.includes('close') && peer.events.includes('close'));
    expect(peer.received.equals(question)).toBe(true);
    expect(client.received.equals(answer)).toBe(true);
    expect([link.up.bytesIn, link.up.bytesOut, link.down.bytesIn, link.down.bytesOut]).toEqual(Array(4).fill(8 << 20));
  });

  test('passes on a half-close: the other direction continues', async () => {
    const { client, peer, proxy } = await place.linked();
    const closed = once(proxy, 'linkClose') as Promise<[Link, LinkEnd]>;
    client.socket.end('last question');
    await until(() => peer.events.includes('end'));
    expect(peer.text).toBe('last question');
    peer.socket.write('first answer');
    await until(() => client.text === 'first answer');
    expect(client.events).toEqual([]);
    peer.socket.end('last answer');
    await until(() => client.events.includes('close') && peer.events.includes('close'));
    expect(client.text).toBe('first answerlast answer');
    expect((await closed)[1]).toEqual({ reason: 'ended', error: undefined });
    expect(proxy.links).toEqual([]);
  });

  test('passes on a reset as a reset, in both directions', async () => {
    const one = await place.linked();
    one.client.socket.resetAndDestroy();
    await until(() => one.peer.events.includes('close'));
    expect(one.peer.events).toEqual(['ECONNRESET', 'close']);
    const other = await place.linked();
    other.peer.socket.resetAndDestroy();
    await until(() => other.client.events.includes('close'));
    expect(other.client.events).toEqual(['ECONNRESET', 'close']);
    expect(other.link.end?.reason).toBe('target-reset');
  });

  test('passes on a reset directly after an end', async () => {
    const { client, peer } = await place.linked();
    client.socket.end();
    await until(() => peer.events.includes('end'));
    client.socket.resetAndDestroy();
    // After an end, the system reports a reset only to a socket that writes.
    await until(() => {
      if (!peer.socket.destroyed) peer.socket.write('x');
      return peer.events.includes('close');
    });
    expect(peer.events[0]).toBe('end');
    expect(peer.events[1]).toMatch(/^(ECONNRESET|EPIPE)$/);
  });

  test('passes on a reset to a peer that has ended, without an end before it', async () => {
    const { client, peer } = await place.linked();
    client.socket.write('question');
    await until(() => peer.text === 'question');
    peer.socket.end();
    await until(() => client.events.includes('end'));
    client.socket.resetAndDestroy();
    await until(() => peer.events.includes('close'));
    expect(peer.events).toEqual(['ECONNRESET', 'close']);
  });

  test('passes on a reset directly after bytes, after these bytes', async () => {
    for (let i = 0; i < 20; i++) {
      const { client, peer } = await place.linked();
      client.socket.write('last words');
      client.socket.resetAndDestroy();
      await until(() => peer.events.includes('close'));
      expect([peer.text, peer.events]).toEqual(['last words', ['ECONNRESET', 'close']]);
    }
  });

  test('resets a client whose target refuses, and reports the error', async () => {
    const { port, server } = await place.target();
    server.close();
    await once(server, 'close');
    const proxy = await place.proxy({ target: { port } });
    const closed = once(proxy, 'linkClose') as Promise<[Link, LinkEnd]>;
    const client = await place.connect(proxy.address);
    await until(() => client.events.includes('close'));
    expect(client.events).toEqual(['ECONNRESET', 'close']);
    expect((await closed)[1]).toEqual({
      reason: 'unreachable',
      error: expect.objectContaining({ code: 'ECONNREFUSED' }),
    });
  });

  test('throttles a sender whose receiver does not read, and delivers everything when it does', async () => {
    const { client, peer, link } = await place.linked({ maxBufferedBytes: 100_000 });
    peer.socket.pause();
    const sent = bytesUpTo(64 << 20);
    client.socket.end(sent);
    // Throttled completely: no byte in many turns.
    let before = -1;
    for (let turns = 0; turns < 200; turns++) {
      if (link.up.bytesIn !== before) turns = 0;
      before = link.up.bytesIn;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(before).toBeLessThan(sent.length / 2);
    peer.socket.resume();
    await until(() => peer.events.includes('end'));
    expect(peer.received.equals(sent)).toBe(true);
  });

  test('holds at most maxBufferedBytes and one read during a stall', async () => {
    const { client, peer, link } = await place.linked({
      maxBufferedBytes: 100_000,
      plan: { up: { stallAfterBytes: 0 } },
    });
    const sent = bytesUpTo(32 << 20);
    client.socket.end(sent);
    await until(() => link.up.heldBytes >= 99_000);
    for (let turns = 0; turns < 100; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(link.up.heldBytes).toBeLessThan(100_000 + 2 * 65_536);
    link.up.resume();
    await until(() => peer.events.includes('end'));
    expect(peer.received.equals(sent)).toBe(true);
  });
});

describe('a cut at byte 1000 of 5000', () => {
  const sent = bytesUpTo(5000);

  async function cut(how: 'fin' | 'rst' | 'half-close' | 'half-open' | 'stall' | 'silent') {
    const linked = await place.linked({ plan: { up: { cut: { atByte: 1000, how } } } });
    linked.client.socket.write(sent);
    await until(() => linked.peer.received.length >= 1000);
    return linked;
  }

  test('with fin shows both the end', async () => {
    const { client, peer } = await cut('fin');
    await until(() => client.events.length > 0 && peer.events.length > 0);
    expect([client.events, peer.events, peer.received.length]).toEqual([['end'], ['end'], 1000]);
  });

  test('with rst shows both a reset, after the bytes', async () => {
    const { client, peer } = await cut('rst');
    await until(() => client.events.includes('close') && peer.events.includes('close'));
    expect([client.events, peer.events]).toEqual([
      ['ECONNRESET', 'close'],
      ['ECONNRESET', 'close'],
    ]);
    expect(peer.received.equals(sent.subarray(0, 1000))).toBe(true);
  });

  test('with half-close shows the receiver the end, and the sender nothing', async () => {
    const { client, peer } = await cut('half-close');
    await until(() => peer.events.length > 0);
    peer.socket.write('continues');
    await until(() => client.text === 'continues');
    expect([client.events, peer.events, peer.received.length]).toEqual([[], ['end'], 1000]);
  });

  test('with half-open shows the sender a reset, and the receiver nothing', async () => {
    const { client, peer, link } = await cut('half-open');
    await until(() => client.events.includes('close'));
    peer.socket.write('still there?');
    await until(() => link.down.bytesIn > 0);
    expect([client.events, peer.events, link.end]).toEqual([['ECONNRESET', 'close'], [], undefined]);
  });

  test('with stall delivers the rest after resume', async () => {
    const { peer, link } = await cut('stall');
    await until(() => link.up.bytesIn === 5000);
    expect(peer.received.length).toBe(1000);
    link.up.resume();
    await until(() => peer.received.length === 5000);
    expect(peer.received.equals(sent)).toBe(true);
  });

  test('with silent hides everything that either end does from the other', async () => {
    const { client, peer, link, proxy } = await cut('silent');
    await until(() => link.up.bytesIn === 5000);
    client.socket.resetAndDestroy();
    peer.socket.write('anybody?');
    await until(() => link.down.bytesIn === 8);
    expect([peer.events, peer.received.length, proxy.links.length]).toEqual([[], 1000, 1]);
    peer.socket.destroy();
    await until(() => proxy.links.length === 0);
  });
});

test('a reset directly after an end of the proxy itself closes both sockets', async () => {
  const { client, peer, link, proxy } = await place.linked();
  link.cut('fin');
  link.cut('rst');
  await until(() => client.events.length > 0 && peer.events.length > 0 && proxy.links.length === 0);
  const again = await place.linked();
  again.client.socket.write('question');
  await until(() => again.peer.text === 'question');
  again.link.cut('fin');
  again.link.cut('rst');
  await until(() => again.proxy.links.length === 0);
});

describe('a cut inside a frame', () => {
  test('passes the frames before it completely', async () => {
    const frame = (payload: string) => {
      const header = Buffer.from('decafecafe210000000000000000', 'hex');
      header.writeUInt32LE(payload.length, 10);
      return Buffer.concat([header, Buffer.from(payload)]);
    };
    const plan = { down: { frames: v2Frames, cut: { frame: 2, byte: 16, how: 'rst' } } } as const;
    const { client, peer } = await place.linked({ plan });
    const frames = ['first', 'second', 'third'].map(frame);
    peer.socket.write(Buffer.concat(frames));
    await until(() => client.events.includes('close'));
    expect(client.received.equals(Buffer.concat(frames).subarray(0, 19 + 20 + 16))).toBe(true);
  });
});

describe('time', () => {
  test('comes from the clock: a minute of latency does not wait', async () => {
    const clock = new ManualClock();
    const { client, peer, link } = await place.linked({ clock, plan: { up: { latencyMs: 60_000 } } });
    client.socket.write('late');
    await until(() => link.up.bytesIn === 4);
    await clock.advance(59_999);
    expect(link.up.bytesOut).toBe(0);
    await clock.advance(1);
    await until(() => peer.text === 'late');
  });

  test('is by default that of this computer', async () => {
    const { client, peer } = await place.linked({ plan: { up: { latencyMs: 30 } } });
    const began = performance.now();
    client.socket.write('late');
    await until(() => peer.text === 'late');
    expect(performance.now() - began).toBeGreaterThan(28);
  });
});

test('slices arrive one by one', async () => {
  const { client, peer } = await place.linked({ plan: { up: { sliceBytes: 7 } } });
  client.socket.write(bytesUpTo(700));
  await until(() => peer.received.length === 700);
  expect(peer.received.equals(bytesUpTo(700))).toBe(true);
  expect(peer.chunks.length).toBeGreaterThan(90); // the system may join a few
  expect(peer.chunks.every(({ length }) => length % 7 === 0)).toBe(true);
});

describe('plans', () => {
  test('can differ from link to link', async () => {
    const { port, peers } = await place.target();
    const other = await place.target();
    const proxy = await place.proxy({
      target: { port },
      plan: (index) => [{ answer: 'rst' } as const, { target: { port: other.port } }, undefined][index],
    });
    const clients: Peer[] = [];
    for (let i = 0; i < 3; i++) clients.push(await place.connect(proxy.address));
    await until(() => clients[0]!.events.includes('close') && peers.length === 1 && other.peers.length === 1);
    expect(clients[0]!.events).toEqual(['ECONNRESET', 'close']);
    clients[1]!.socket.write('other');
    clients[2]!.socket.write('first');
    await until(() => other.peers[0]!.text === 'other' && peers[0]!.text === 'first');
    expect(proxy.links.map(({ index }) => index)).toEqual([1, 2]);
    expect(proxy.links.map(({ target }) => target.port)).toEqual([other.port, port]);
    expect(proxy.linkCount).toBe(3);
  });

  test('that throw, or are invalid, reset the client and emit an error', async () => {
    const { port } = await place.target();
    const cause = new Error('no plan');
    const proxy = await place.proxy({ target: { port } });
    const errors: Error[] = [];
    proxy.on('error', (error) => errors.push(error));
    proxy.plan = () => {
      throw cause;
    };
    const first = await place.connect(proxy.address);
    await until(() => first.events.includes('close'));
    proxy.plan = () => ({ down: { latencyMs: -1 } });
    const second = await place.connect(proxy.address);
    await until(() => second.events.includes('close'));
    expect(errors).toEqual([
      expect.objectContaining({ code: 'ERR_FAULT_PROXY_CALLBACK', cause }),
      expect.objectContaining({
        code: 'ERR_FAULT_PROXY_OPTION',
        message: expect.stringMatching(/^the option plan\(1\)\.down\.latencyMs takes/),
      }),
    ]);
    expect(proxy.links).toEqual([]);
  });

  test('with random faults do the same for the same seed, link by link', async () => {
    const run = async (seed: number) => {
      const { port, peers } = await place.target();
      const proxy = await place.proxy({ target: { port }, seed, plan: { up: { corrupt: { probability: 0.2 } } } });
      for (let i = 0; i < 2; i++) {
        const client = await place.connect(proxy.address);
        client.socket.end(bytesUpTo(300));
        await until(() => peers.length === i + 1 && peers[i]!.events.includes('end'));
      }
      return peers.map(({ received }) => received.toString('hex'));
    };
    const first = await run(42);
    expect(await run(42)).toEqual(first);
    expect(await run(43)).not.toEqual(first);
    expect(first[0]).not.toBe(first[1]);
  });
});

describe('all links together', () => {
  test('get faults, stall, resume and are cut', async () => {
    const { port, peers } = await place.target();
    const proxy = await place.proxy({ target: { port } });
    const clients = [await place.connect(proxy.address), await place.connect(proxy.address)];
    await until(() => peers.length === 2 && proxy.links.every(({ isConnected }) => isConnected));
    const sayAll = (text: string) => clients.forEach(({ socket }) => socket.write(text));
    const allHeard = (text: string) => until(() => peers.every((peer) => peer.text === text));

    proxy.apply({ up: { corrupt: { atByte: 0, xor: 1 } } });
    sayAll('a');
    await allHeard('`');
    proxy.stall();
    sayAll('b');
    await until(() => proxy.links.every(({ up }) => up.heldBytes === 1));
    proxy.resume();
    await allHeard('`b');
    proxy.apply({ up: { swallow: true } });
    sayAll('c');
    await until(() => proxy.links.every(({ up }) => up.bytesIn === 3));
    proxy.clear();
    sayAll('d');
    await allHeard('`bd');
    proxy.cut('rst');
    await until(() => clients.every(({ events }) => events.includes('close')) && proxy.links.length === 0);
  });

  test('are cut when the target is switched with a cut, and unaffected without', async () => {
    const { proxy, client, peer } = await place.linked();
    const other = await place.target();
    proxy.switchTarget({ port: other.port });
    client.socket.write('still here');
    await until(() => peer.text === 'still here');
    const next = await place.connect(proxy.address);
    await until(() => other.peers.length === 1);
    proxy.switchTarget({ port: other.port }, 'rst');
    await until(() => client.events.includes('close') && next.events.includes('close'));
    expect(client.events).toEqual(['ECONNRESET', 'close']);
  });
});

describe('an answer', () => {
  test('of refuse refuses new clients and keeps links; pass listens again on the same port', async () => {
    const { proxy, client, peer } = await place.linked();
    const { address } = proxy;
    await proxy.answer('refuse');
    const refused = await place.connect(address);
    expect(refused.events[0]).toBe('ECONNREFUSED');
    client.socket.write('still here');
    await until(() => peer.text === 'still here');
    await proxy.answer('pass');
    expect(proxy.address).toEqual(address);
    const again = await place.connect(address);
    again.socket.write('back');
    await until(() => proxy.links.length === 2);
  });

  test('of rst accepts and resets', async () => {
    const { proxy } = await place.linked();
    await proxy.answer('rst');
    const client = await place.connect(proxy.address);
    await until(() => client.events.includes('close'));
    expect(client.events).toEqual(['ECONNRESET', 'close']);
  });

  test('of tarpit accepts and sends nothing', async () => {
    const { proxy, target } = await place.linked();
    await proxy.answer('tarpit');
    const client = await place.connect(proxy.address);
    client.socket.write('hello?');
    await until(() => proxy.links[1]?.up.bytesIn === 6);
    expect([client.events, target.peers.length]).toEqual([[], 1]);
    client.socket.end();
    await until(() => proxy.links.length === 1);
  });

  test('can be changed back and forth without waiting', async () => {
    const { proxy, client } = await place.linked();
    await Promise.all(
      (['refuse', 'pass', 'refuse', 'tarpit', 'refuse', 'pass'] as const).map((how) => proxy.answer(how)),
    );
    await place.connect(proxy.address);
    await until(() => proxy.links.length === 2);
    expect(client.events).toEqual([]);
  });

  test('that needs the port fails if another program uses it', async () => {
    const { proxy } = await place.linked();
    await proxy.answer('refuse');
    const thief = await place.proxy({ target: { port: 1 }, port: proxy.address.port });
    await expect(proxy.answer('pass')).rejects.toMatchObject({ code: 'ERR_FAULT_PROXY_LISTEN' });
    await thief.close();
    await proxy.answer('pass');
    await place.connect(proxy.address);
    await until(() => proxy.links.length === 2);
  });
});

describe('the life of a proxy', () => {
  test('emits one event when a link opens and one when it ends', async () => {
    const { port, peers } = await place.target();
    const proxy = await place.proxy({ target: { port } });
    const seen: string[] = [];
    proxy.on('linkOpen', ({ index, isConnected }) => seen.push(`open ${index} ${isConnected}`));
    proxy.on('linkClose', ({ index, end }, { reason }) => seen.push(`close ${index} ${reason} ${end?.reason}`));
    const client = await place.connect(proxy.address);
    await until(() => peers.length === 1);
    client.socket.resetAndDestroy();
    await until(() => proxy.links.length === 0);
    expect(seen).toEqual(['open 0 false', 'close 0 client-reset client-reset']);
  });

  test('applies faults that are set when a link opens, before a byte has passed', async () => {
    const { port, peers } = await place.target();
    const proxy = await place.proxy({ target: { port } });
    proxy.on('linkOpen', (link) => link.up.apply({ corrupt: { atByte: 0, xor: 1 } }));
    (await place.connect(proxy.address)).socket.write('a');
    await until(() => peers[0]?.text === '`');
  });

  test('can be cut when a link opens', async () => {
    const { port } = await place.target();
    const proxy = await place.proxy({ target: { port } });
    proxy.on('linkOpen', (link) => link.cut('rst'));
    const client = await place.connect(proxy.address);
    await until(() => client.events.includes('close'));
    expect(client.events).toEqual(['ECONNRESET', 'close']);
    expect(proxy.links).toEqual([]);
  });

  test('ends with close, which destroys all links and frees the port', async () => {
    const { proxy, client, peer, link } = await place.linked({
      plan: { up: { latencyMs: 1e6 }, down: { stallAfterBytes: 0 } },
    });
    client.socket.write('in flight');
    await until(() => link.up.heldBytes > 0);
    await proxy.close();
    await until(() => client.events.length > 0 && peer.events.length > 0);
    expect([proxy.links, link.end?.reason]).toEqual([[], 'closed']);
    expect((await place.connect(proxy.address)).events[0]).toBe('ECONNREFUSED');
    await proxy.close(); // again has no effect
  });

  test('ends with close, including links of a port that it no longer listens on', async () => {
    const { proxy } = await place.linked();
    await proxy.answer('refuse');
    await proxy.close();
    expect(proxy.links).toEqual([]);
  });

  test('ends with close, including a planned reset', async () => {
    const { proxy, client, peer, link } = await place.linked();
    client.socket.write('question');
    await until(() => peer.text === 'question');
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    link.cut('rst');
    expect(timers()).toBe(before + 1);
    await proxy.close();
    expect(timers()).toBeLessThanOrEqual(before);
  });

  test('ends with the block of its await using', async () => {
    const { port } = await place.target();
    let address = { host: '', port: 0 };
    {
      await using proxy = await new FaultProxy({ target: { port } }).start();
      address = proxy.address;
    }
    expect((await place.connect(address)).events[0]).toBe('ECONNREFUSED');
  });

  test('starts once', async () => {
    const { proxy } = await place.linked();
    await expect(proxy.start()).rejects.toMatchObject({ code: 'ERR_FAULT_PROXY_STATE' });
    await proxy.close();
    await expect(proxy.start()).rejects.toMatchObject({ code: 'ERR_FAULT_PROXY_STATE' });
    await expect(proxy.answer('pass')).rejects.toMatchObject({ code: 'ERR_FAULT_PROXY_STATE' });
  });

  test('does not start if it is closed while it starts', async () => {
    const proxy = new FaultProxy({ target: { port: 1 } });
    const starting = proxy.start();
    await proxy.close();
    await expect(starting).rejects.toMatchObject({ code: 'ERR_FAULT_PROXY_STATE' });
    expect(proxy.address).toBeUndefined();
  });

  test('does not start on a port that is in use, and says so', async () => {
    const { port } = await place.target();
    await expect(new FaultProxy({ target: { port }, port }).start()).rejects.toMatchObject({
      code: 'ERR_FAULT_PROXY_LISTEN',
      message: `cannot listen on 127.0.0.1:${port}: another program uses the port. Use port 0 for a free one`,
      cause: expect.objectContaining({ code: 'EADDRINUSE' }),
    });
  });

  test('1,000 links that are cut one after the other leave nothing', { timeout: 60_000 }, async () => {
    const { port } = await place.target();
    const proxy = await place.proxy({ target: { port }, plan: { up: { cut: { atByte: 3, how: 'rst' } } } });
    for (let i = 0; i < 1000; i++) {
      const socket = connect(proxy.address);
      socket.on('error', () => {});
      socket.write('12345');
      await new Promise((resolve) => socket.once('close', resolve));
    }
    await until(() => proxy.links.length === 0);
    expect(proxy.linkCount).toBe(1000);
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length).toBeLessThan(10);
  });
});
