/** `waitForServer`: the first connection is tried again, as later ones are. */
import { ConnectError, Connection, type ConnectionOptions, connectionOptions, parseOptions, Server } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { mayAppear } from '../../src/connection/server-wait.js';
import { AuthenticationError, ProtocolError, TimeoutError } from '../../src/errors.js';
import { type Lines, lineProtocol, serverSettings } from '../line-protocol.js';

const port = 5000;
const reconnect = { minDelayMs: 0, baseDelayMs: 100, maxDelayMs: 400 };

function setUp(options: ConnectionOptions) {
  const network = new MemoryNetwork();
  const make = (more: ConnectionOptions = {}) =>
    new Connection<Lines>(
      lineProtocol([], 0),
      parseOptions(connectionOptions, { reconnect, ...options, ...more }),
      network,
    );
  const connection = make();
  const events: string[] = [];
  connection.on('reconnecting', ({ attempt }) => events.push(`attempt ${attempt}`));
  connection.on('connect', () => events.push('connect'));
  connection.on('reconnect', () => events.push('reconnect'));
  connection.on('warning', ({ message }) => events.push(message));
  const listen = () =>
    new Server<Lines, Connection<Lines>>(serverSettings({ port, keepAliveMs: 0 }), () => make(), network).start();
  return { network, connection, events, listen };
}

/** The settled promise as a text. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => error,
  );
}

describe('a connection that waits for its server', () => {
  test('connects when the server appears, and emits the events of a series of attempts', async () => {
    const { network, connection, events, listen } = setUp({ waitForServer: true });
    const connected = connection.connect('127.0.0.1', port);
    await network.clock.advance(1000);
    expect(connection.state).toBe('connecting');
    const sent = connection.sendData('kept');
    const server = await listen();
    await network.clock.advance(1000);
    await connected;
    expect(await sent).toBe(true);
    expect(events[0]).toBe('attempt 1');
    expect(
      events.filter((each) => each.startsWith('no server at 127.0.0.1:5000 yet: nothing listens there')),
    ).toHaveLength(1);
    expect(events.at(-1)).toBe('connect');
    expect(await (await server.getConnection()).getData()).toBe('kept');
    await Promise.all([connection.close(), server.closeServer()]);
  });

  test('reconnects afterwards only if an option says so', async () => {
    const { network, connection, events, listen } = setUp({ waitForServer: true, autoRestart: true });
    const connected = connection.connect('127.0.0.1', port);
    await network.clock.advance(500);
    const server = await listen();
    await network.clock.advance(1000);
    await connected;
    network.links[0]?.reset();
    await network.clock.advance(1000);
    expect(events.at(-1)).toBe('reconnect');
    connection.destroy();
    await server.closeServer();
  });

  test('rejects after its time, with the last error as the cause, and may be called again', async () => {
    const { network, connection } = setUp({ waitForServer: 900 });
    const failed = outcome(connection.connect('127.0.0.1', port));
    await network.clock.advance(899);
    expect(connection.state).toBe('connecting');
    await network.clock.advance(1);
    const error = (await failed) as ConnectError;
    expect(error).toMatchObject({ code: 'ERR_SERPY_CONNECT', cause: { code: 'ERR_SERPY_CONNECT' } });
    expect(error.message).toContain(
      'no server at 127.0.0.1:5000 within 900 ms (waitForServer). Last error: cannot connect',
    );
    expect(connection.state).toBe('idle');
    const again = outcome(connection.connect('127.0.0.1', port));
    await network.clock.advance(900);
    expect(await again).toMatchObject({ code: 'ERR_SERPY_CONNECT' });
    expect(network.clock.pending).toBe(0);
  });

  test.each([
    ['timeoutMs', { timeoutMs: 500 }, 'ERR_SERPY_TIMEOUT'],
    ['a signal', { signal: AbortSignal.abort() }, 'ERR_SERPY_ABORTED'],
  ] as const)('stops at %s of the call', async (_, wait, code) => {
    const { network, connection, events } = setUp({ waitForServer: true });
    const failed = outcome(connection.connect('127.0.0.1', port, wait));
    await network.clock.advance(500);
    expect(await failed).toMatchObject({ code });
    const count = events.length;
    await network.clock.advance(10_000);
    expect(events).toHaveLength(count);
    expect([connection.state, network.clock.pending]).toEqual(['idle', 0]);
  });

  test.each(['close', 'destroy'] as const)('ends with %s', async (how) => {
    const { network, connection } = setUp({ waitForServer: 60_000 });
    const failed = outcome(connection.connect('127.0.0.1', port));
    await network.clock.advance(500);
    await connection[how]();
    expect(await failed).toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    expect([connection.state, network.clock.pending]).toEqual(['closed', 0]);
  });

  test('gives up after reconnect.maxAttempts', async () => {
    const { network, connection } = setUp({ waitForServer: true, reconnect: { ...reconnect, maxAttempts: 2 } });
    const failed = outcome(connection.connect('127.0.0.1', port));
    await network.clock.advance(5000);
    expect(await failed).toMatchObject({ code: 'ERR_SERPY_CONNECT', message: expect.stringContaining('maxAttempts') });
    expect(connection.state).toBe('idle');
  });

  test('tries again if the server closes at once', async () => {
    const { network, connection, events, listen } = setUp({ waitForServer: true });
    const bad = await network.listen({
      host: '127.0.0.1',
      port,
      keepAliveMs: 0,
      accept: (transport) => transport.destroy(),
      failed: () => {},
    });
    const connected = outcome(connection.connect('127.0.0.1', port));
    await network.clock.advance(300);
    await bad.close();
    const server = await listen();
    await network.clock.advance(2000);
    expect(await connected).toBe('resolved');
    expect(events.at(-1)).toBe('connect');
    connection.destroy();
    await server.closeServer();
  });
});

test('without the option the first failure rejects at once', async () => {
  const { connection, events } = setUp({});
  expect(await outcome(connection.connect('127.0.0.1', port))).toMatchObject({ code: 'ERR_SERPY_CONNECT' });
  expect(events).toEqual([]);
});

test.each([
  [new ConnectError('refused'), true],
  [new ConnectError('x', { cause: Object.assign(new Error('x'), { code: 'ENOTFOUND' }) }), true],
  [new ConnectError('x', { cause: new TimeoutError('x') }), true],
  [new ConnectError('x', { cause: new ProtocolError('a web server') }), false],
  [new ConnectError('x', { cause: Object.assign(new Error('x'), { code: 'EADDRNOTAVAIL' }) }), false],
  [new AuthenticationError('wrong key'), false],
  [new Error('a bug'), false],
])('%s: whether a later attempt may succeed is %s', (error, is) => {
  expect(mayAppear(error)).toBe(is);
});
