/** Sessions between two peers in an in-memory network: started, interrupted and resumed. */
import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { Transport } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { type Connection, type ConnectionOptions, Server, type ServerOptions } from 'serpy-v2';
import { beforeEach, describe, expect, test } from 'vitest';
import { encodeHello, encodeWelcome } from '../../src/handshake/hello-welcome.js';
import { record, typeOf, uint64 } from '../reliable/wire.js';
import { stages } from '../session/stage.js';

const stage = stages();
/** A peer that ignores what it receives and sends nothing. */
const deaf = { received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} };
let network: MemoryNetwork;
let server: Server;
let client: Connection;

async function pair(options: ConnectionOptions = {}, serverOptions: Partial<ServerOptions> = {}) {
  network = stage().network;
  const made = await stage().pair(options, serverOptions);
  ({ server, client } = made);
  return made.accepted;
}

/** Resolves when the condition holds. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 10_000) throw new Error('the condition never came true');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('messages of all kinds go both ways', async () => {
  const accepted = await pair();
  const values = ['text', 42, 1.5, Buffer.from('bytes'), Buffer.alloc(10_000, 1), Buffer.alloc(1_000_000, 2), ''];
  for (const value of values) {
    await client.sendData(value);
    expect(isDeepStrictEqual(await accepted.getData(), value)).toBe(true); // `toEqual` takes seconds for a million bytes
    await accepted.sendData(value);
    expect(isDeepStrictEqual(await client.getData(), value)).toBe(true);
  }
});

describe('a server whose peer is disconnected', () => {
  /** A session whose server has sent a message that its disconnected client has not received. */
  async function deserted(): Promise<Connection> {
    const accepted = await pair();
    accepted.on('warning', (error) => warnings.push(error.code));
    await network.settled();
    network.links[0]?.toClient.stall();
    network.refuse(5000);
    expect(server.size).toBe(1);
    await accepted.sendData('not there yet');
    await network.settled();
    network.links[0]?.reset();
    await until(() => accepted.state === 'reconnecting');
    return accepted;
  }
  let warnings: string[] = [];
  beforeEach(() => {
    warnings = [];
  });

  test('does not count it as connected, and has its connection in the list', async () => {
    const accepted = await deserted();
    expect(server.size).toBe(0);
    expect(server.getConnectionsList()).toEqual([accepted]);
    network.restore(5000);
    expect(await client.getData()).toBe('not there yet');
    expect(server.size).toBe(1);
  });

  test('closes at once, and reports what the peer has not received', async () => {
    const accepted = await deserted();
    const beganMs = network.clock.now();
    await server.closeServer();
    expect(network.clock.now() - beganMs).toBeLessThan(100);
    expect(accepted.closeInfo).toMatchObject({ reason: 'local-close', unacknowledgedMessages: 1 });
    expect(warnings).toEqual(['ERR_SERPY_DELIVERY_UNKNOWN']);
  });

  test('waits for the peer if asked to, and accepts no new client meanwhile', async () => {
    await deserted();
    const closed = server.closeServer({ reason: 'done', waitForAway: true });
    network.restore(5000);
    const newClient = stage().client({ autoRestart: false, session: 'require' });
    await newClient.connect('127.0.0.1', 5000).catch(() => {});
    await until(() => newClient.state === 'closed');
    expect(await client.getData()).toBe('not there yet');
    await closed;
    expect(warnings).toEqual([]);
  });

  test('waits no longer than closeTimeoutMs', async () => {
    await deserted();
    const beganMs = network.clock.now();
    await server.closeServer({ waitForAway: true });
    expect(network.clock.now() - beganMs).toBe(5000);
  });

  test('ends the wait of a connection that was being closed', async () => {
    const accepted = await deserted();
    const closing = accepted.close();
    const beganMs = network.clock.now();
    await server.closeServer();
    await closing;
    expect(network.clock.now() - beganMs).toBeLessThan(100);
  });
});

