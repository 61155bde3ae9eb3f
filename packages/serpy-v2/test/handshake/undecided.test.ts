/** A link that may still resume an old session. */
import { MemoryNetwork } from 'serpy-core/testing';
import { Connection, Server } from 'serpy-v2';
import { describe, expect, onTestFinished, test } from 'vitest';

async function listenToAll(server: Server, listenTo: (connection: Connection) => void) {
  for await (const connection of server) listenTo(connection);
}

test.each(['event', 'getConnection', 'for await'])(
  'a warning of its first bytes waits until the program has been given the connection, by %s, and can listen',
  async (how) => {
    const network = new MemoryNetwork();
    network.clock.runFreely();
    const server = await new Server({ port: 5000 }, network).start();
    const client = new Connection({ session: 'prefer' }, network);
    onTestFinished(async () => {
      client.destroy();
      await server.closeServer();
      network.clock.stop();
    });
    const toProcess: Error[] = [];
    const note = (warning: Error) => toProcess.push(warning);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    await client.connect('127.0.0.1', 5000); // from now on there is a session that could come back
    await server.getConnection();

    const warnings: unknown[] = [];
    const warned = new Promise<void>((resolve) => {
      const listenTo = (connection: Connection) => {
        connection.on('warning', ({ code }) => {
          warnings.push(code);
          resolve();
        });
      };
      if (how === 'event') server.on('connection', listenTo);
      else if (how === 'getConnection') void server.getConnection().then(listenTo);
      else void listenToAll(server, listenTo);
    });
    const { signal } = new AbortController();
    const peer = await network.dial({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, signal });
    peer.start({ received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} });
    peer.write(Buffer.from('decafecafe81070000000100000001', 'hex'));
    peer.flush();
    await warned;
    await new Promise(setImmediate);
    expect(warnings).toEqual(['ERR_SERPY_CHECKSUM']);
    expect(toProcess).toEqual([]);
    peer.destroy();
  },
);

type ServerOptions = Partial<ConstructorParameters<typeof Server>[0]>;

/** A raw peer that sends the HELLO of `client` and nothing more. */
async function asking(network: MemoryNetwork, hello: Buffer) {
  const { signal } = new AbortController();
  const peer = await network.dial({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, signal });
  const state = { over: false, leave: () => peer.destroy() };
  peer.start({
    received: () => {},
    drained: () => {},
    ended: () => peer.destroy(),
    closed: () => {
      state.over = true;
    },
  });
  peer.write(hello);
  await network.settled();
  return state;
}

async function servingSessions(options: ServerOptions = {}) {
  const network = new MemoryNetwork();
  const hellos: Buffer[] = [];
  const server = await new Server({ port: 5000, ...options }, network).start();
  const drops: string[] = [];
  server.on('drop', ({ reason }) => drops.push(reason));
  const { clock, random, randomBytes, listen } = network;
  const client = new Connection(
    { session: 'require', autoRestart: true },
    {
      clock,
      random,
      randomBytes,
      listen,
      dial: async (given) => {
        const transport = await network.dial(given);
        const write = transport.write.bind(transport);
        transport.write = (piece) => {
          hellos.push(Buffer.from(piece));
          write(piece);
        };
        return transport;
      },
    },
  );
  await client.connect('127.0.0.1', 5000);
  client.on('warning', () => {});
  await server.getConnection();
  onTestFinished(async () => {
    client.destroy();
    await server.closeServer();
    await clock.advance(200_000);
    expect([clock.pending, network.links]).toEqual([0, []]);
  });
  return { network, clock, server, client, drops, hello: hellos[0] as Buffer };
}

test('a client that requests a session and does not confirm it is disconnected after authTimeoutMs', async () => {
  const { network, clock, server, hello } = await servingSessions({ authTimeoutMs: 2_000 });
  const peer = await asking(network, hello);
  await clock.advance(1_999);
  expect(peer.over).toBe(false);
  await clock.advance(1);
  expect(peer.over).toBe(true);
  expect(server.size).toBe(1);
});

test('a client that sends no HELLO where a session is required is disconnected after authTimeoutMs', async () => {
  const { network, clock, server } = await servingSessions({ session: 'require' });
  const peer = await asking(network, Buffer.alloc(0));
  await clock.advance(4_999);
  expect(peer.over).toBe(false);
  await clock.advance(1);
  expect([peer.over, server.size]).toEqual([true, 1]);
});

test('of clients that request a session and disconnect, at most maxConnections are remembered, and a valid client is not affected', async () => {
  const { network, clock, server, client, hello, drops } = await servingSessions({ maxConnections: 5 });
  const timers = clock.pending;
  for (let n = 0; n < 100; n++) (await asking(network, hello)).leave();
  await network.settled();
  expect(clock.pending - timers).toBeLessThanOrEqual(5); // one for each whose return is waited for
  expect(drops).toEqual([]);
  network.links[0]?.reset();
  await clock.advance(5_000);
  await client.sendData('back');
  await network.settled();
  const [accepted] = server.getConnectionsList();
  expect(await accepted?.getData()).toBe('back');
});

