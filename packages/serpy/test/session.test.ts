/** Sessions through the package serpy: with protocol auto, or if requested. */
import { MemoryNetwork } from 'serpy-core/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ConnectOptions, connect, type ListenOptions, listen } from '../src/index.js';

let network: MemoryNetwork;
const ended: (() => Promise<void>)[] = [];
beforeEach(() => {
  network = new MemoryNetwork();
  network.clock.runFreely();
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  network.clock.stop();
});

async function pair(client: Partial<ConnectOptions>, server: Partial<ListenOptions>) {
  const serving = await listen({ port: 5000, ...server } as ListenOptions, network);
  ended.push(() => serving.closeServer());
  const reconnect = { baseDelayMs: 1, maxDelayMs: 5 };
  const options = { port: 5000, autoRestart: true, reconnect, ...client } as ConnectOptions;
  const connection = await connect(options, {}, network);
  ended.push(() => connection.close());
  return { serving, connection, accepted: await serving.getConnection() };
}

test.each([
  ['auto', 'auto'],
  ['auto', 'v2'],
  ['v2', 'auto'],
  ['v2', 'v2'],
] as const)(
  '%s with %s: the same connections continue after the link broke, and nothing is lost',
  async (asks, answers) => {
    const { serving, connection, accepted } = await pair({ protocol: asks, session: 'prefer' }, { protocol: answers });
    const received: unknown[] = [];
    const reading = (async () => {
      for await (const data of accepted) received.push(data);
    })();
    let connections = 0;
    serving.on('connection', () => connections++);
    for (let n = 0; n < 100; n++) {
      await connection.sendData(`message ${n}`);
      if (n % 25 === 10) network.links[0]?.reset();
    }
    await connection.close({ reason: 'done' });
    await reading;
    expect(received).toEqual(Array.from({ length: 100 }, (_, n) => `message ${n}`));
    expect(connections).toBe(0);
    expect(connection.stats().reconnects).toBeGreaterThan(0);
    expect(accepted.closeInfo).toMatchObject({ clean: true, peerReason: 'done' });
  },
);

test('without a session a link that breaks ends the connection at the server', async () => {
  const { connection, accepted } = await pair({ protocol: 'v2', session: 'off' }, { protocol: 'v2' });
  await connection.sendData('text');
  expect(await accepted.getData()).toBe('text');
  network.links[0]?.reset();
  await expect(accepted.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  expect(accepted.closeInfo?.clean).toBeUndefined();
});

test('an auto client and a v1 server exchange messages as before', async () => {
  const { connection, accepted } = await pair({ protocol: 'auto' }, { protocol: 'v1' });
  await connection.sendData('text');
  expect((await accepted.getMessage()).text()).toBe('text');
});

test.each([
  ['v1', { protocol: 'v1' }, { protocol: 'v1' }, false],
  ['v1', { protocol: 'auto' }, { protocol: 'v1' }, false],
  ['v2', { protocol: 'v2', session: 'off' }, { protocol: 'v2' }, false],
  ['v2', { protocol: 'v2' }, { protocol: 'v2' }, true],
  ['v2', {}, {}, true],
  ['v2', { session: 'off' }, {}, false],
  ['v2', { protocol: 'auto' }, { protocol: 'v2', session: 'off' }, false],
  ['v2', { protocol: 'auto' }, { protocol: 'v2' }, true],
  ['v2', { protocol: 'v2', session: 'require' }, { protocol: 'auto' }, true],
] as const)(
  'peerProtocol is %s, and inSession tells whether there is a session (%j with %j)',
  async (peer, asks, answers, session) => {
    const { connection, accepted } = await pair(asks, answers);
    expect([connection.peerProtocol, connection.inSession]).toEqual([peer, session]);
    await connection.sendData('text');
    await accepted.getData();
    expect([accepted.peerProtocol, accepted.inSession]).toEqual([peer, session]);
    await connection.close();
    expect([connection.peerProtocol, connection.inSession]).toEqual([peer, false]);
  },
);

test('a server does not know the protocol of an auto client that has sent nothing', async () => {
  const { serving, connection } = await pair({ protocol: 'auto' }, { protocol: 'auto' });
  expect(connection.peerProtocol).toBe('v2');
  await network.dial({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, signal: new AbortController().signal });
  expect((await serving.getConnection()).peerProtocol).toBeUndefined();
});

test.each(['v2', 'auto'] as const)(
  'a server of %s that answers HELLO too late causes one warning, and the next link has a session',
  async (protocol) => {
    network.clock.stop();
    const slow = new MemoryNetwork({ linked: (link) => (link.index === 0 ? link.stall() : undefined) });
    const serving = await listen({ protocol, port: 5000 }, slow);
    const reconnect = { baseDelayMs: 0, minDelayMs: 1 };
    const connecting = connect(
      { protocol: 'v2', session: 'prefer', port: 5000, autoRestart: true, reconnect },
      {},
      slow,
    );
    await slow.clock.advance(500);
    const connection = await connecting;
    const warnings: Error[] = [];
    connection.on('warning', (error) => warnings.push(error));
    await connection.sendData('plain');
    await slow.clock.advance(300);
    slow.links[0]?.release();
    await slow.clock.advance(10);
    expect(warnings).toMatchObject([
      { code: 'ERR_SERPY_TIMEOUT', message: expect.stringMatching(/This link has no session.*sessionTimeoutMs/) },
    ]);
    expect([connection.inSession, connection.stats().badFrames]).toEqual([false, 0]);
    slow.links[0]?.reset();
    await slow.clock.advance(10);
    const codes = warnings.map((error) => (error as Error & { code: string }).code);
    // The second is of the message that was sent without a session, on the link that was reset.
    expect([connection.inSession, codes]).toEqual([true, ['ERR_SERPY_TIMEOUT', 'ERR_SERPY_LOST']]);
    connection.destroy();
    await slow.settled();
    void serving.closeServer();
    await slow.clock.advance(10_000);
  },
);
