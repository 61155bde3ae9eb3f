/** The proxy over loopback. What each fault does to bytes is tested without sockets; here, that sockets do what was meant. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { ManualClock } from 'serpy-core/testing';
import { FaultProxy, type Link, type LinkEnd, v2Frames } from 'serpy-fault-proxy';
import { afterEach, describe, expect, test } from 'vitest';
import { type Peer, Place, until } from './peers.js';

const place = new Place();

afterEach(() => place.clear());

/** Bytes that repeat after a prime number of them, so that a piece at a wrong place does not fit. */
const pattern = Buffer.from(Array.from({ length: 4093 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
const bytesUpTo = (length: number) => Buffer.alloc(length, pattern);

describe('a proxy without faults', () => {
  test('passes 8 MiB both ways at once, unchanged, and counts them', async () => {
    const { client, peer, link } = await place.linked();
    const [question, answer] = [bytesUpTo(8 << 20), bytesUpTo(8 << 20).reverse()];
    client.socket.end(question);
    peer.socket.end(answer);
    await until(() => client.told.includes('close') && peer.told.includes('close'));
    expect(peer.received.equals(question)).toBe(true);
    expect(client.received.equals(answer)).toBe(true);
    expect([link.up.bytesIn, link.up.bytesOut, link.down.bytesIn, link.down.bytesOut]).toEqual(Array(4).fill(8 << 20));
  });

  test('passes a half-close on: the other direction goes on', async () => {
    const { client, peer, proxy } = await place.linked();
    const closed = once(proxy, 'linkClose') as Promise<[Link, LinkEnd]>;
    client.socket.end('last question');
    await until(() => peer.told.includes('end'));
    expect(peer.text).toBe('last question');
    peer.socket.write('first answer');
    await until(() => client.text === 'first answer');
    expect(client.told).toEqual([]);
    peer.socket.end('last answer');
    await until(() => client.told.includes('close') && peer.told.includes('close'));
    expect(client.text).toBe('first answerlast answer');
    expect((await closed)[1]).toEqual({ reason: 'ended', error: undefined });
    expect(proxy.links).toEqual([]);
  });

  test('passes a reset on as a reset, in both directions', async () => {
    const one = await place.linked();
    one.client.socket.resetAndDestroy();
    await until(() => one.peer.told.includes('close'));
    expect(one.peer.told).toEqual(['ECONNRESET', 'close']);
    const other = await place.linked();
    other.peer.socket.resetAndDestroy();
    await until(() => other.client.told.includes('close'));
    expect(other.client.told).toEqual(['ECONNRESET', 'close']);
    expect(other.link.end?.reason).toBe('target-reset');
  });

  test('passes a reset on right behind an end', async () => {
    const { client, peer } = await place.linked();
    client.socket.end();
    await until(() => peer.told.includes('end'));
    client.socket.resetAndDestroy();
    // Behind an end a system tells of a reset only to those who write.
    await until(() => {
      if (!peer.socket.destroyed) peer.socket.write('x');
      return peer.told.includes('close');
    });
    expect(peer.told[0]).toBe('end');
    expect(peer.told[1]).toMatch(/^(ECONNRESET|EPIPE)$/);
  });

  test('passes a reset on to who has ended: no end comes before it', async () => {
    const { client, peer } = await place.linked();
    client.socket.write('question');
    await until(() => peer.text === 'question');
    peer.socket.end();
    await until(() => client.told.includes('end'));
    client.socket.resetAndDestroy();
    await until(() => peer.told.includes('close'));
    expect(peer.told).toEqual(['ECONNRESET', 'close']);
  });

  test('passes a reset on that comes right behind bytes, behind these bytes', async () => {
    for (let i = 0; i < 20; i++) {
      const { client, peer } = await place.linked();
      client.socket.write('last words');
      client.socket.resetAndDestroy();
      await until(() => peer.told.includes('close'));
      expect([peer.text, peer.told]).toEqual(['last words', ['ECONNRESET', 'close']]);
    }
  });

  test('resets a client whose target refuses, and says why', async () => {
    const { port, server } = await place.target();
    server.close();
    await once(server, 'close');
    const proxy = await place.proxy({ target: { port } });
    const closed = once(proxy, 'linkClose') as Promise<[Link, LinkEnd]>;
    const client = await place.dial(proxy.address);
    await until(() => client.told.includes('close'));
    expect(client.told).toEqual(['ECONNRESET', 'close']);
    expect((await closed)[1]).toEqual({
      reason: 'unreachable',
      error: expect.objectContaining({ code: 'ECONNREFUSED' }),
    });
  });

  test('holds a sender back whose receiver does not read, and brings everything when it does', async () => {
    const { client, peer, link } = await place.linked({ maxBufferedBytes: 100_000 });
    peer.socket.pause();
    const sent = bytesUpTo(64 << 20);
    client.socket.end(sent);
    // Held back for good: many turns without a byte.
    let before = -1;
    for (let turns = 0; turns < 200; turns++) {
      if (link.up.bytesIn !== before) turns = 0;
      before = link.up.bytesIn;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(before).toBeLessThan(sent.length / 2);
    peer.socket.resume();
    await until(() => peer.told.includes('end'));
    expect(peer.received.equals(sent)).toBe(true);
  });

  test('keeps no more than maxBufferedBytes and what one read brings while it stalls', async () => {
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
    await until(() => peer.told.includes('end'));
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

  test('with fin lets both see the end', async () => {
    const { client, peer } = await cut('fin');
    await until(() => client.told.length > 0 && peer.told.length > 0);
    expect([client.told, peer.told, peer.received.length]).toEqual([['end'], ['end'], 1000]);
  });

  test('with rst lets both see a reset, behind the bytes', async () => {
    const { client, peer } = await cut('rst');
    await until(() => client.told.includes('close') && peer.told.includes('close'));
    expect([client.told, peer.told]).toEqual([
      ['ECONNRESET', 'close'],
      ['ECONNRESET', 'close'],
    ]);
    expect(peer.received.equals(sent.subarray(0, 1000))).toBe(true);
  });

  test('with half-close lets the receiver see the end, and the sender nothing', async () => {
    const { client, peer } = await cut('half-close');
    await until(() => peer.told.length > 0);
    peer.socket.write('goes on');
    await until(() => client.text === 'goes on');
    expect([client.told, peer.told, peer.received.length]).toEqual([[], ['end'], 1000]);
  });

  test('with half-open lets the sender see a reset, and the receiver nothing', async () => {
    const { client, peer, link } = await cut('half-open');
    await until(() => client.told.includes('close'));
    peer.socket.write('still there?');
    await until(() => link.down.bytesIn > 0);
    expect([client.told, peer.told, link.end]).toEqual([['ECONNRESET', 'close'], [], undefined]);
  });

  test('with stall lets what follows arrive after resume', async () => {
    const { peer, link } = await cut('stall');
    await until(() => link.up.bytesIn === 5000);
    expect(peer.received.length).toBe(1000);
    link.up.resume();
    await until(() => peer.received.length === 5000);
    expect(peer.received.equals(sent)).toBe(true);
  });

  test('with silent tells nobody, whatever they do', async () => {
    const { client, peer, link, proxy } = await cut('silent');
    await until(() => link.up.bytesIn === 5000);
    client.socket.resetAndDestroy();
    peer.socket.write('anybody?');
    await until(() => link.down.bytesIn === 8);
    expect([peer.told, peer.received.length, proxy.links.length]).toEqual([[], 1000, 1]);
    peer.socket.destroy();
    await until(() => proxy.links.length === 0);
  });
});

test('a reset right behind an end of the proxy’s own closes both sockets', async () => {
  const { client, peer, link, proxy } = await place.linked();
  link.cut('fin');
  link.cut('rst');
  await until(() => client.told.length > 0 && peer.told.length > 0 && proxy.links.length === 0);
  const again = await place.linked();
  again.client.socket.write('question');
  await until(() => again.peer.text === 'question');
  again.link.cut('fin');
  again.link.cut('rst');
  await until(() => again.proxy.links.length === 0);
});

describe('a cut inside a frame', () => {
  test('lets the frames before it pass whole', async () => {
    const frame = (payload: string) => {
      const header = Buffer.from('decafecafe210000000000000000', 'hex');
      header.writeUInt32LE(payload.length, 10);
      return Buffer.concat([header, Buffer.from(payload)]);
    };
    const plan = { down: { frames: v2Frames, cut: { frame: 2, byte: 16, how: 'rst' } } } as const;
    const { client, peer } = await place.linked({ plan });
    const frames = ['first', 'second', 'third'].map(frame);
    peer.socket.write(Buffer.concat(frames));
    await until(() => client.told.includes('close'));
    expect(client.received.equals(Buffer.concat(frames).subarray(0, 19 + 20 + 16))).toBe(true);
  });
});

describe('time', () => {
  test('is that of the clock: a minute of latency takes none', async () => {
    const clock = new ManualClock();
    const { client, peer, link } = await place.linked({ clock, plan: { up: { latencyMs: 60_000 } } });
    client.socket.write('late');
    await until(() => link.up.bytesIn === 4);
    await clock.advance(59_999);
    expect(link.up.bytesOut).toBe(0);
    await clock.advance(1);
    await until(() => peer.text === 'late');
  });

  test('unless a clock is given is this computer’s', async () => {
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
    for (let i = 0; i < 3; i++) clients.push(await place.dial(proxy.address));
    await until(() => clients[0]!.told.includes('close') && peers.length === 1 && other.peers.length === 1);
    expect(clients[0]!.told).toEqual(['ECONNRESET', 'close']);
    clients[1]!.socket.write('other');
    clients[2]!.socket.write('first');
    await until(() => other.peers[0]!.text === 'other' && peers[0]!.text === 'first');
    expect(proxy.links.map(({ index }) => index)).toEqual([1, 2]);
    expect(proxy.links.map(({ target }) => target.port)).toEqual([other.port, port]);
    expect(proxy.linkCount).toBe(3);
  });

  test('that throw, or are wrong, reset the client and are told by an event', async () => {
    const { port } = await place.target();
    const cause = new Error('no plan');
    const proxy = await place.proxy({ target: { port } });
    const errors: Error[] = [];
    proxy.on('error', (error) => errors.push(error));
    proxy.plan = () => {
      throw cause;
    };
    const first = await place.dial(proxy.address);
    await until(() => first.told.includes('close'));
    proxy.plan = () => ({ down: { latencyMs: -1 } });
    const second = await place.dial(proxy.address);
    await until(() => second.told.includes('close'));
    expect(errors).toEqual([
      expect.objectContaining({ code: 'ERR_FAULT_PROXY_CALLBACK', cause }),
      expect.objectContaining({
        code: 'ERR_FAULT_PROXY_OPTION',
        message: expect.stringMatching(/^the option plan\(1\)\.down\.latencyMs takes/),
      }),
    ]);
    expect(proxy.links).toEqual([]);
  });

  test('with chance do the same for the same seed, link by link', async () => {
    const run = async (seed: number) => {
      const { port, peers } = await place.target();
      const proxy = await place.proxy({ target: { port }, seed, plan: { up: { corrupt: { probability: 0.2 } } } });
      for (let i = 0; i < 2; i++) {
        const client = await place.dial(proxy.address);
        client.socket.end(bytesUpTo(300));
        await until(() => peers.length === i + 1 && peers[i]!.told.includes('end'));
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
  test('get faults, stall, go on and are cut', async () => {
    const { port, peers } = await place.target();
    const proxy = await place.proxy({ target: { port } });
    const clients = [await place.dial(proxy.address), await place.dial(proxy.address)];
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
    await until(() => clients.every(({ told }) => told.includes('close')) && proxy.links.length === 0);
  });

  test('are cut when the target is switched with a cut, and left alone without', async () => {
    const { proxy, client, peer } = await place.linked();
    const other = await place.target();
    proxy.switchTarget({ port: other.port });
    client.socket.write('still here');
    await until(() => peer.text === 'still here');
    const next = await place.dial(proxy.address);
    await until(() => other.peers.length === 1);
    proxy.switchTarget({ port: other.port }, 'rst');
    await until(() => client.told.includes('close') && next.told.includes('close'));
    expect(client.told).toEqual(['ECONNRESET', 'close']);
  });
});

describe('an answer', () => {
  test('of refuse refuses dials and leaves links alone; pass listens again on the same port', async () => {
    const { proxy, client, peer } = await place.linked();
    const { address } = proxy;
    await proxy.answer('refuse');
    const refused = await place.dial(address);
    expect(refused.told[0]).toBe('ECONNREFUSED');
    client.socket.write('still here');
    await until(() => peer.text === 'still here');
    await proxy.answer('pass');
    expect(proxy.address).toEqual(address);
    const again = await place.dial(address);
    again.socket.write('back');
    await until(() => proxy.links.length === 2);
  });

  test('of rst accepts and resets', async () => {
    const { proxy } = await place.linked();
    await proxy.answer('rst');
    const client = await place.dial(proxy.address);
    await until(() => client.told.includes('close'));
    expect(client.told).toEqual(['ECONNRESET', 'close']);
  });

  test('of tarpit accepts and says nothing', async () => {
    const { proxy, target } = await place.linked();
    await proxy.answer('tarpit');
    const client = await place.dial(proxy.address);
    client.socket.write('hello?');
    await until(() => proxy.links[1]?.up.bytesIn === 6);
    expect([client.told, target.peers.length]).toEqual([[], 1]);
    client.socket.end();
    await until(() => proxy.links.length === 1);
  });

  test('can be changed back and forth without waiting', async () => {
    const { proxy, client } = await place.linked();
    await Promise.all(
      (['refuse', 'pass', 'refuse', 'tarpit', 'refuse', 'pass'] as const).map((how) => proxy.answer(how)),
    );
    await place.dial(proxy.address);
    await until(() => proxy.links.length === 2);
    expect(client.told).toEqual([]);
  });

  test('that needs the port tells when somebody else has taken it', async () => {
    const { proxy } = await place.linked();
    await proxy.answer('refuse');
    const thief = await place.proxy({ target: { port: 1 }, port: proxy.address.port });
    await expect(proxy.answer('pass')).rejects.toMatchObject({ code: 'ERR_FAULT_PROXY_LISTEN' });
    await thief.close();
    await proxy.answer('pass');
    await place.dial(proxy.address);
    await until(() => proxy.links.length === 2);
  });
});

describe('the life of a proxy', () => {
  test('tells each link once when it opens and once when it is over', async () => {
    const { port, peers } = await place.target();
    const proxy = await place.proxy({ target: { port } });
    const told: string[] = [];
    proxy.on('linkOpen', ({ index, isConnected }) => told.push(`open ${index} ${isConnected}`));
    proxy.on('linkClose', ({ index, end }, { reason }) => told.push(`close ${index} ${reason} ${end?.reason}`));
    const client = await place.dial(proxy.address);
    await until(() => peers.length === 1);
    client.socket.resetAndDestroy();
    await until(() => proxy.links.length === 0);
    expect(told).toEqual(['open 0 false', 'close 0 client-reset client-reset']);
  });

  test('lets faults be set when a link opens, before a byte has passed', async () => {
    const { port, peers } = await place.target();
    const proxy = await place.proxy({ target: { port } });
    proxy.on('linkOpen', (link) => link.up.apply({ corrupt: { atByte: 0, xor: 1 } }));
    (await place.dial(proxy.address)).socket.write('a');
    await until(() => peers[0]?.text === '`');
  });

  test('can be cut when a link opens', async () => {
    const { port } = await place.target();
    const proxy = await place.proxy({ target: { port } });
    proxy.on('linkOpen', (link) => link.cut('rst'));
    const client = await place.dial(proxy.address);
    await until(() => client.told.includes('close'));
    expect(client.told).toEqual(['ECONNRESET', 'close']);
    expect(proxy.links).toEqual([]);
  });

  test('ends with close, which destroys all links and frees the port', async () => {
    const { proxy, client, peer, link } = await place.linked({
      plan: { up: { latencyMs: 1e6 }, down: { stallAfterBytes: 0 } },
    });
    client.socket.write('under way');
    await until(() => link.up.heldBytes > 0);
    await proxy.close();
    await until(() => client.told.length > 0 && peer.told.length > 0);
    expect([proxy.links, link.end?.reason]).toEqual([[], 'closed']);
    expect((await place.dial(proxy.address)).told[0]).toBe('ECONNREFUSED');
    await proxy.close(); // once more does no harm
  });

  test('ends with close, also of links whose port is not listened on any more', async () => {
    const { proxy } = await place.linked();
    await proxy.answer('refuse');
    await proxy.close();
    expect(proxy.links).toEqual([]);
  });

  test('ends with close, also of a reset that was about to be sent', async () => {
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

  test('ends with the block that it was made in', async () => {
    const { port } = await place.target();
    let address = { host: '', port: 0 };
    {
      await using proxy = await new FaultProxy({ target: { port } }).start();
      address = proxy.address;
    }
    expect((await place.dial(address)).told[0]).toBe('ECONNREFUSED');
  });

  test('begins once', async () => {
    const { proxy } = await place.linked();
    await expect(proxy.start()).rejects.toMatchObject({ code: 'ERR_FAULT_PROXY_STATE' });
    await proxy.close();
    await expect(proxy.start()).rejects.toMatchObject({ code: 'ERR_FAULT_PROXY_STATE' });
    await expect(proxy.answer('pass')).rejects.toMatchObject({ code: 'ERR_FAULT_PROXY_STATE' });
  });

  test('closed while it starts does not start', async () => {
    const proxy = new FaultProxy({ target: { port: 1 } });
    const starting = proxy.start();
    await proxy.close();
    await expect(starting).rejects.toMatchObject({ code: 'ERR_FAULT_PROXY_STATE' });
    expect(proxy.address).toBeUndefined();
  });

  test('cannot begin on a port that is in use, and says so', async () => {
    const { port } = await place.target();
    await expect(new FaultProxy({ target: { port }, port }).start()).rejects.toMatchObject({
      code: 'ERR_FAULT_PROXY_LISTEN',
      message: `cannot listen on 127.0.0.1:${port}: the port is in use: take port 0 for a free one`,
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