describe('a program that switches reconnecting', () => {
  /** A session whose server answers nothing, so that sent messages stay in flight, and the end of its link. */
  async function interrupted(accepted: Connection) {
    await network.settled();
    network.links[0]?.toServer.stall();
    const sent = client.sendData('in flight', { acknowledge: 'received' });
    sent.catch(() => {});
    await network.settled();
    network.links[0]?.reset();
    return { sent, next: accepted.getData() };
  }

  test.each(['before connect', 'after connect', 'after a reconnect'])(
    'on goes on with its session: %s',
    async (when) => {
      network = stage().network;
      server = await stage().server();
      const seen: Connection[] = [];
      server.on('connection', (connection) => seen.push(connection));
      client = stage().client({ autoRestart: when === 'after a reconnect' });
      if (when === 'before connect') client.enableRestart();
      await client.connect('127.0.0.1', 5000);
      if (when === 'after a reconnect') {
        client.disableRestart();
        client.enableRestart();
        await network.settled();
        const again = once(client, 'reconnect');
        network.links[0]?.reset();
        await again;
      }
      if (when === 'after connect') client.enableRestart();
      const accepted = await server.getConnection();
      const { sent, next } = await interrupted(accepted);
      expect(await sent).toBe(true);
      expect(await next).toBe('in flight');
      expect(seen).toHaveLength(1);
    },
  );

  test.each(['before connect', 'after connect'])('off leaves no session behind: %s', async (when) => {
    network = stage().network;
    server = await stage().server();
    client = stage().client({ autoRestart: true });
    if (when === 'before connect') client.disableRestart();
    await client.connect('127.0.0.1', 5000);
    if (when === 'after connect') client.disableRestart();
    const accepted = await server.getConnection();
    await network.settled();
    const beganMs = network.clock.now();
    const closed = once(accepted, 'close');
    network.links[0]?.reset();
    await closed;
    expect(network.clock.now() - beganMs).toBeLessThan(1000);
  });
});

describe('the count of attempts to connect', () => {
  async function attempts(eachLink: (n: number) => Promise<unknown>): Promise<number[]> {
    const counted: number[] = [];
    client.on('reconnecting', ({ attempt }) => counted.push(attempt));
    for (let n = 0; n < 5 && client.state !== 'closed'; n++) {
      await eachLink(n);
      const next = Promise.race([once(client, 'reconnect'), once(client, 'close')]);
      network.links[0]?.reset();
      await next;
      await network.settled();
    }
    return counted;
  }
  const reconnect = { maxAttempts: 3, resetAfterMs: 1_000_000 };

  test('starts anew after the peer has acknowledged a message', async () => {
    await pair({ reconnect });
    expect(await attempts((n) => client.sendData(n, { acknowledge: 'received' }))).toEqual([1, 1, 1, 1, 1]);
  });

  test('continues the count if nothing new was acknowledged', async () => {
    await pair({ reconnect });
    await client.sendData('first', { acknowledge: 'received' });
    expect(await attempts(async () => {})).toEqual([1, 2, 3]);
    expect(client.closeInfo?.reason).toBe('retries-exhausted');
  });

  test('starts anew after a message has arrived', async () => {
    const accepted = await pair({ reconnect });
    const each = async (n: number) => {
      await accepted.sendData(n);
      return client.getData();
    };
    expect(await attempts(each)).toEqual([1, 1, 1, 1, 1]);
  });
});

test.each(['received', 'consumed'] as const)('sendData waits until the message is %s', async (acknowledge) => {
  const accepted = await pair();
  const sent = client.sendData('text', { acknowledge });
  expect(await accepted.getData()).toBe('text');
  expect(await sent).toBe(true);
});

test('the same connections of both ends resume after a broken link', async () => {
  const accepted = await pair({ reconnect: { baseDelayMs: 1 } });
  let seen = 0;
  server.on('connection', () => seen++);
  const received: unknown[] = [];
  const reading = (async () => {
    for await (const data of accepted) received.push(data);
  })();
  for (let n = 0; n < 200; n++) {
    await client.sendData(n);
    if (n % 20 === 10) network.links[0]?.reset();
  }
  await client.close();
  await reading;
  expect(received).toEqual(Array.from({ length: 200 }, (_, n) => n));
  expect(seen).toBe(0);
  expect(accepted.closeInfo).toMatchObject({ clean: true });
});