describe('a server that requires a handshake', () => {
  const plain = Buffer.from('decafecafe810000000000000000', 'hex');
  const damaged = Buffer.from('decafecafe81070000000100000001', 'hex');
  test.each<[string, Buffer, 'stays' | 'ends' | 'breaks', string]>([
    ['says nothing and ends', Buffer.alloc(0), 'ends', ''],
    ['says nothing and breaks off', Buffer.alloc(0), 'breaks', ''],
    ['says nothing and stays', Buffer.alloc(0), 'stays', 'did not send HELLO within authTimeoutMs'],
    ['sends a message without a session', plain, 'stays', 'sent a message without a handshake'],
    ['speaks HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n'), 'stays', 'it looks like a web browser'],
    ['sends a damaged message and ends', damaged, 'ends', 'arrived damaged'],
    ['floods it with damaged messages', Buffer.alloc(15_000, damaged), 'stays', '256 more damaged messages'],
  ])('gives its program no connection of a peer that %s, and warns why', async (_, says, then, why) => {
    const network = new MemoryNetwork();
    const server = await new Server({ port: 5000, session: 'require' }, network).start();
    const connections: unknown[] = [];
    const warnings: string[] = [];
    const toProcess: Error[] = [];
    const note = (warning: Error) => toProcess.push(warning);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    server.on('connection', (connection) => connections.push(connection));
    server.on('warning', ({ message }) => warnings.push(message));
    const { signal } = new AbortController();
    const peer = await network.dial({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, signal });
    peer.start({ received: () => {}, drained: () => {}, ended: () => peer.end(), closed: () => {} });
    peer.write(says);
    peer.flush();
    if (then === 'ends') peer.end();
    if (then === 'breaks') peer.destroy();
    await network.settled();
    await network.clock.advance(6000);
    await network.settled();
    await new Promise(setImmediate);
    expect([connections, server.size, toProcess]).toEqual([[], 0, []]);
    expect(warnings).toEqual(why ? [expect.stringContaining(why)] : []);
    peer.destroy();
    await server.closeServer();
  });
});

test('a server without listeners warns once of rejected clients', async () => {
  const network = new MemoryNetwork();
  const server = await new Server({ port: 5000, session: 'require' }, network).start();
  server.on('connection', (connection) => connection.on('warning', () => {}));
  const toProcess: Error[] = [];
  const note = (warning: Error) => toProcess.push(warning);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  for (let n = 0; n < 20; n++) {
    const { signal } = new AbortController();
    const peer = await network.dial({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, signal });
    peer.start({ received: () => {}, drained: () => {}, ended: () => peer.end(), closed: () => {} });
    peer.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    peer.flush();
    await network.settled();
  }
  await new Promise(setImmediate);
  expect(toProcess).toHaveLength(1);
  await server.closeServer();
});

test('a server gives its program the connection of a client that requests a session once the session exists, from the first client on', async () => {
  const network = new MemoryNetwork();
  network.clock.runFreely();
  const server = await new Server({ port: 5000 }, network).start();
  const inSession: boolean[] = [];
  server.on('connection', (connection) => inSession.push(connection.inSession));
  const clients: Connection[] = [];
  for (let n = 0; n < 20; n++) {
    clients.push(await new Connection({ session: 'prefer' }, network).connect('127.0.0.1', 5000));
    await server.getConnection();
  }
  expect(inSession).toEqual(Array.from({ length: 20 }, () => true));
  for (const client of clients) client.destroy();
  await server.closeServer();
  network.clock.stop();
});

test('a client without a session is announced within 100 ms, while its large first message arrives', async () => {
  const network = new MemoryNetwork();
  network.clock.runFreely();
  const server = await new Server({ port: 5000 }, network).start();
  onTestFinished(async () => {
    await server.closeServer();
    network.clock.stop();
  });
  const { signal } = new AbortController();
  const peer = await network.dial({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, signal });
  onTestFinished(() => peer.destroy());
  peer.start({ received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} });
  const startMs = network.clock.now();
  peer.write(Buffer.from('decafecafe810000000040420f00', 'hex')); // the header of a message of 1,000,000 bytes
  peer.write(Buffer.alloc(1000));
  peer.flush();
  const connection = await server.getConnection();
  expect(network.clock.now() - startMs).toBeLessThanOrEqual(101);
  expect(connection.isDataAvailable()).toBe(false);
  connection.on('warning', () => {});
});
