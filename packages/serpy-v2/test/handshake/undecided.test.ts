/** A link of which it is not yet known whether an old session comes back on it. */
import { MemoryNetwork } from 'serpy-core/testing';
import { Connection, Server } from 'serpy-v2';
import { expect, onTestFinished, test } from 'vitest';

test('a warning of its first bytes waits until the program has been given the connection, and can listen', async () => {
  const network = new MemoryNetwork();
  network.clock.runFreely();
  const server = await new Server({ port: 5000 }, network).start();
  const client = new Connection({ handshake: 'prefer' }, network);
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
  const told = new Promise<void>((resolve) => {
    server.on('connection', (connection) => {
      connection.on('warning', ({ code }) => {
        warnings.push(code);
        resolve();
      });
    });
  });
  const { signal } = new AbortController();
  const peer = await network.dial({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, signal });
  peer.start({ received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} });
  peer.write(Buffer.from('decafecafe81070000000100000001', 'hex'));
  peer.flush();
  await told;
  await new Promise(setImmediate);
  expect(warnings).toEqual(['ERR_SERPY_CHECKSUM']);
  expect(toProcess).toEqual([]);
  peer.destroy();
});

type ServerOptions = Partial<ConstructorParameters<typeof Server>[0]>;

/** A raw peer that asks for a session, in the words of `client`, and says nothing more. */
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
    { handshake: 'require', autoRestart: true },
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

test('a client that asks for a session and does not go on with it is hung up on after handshakeTimeoutMs', async () => {
  const { network, clock, server, hello } = await servingSessions({ handshakeTimeoutMs: 2_000 });
  const peer = await asking(network, hello);
  await clock.advance(1_999);
  expect(peer.over).toBe(false);
  await clock.advance(1);
  expect(peer.over).toBe(true);
  expect(server.size).toBe(1);
});

test('a client that does not ask where a session is required is hung up on after handshakeTimeoutMs', async () => {
  const { network, clock, server } = await servingSessions({ handshake: 'require' });
  const peer = await asking(network, Buffer.alloc(0));
  await clock.advance(4_999);
  expect(peer.over).toBe(false);
  await clock.advance(1);
  expect([peer.over, server.size]).toEqual([true, 1]);
});

test('of those that ask and hang up no more are remembered than there may be connections, and the honest client does not notice', async () => {
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