test('a disconnected peer takes no place from others, and one that reconnects finds its own', async () => {
  network = stage().network;
  server = await stage().server({ maxConnections: 2 });
  const reconnect = { baseDelayMs: 1, maxDelayMs: 5 };
  const away = stage().client();
  await away.connect('127.0.0.1', 5000);
  const first = await server.getConnection();
  away.destroy(); // without a close
  client = stage().client({ reconnect });
  await client.connect('127.0.0.1', 5000);
  const second = await server.getConnection();
  expect(server.getConnectionsList()).toHaveLength(2);
  network.links.at(-1)?.reset(); // both are away now, and the server is full
  await client.sendData('back', { acknowledge: 'received' });
  expect(await second.getData()).toBe('back');
  expect(first.state).toBe('reconnecting');
  const third = stage().client({ autoRestart: false });
  await third.connect('127.0.0.1', 5000);
  expect(await server.getConnection()).toBeDefined();
  expect(server.size).toBe(2);
  expect(first.closeInfo).toMatchObject({ error: { message: expect.stringContaining('maxConnections') } });
  third.destroy();
});

test('messages whose fate is not known are no bad frames', async () => {
  const accepted = await pair({ reconnect: { baseDelayMs: 1, minDelayMs: 0 } });
  network.links[0]?.stall();
  await client.sendData('on its way');
  const warned = once(client, 'warning');
  await server.close();
  accepted.destroy();
  await stage().server();
  network.links[0]?.reset();
  expect(await warned).toMatchObject([{ code: 'ERR_SERPY_DELIVERY_UNKNOWN' }]);
  expect(client.stats().badFrames).toBe(0);
});

test.each([
  ['a'.repeat(2000), 'a'.repeat(1024)],
  [`a${'é'.repeat(600)}`, `a${'é'.repeat(511)}`],
  [`ab${'€'.repeat(400)}`, `ab${'€'.repeat(340)}`],
  [`abc${'🔬'.repeat(300)}`, `abc${'🔬'.repeat(255)}`],
  ['🔬'.repeat(256), '🔬'.repeat(256)],
])('a reason of more than 1,024 bytes is cut between two characters', async (reason, reported) => {
  const accepted = await pair();
  await client.close({ reason });
  await until(() => accepted.state === 'closed');
  expect(accepted.closeInfo?.peerReason).toBe(reported);
});

test('the reason of the first close() counts, and closeServer() gives one to each peer', async () => {
  let accepted = await pair();
  const sent = client.sendData('to be taken', { acknowledge: 'consumed' });
  const closed = [client.close({ reason: 'measured' }), client.close(), client.close({ reason: 'once more' })];
  expect(await accepted.getData()).toBe('to be taken'); // until then they wait
  expect(await sent).toBe(true);
  await Promise.all(closed);
  await until(() => accepted.state === 'closed');
  expect(accepted.closeInfo).toMatchObject({ clean: true, peerReason: 'measured' });
  client = await stage().client({ autoRestart: false }).connect('127.0.0.1', 5000);
  accepted = await server.getConnection();
  await server.closeServer({ reason: 'the shutter is stuck' });
  await until(() => client.state === 'closed');
  expect(client.closeInfo).toMatchObject({ clean: true, peerReason: 'the shutter is stuck' });
});

test('a close() that has waited for too long sends no close frame in the middle of a message', async () => {
  const accepted = await pair(
    { closeTimeoutMs: 50, replayQueue: { maxBytes: 500_000 } },
    { resumeWindowMs: 0, receiveQueue: { maxBytes: 500_000 } },
  );
  network.links[0]?.toClient.stall(); // nothing is acknowledged, and nothing more of it kept
  await client.sendData(Buffer.alloc(3_000_000));
  await client.close({ reason: 'done' });
  await until(() => accepted.state === 'closed');
  expect(accepted.closeInfo).toMatchObject({ clean: false, peerReason: undefined });
  expect(accepted.isDataAvailable()).toBe(false);
});

test.each([
  ['in a session', 'prefer', undefined, 0],
  ['in a session', 'prefer', 2000, 2000],
  ['in a session', 'prefer', 0, 0],
  ['without one', 'off', undefined, 500],
  ['without one', 'off', 2000, 2000],
  ['without one', 'off', 0, 0],
] as const)(
  '%s (handshake: %j), with minDelayMs %j, a client waits %d ms before it connects again',
  async (_, handshake, minDelayMs, delayMs) => {
    await pair({ session: handshake, reconnect: { minDelayMs, baseDelayMs: 0 } });
    const reconnecting = once(client, 'reconnecting');
    network.links[0]?.reset();
    expect(await reconnecting).toMatchObject([{ attempt: 1, delayMs }]);
  },
);

describe("connect with session: 'require' says why it failed, and what to do", () => {
  const refusal = async () => {
    network = stage().network;
    const failure = stage().client({ session: 'require' }).connect('127.0.0.1', 5000);
    return (await failure.catch((error) => error)) as { code: unknown; message: string; cause: { message: string } };
  };

  test('where the server has no sessions', async () => {
    await stage().server({ session: 'off' });
    const { code, message, cause } = await refusal();
    expect({ code, cause }).toMatchObject({ code: 'ERR_SERPY_CONNECT', cause: { code: 'ERR_SERPY_PROTOCOL' } });
    expect(message).toBe(`cannot connect to 127.0.0.1:5000: ${cause.message}`);
    expect(message).toMatch(/does not answer the handshake.*Use session: 'prefer' to talk to it without a session$/);
  });

  test('where the server says nothing at all', async () => {
    const accept = (transport: Transport) => transport.start(deaf);
    await stage().network.listen({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, accept, failed: () => {} });
    expect((await refusal()).message).toContain('does not answer the handshake');
  });

  test('where the server refuses', async () => {
    const accept = (transport: Transport) => {
      transport.start(deaf);
      const outcome = { kind: 'refused', reason: 'use the same version of serpy at both ends' } as const;
      const parameters = {
        instance: Buffer.alloc(16),
        maxMessageBytes: 1,
        pingIntervalMs: 1,
        limit: 1,
        encrypted: false,
      };
      transport.write(encodeWelcome({ ...parameters, result: outcome }));
      transport.flush();
    };
    await stage().network.listen({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, accept, failed: () => {} });
    expect((await refusal()).message).toBe(
      'cannot connect to 127.0.0.1:5000: the server refused the handshake: use the same version of serpy at both ends',
    );
  });

  test('where the server disconnects', async () => {
    const accept = (transport: Transport) => transport.end();
    await stage().network.listen({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, accept, failed: () => {} });
    const { code, message } = await refusal();
    expect(code).toBe('ERR_SERPY_CONNECT');
    expect(message).toMatch(
      /^cannot connect to 127\.0\.0\.1:5000: connected, but the server closed the connection immediately\. .*maxConnections.*keys.*port/,
    );
  });
});

test('of many PINGs that come at once only the last is answered', async () => {
  const network = new MemoryNetwork();
  const server = await new Server({ port: 5000 }, network).start();
  const parameters = {
    instance: Buffer.alloc(16),
    maxMessageBytes: 1000,
    pingIntervalMs: 0,
    limit: 1_000_000,
    encrypted: false,
  };
  const peer = await network.dial({
    host: '127.0.0.1',
    port: 5000,
    keepAliveMs: 0,
    signal: new AbortController().signal,
  });
  const chunks: Buffer[] = [];
  peer.start({ ...deaf, received: (chunk) => chunks.push(Buffer.from(chunk)) });
  peer.write(encodeHello({ ...parameters, resumableMs: 0, resume: undefined }));
  peer.flush();
  await network.settled();
  chunks.length = 0;
  peer.write(Buffer.concat(Array.from({ length: 1000 }, (_, n) => record(typeOf.ping, uint64(n + 1)))));
  peer.flush();
  await network.settled();
  const answers = Buffer.concat(chunks);
  expect(answers.subarray(-20).equals(record(typeOf.pong, uint64(1000)))).toBe(true);
  expect(answers.length).toBeLessThan(20 * 100);
  peer.destroy();
  await server.closeServer();
});
