/** What a program gets that names nothing but a port. */
import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { MemoryNetwork } from 'serpy-core/testing';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { afterEach, describe, expect, test } from 'vitest';
import { connect, generateKey, listen, parseUrl } from '../src/index.js';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

function networkOf(): MemoryNetwork {
  const network = new MemoryNetwork();
  network.clock.runFreely();
  ended.push(() => network.clock.stop());
  return network;
}

test('a port is a complete program: a session that survives a broken connection', async () => {
  const network = networkOf();
  const server = await listen({ port: 5000 }, network);
  const connection = await connect({ port: 5000, reconnect: { baseDelayMs: 1 } }, {}, network);
  ended.push(
    () => server.closeServer(),
    () => connection.close(),
  );
  expect([connection.protocol, connection.peerProtocol, connection.inSession]).toEqual(['auto', 'v2', true]);
  const accepted = await server.getConnection();
  network.links[0]?.reset();
  expect(await connection.sendData('after the break', { acknowledge: true })).toBe(true);
  expect(await accepted.getData()).toBe('after the break');
});

test.each(['v1', 'v2'] as const)('the server may be started later, over %s', async (protocol) => {
  const network = networkOf();
  const warnings: string[] = [];
  const connecting = connect(
    { protocol, port: 5000 } as { protocol: 'v1'; port: number },
    { prepare: (each) => void each.on('warning', ({ message }) => warnings.push(message)) },
    network,
  );
  await network.settled();
  const server = await listen({ protocol, port: 5000 } as unknown as { port: number }, network);
  const connection = await connecting;
  ended.push(
    () => server.closeServer(),
    () => connection.close(),
  );
  expect(warnings).toEqual([expect.stringContaining('no server at 127.0.0.1:5000 yet: nothing listens there')]);
});

test.each([[{ waitForServer: false }], [{ autoRestart: false }]])('%j: the first failure rejects', async (options) => {
  await expect(connect({ port: 5000, ...options }, {}, networkOf())).rejects.toMatchObject({
    code: 'ERR_SERPY_CONNECT',
  });
});

test('a URL has the same defaults, and takes the option', () => {
  expect(parseUrl('serpy://127.0.0.1:5000?waitForServer=5000')).toMatchObject({
    protocol: 'auto',
    waitForServer: 5000,
  });
});

test('prepare must be a function', async () => {
  await expect(connect({ port: 5000 }, { prepare: 5 as never }, networkOf())).rejects.toMatchObject({
    code: 'ERR_SERPY_OPTION',
  });
});

/** A relay that logs who sends: one entry for each change of the direction. */
async function relay(port: number) {
  const flights: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const far = connectSocket(port, '127.0.0.1');
    sockets.push(client, far);
    const pass = (name: string, from: Socket, to: Socket) => {
      from.on('error', () => to.destroy());
      from.on('data', (chunk) => {
        if (flights.at(-1) !== name) flights.push(name);
        to.write(chunk);
      });
      from.on('end', () => to.end());
    };
    pass('client', client, far);
    pass('server', far, client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ended.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { flights, port: (server.address() as AddressInfo).port };
}

describe('two ends of serpy for Node', () => {
  test.each([
    ['auto', {}, {}],
    ['v2', {}, {}],
    ['v1', {}, {}],
    ['auto, and the client without sessions', { session: 'off' }, {}],
    ['auto, and the server without sessions', {}, { session: 'off' }],
    ['auto, and the server requires sessions', {}, { session: 'require' }],
    ['auto with a key', { key }, { key }],
  ] as const)('agree in one round trip: a server of %s', async (name, asks, answers) => {
    const protocol = name === 'v1' || name === 'v2' ? name : 'auto';
    const server = await listen({ protocol, port: 0, ...answers } as unknown as { port: number });
    ended.push(() => server.closeServer());
    const between = await relay(server.address.port);
    const connection = await connect({ port: between.port, ...asks });
    ended.push(() => connection.close());
    const { flights } = between;
    // TLS has a round trip of its own.
    expect(flights.filter((each) => each === 'server')).toHaveLength('key' in asks ? 2 : 1);
    const accepted = server.getConnection();
    await connection.sendData('hello');
    expect(String(await (await accepted).getData())).toBe('hello');
    await (await accepted).sendData('and back');
    expect(String(await connection.getData())).toBe('and back');
    expect(connection.stats().badFrames + (await accepted).stats().badFrames).toBe(0);
  });

  test('remember each other: the next connection sends no probe', async () => {
    const server = await listen({ port: 0 });
    ended.push(() => server.closeServer());
    const between = await relay(server.address.port);
    for (let n = 0; n < 2; n++) {
      const connection = await connect({ port: between.port });
      expect(connection.inSession).toBe(true);
      await connection.close();
    }
    expect(between.flights.filter((each) => each === 'server').length).toBeGreaterThan(0);
  });
});

const key = generateKey();

/** A Python v2 server: silent, and it drops what it cannot read. */
async function silentServer() {
  const heard: Buffer[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => heard.push(chunk));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ended.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    heard: () => Buffer.concat(heard.splice(0)).toString('latin1'),
  };
}
const probe = '\x01SETMODE0\x1f\x1f\x1f\x1f\x1f';

describe('what a client has detected about a server', () => {
  test('saves the next connection the probe and the HELLO, once the server was silent long enough', async () => {
    const { port, heard } = await silentServer();
    const options = { port, modeChangeTimeoutMs: 600, autoRestart: false };
    const first = await connect(options);
    ended.push(() => first.destroy());
    expect(first.describe()).toContain('v2, no session');
    expect(heard().startsWith(probe)).toBe(true);
    await expect
      .poll(
        async () => {
          const next = await connect(options);
          await next.sendData('x');
          await next.close();
          return heard();
        },
        { timeout: 10_000, interval: 200 },
      )
      .toMatch(/^\xde\xca\xfe\xca\xfe\x21/);
  });

  test('is forgotten when another program answers there', async () => {
    const network = networkOf();
    const old = await new v2.Server({ port: 5000, session: 'off' }, network).start();
    const first = await connect({ port: 5000, autoRestart: false }, {}, network);
    expect(first.peerProtocol).toBe('v2');
    const accepted = await old.getConnection();
    await accepted.sendData('confirmed');
    await first.getData();
    await first.close();
    await old.closeServer();
    const replaced = await new v1.Server({ port: 5000 }, network).start();
    ended.push(() => replaced.closeServer());
    replaced.on('connection', (each) => void each.sendData('I speak first').catch(() => {}));
    replaced.on('warning', () => {});
    const second = await connect(
      { port: 5000, reconnect: { baseDelayMs: 1 } },
      { prepare: (each) => void each.on('warning', () => {}) },
      network,
    );
    ended.push(() => second.destroy());
    await expect.poll(() => second.peerProtocol).toBe('v1');
  });
});

describe('describe', () => {
  const queued = 'sendData resolves when the message is queued';
  test.each([
    [
      'auto',
      {},
      "v2, session, not encrypted, acknowledge: 'received' or 'consumed'",
      'it arrives once while both programs run',
    ],
    ['v2', {}, "v2, session, not encrypted, acknowledge: 'received' or 'consumed'", 'it arrives once'],
    [
      'v2',
      { session: 'off' },
      'v2, no session, not encrypted, no acknowledgements',
      'it is lost if the connection breaks',
    ],
    ['v1', {}, "v1, no session, not encrypted, acknowledge: 'received'", 'it is lost if the connection breaks'],
    ['auto', { key }, "v2, session, encrypted, acknowledge: 'received' or 'consumed'", 'it arrives once'],
  ] as const)('says what %s with %j agreed', async (protocol, more, facts, means) => {
    const server = await listen({ protocol, port: 0, ...more } as unknown as { port: number });
    const connection = await connect({ protocol, port: server.address.port, ...more } as unknown as { port: number });
    ended.push(
      () => server.closeServer(),
      () => connection.close(),
    );
    expect(connection.describe()).toBe(
      `${facts}; ${queued}, and ${means}${means === 'it arrives once' ? ' while both programs run' : means.startsWith('it is lost') ? ' before it arrives' : ''}`,
    );
    expect(connection.describe()).not.toContain('\n');
    if (protocol !== 'auto') return;
    await connection.sendData('x');
    expect((await server.getConnection()).describe()).toBe(connection.describe());
  });

  test('says so while there is no connection', async () => {
    const network = networkOf();
    let [idle, connecting] = ['', ''];
    const prepared = connect(
      { port: 5000 },
      {
        prepare: (each) => {
          idle = each.describe();
          each.on('warning', () => {});
          each.once('reconnecting', () => {
            connecting = each.describe();
          });
        },
      },
      network,
    );
    await network.settled();
    const server = await listen({ port: 5000 }, network);
    const connection = await prepared;
    expect([idle, connecting]).toEqual([
      expect.stringContaining('not connected'),
      expect.stringContaining('connecting'),
    ]);
    const lost = once(connection, 'reconnecting');
    network.links.at(-1)?.reset();
    await lost;
    expect(connection.describe()).toBe(`reconnecting, v2: ${queued}, which waits for the connection`);
    await Promise.all([connection.close(), server.closeServer()]);
    expect(connection.describe()).toBe('closed: sendData rejects');
  });

  test.each([
    ['lines', {}, 'lines'],
    ['v2', { whenOffline: 'drop' }, 'v2'],
  ] as const)('says that %s with %j drops messages while there is no connection', async (protocol, more, name) => {
    const network = networkOf();
    const options = { protocol, port: 5000, ...more } as unknown as { port: number };
    let connecting = '';
    const prepare = (each: {
      describe(): string;
      on(name: 'reconnecting' | 'warning', listener: () => void): unknown;
    }) => {
      each.on('warning', () => {});
      each.on('reconnecting', () => {
        connecting ||= each.describe();
      });
    };
    const prepared = connect({ ...options, autoRestart: true }, { prepare }, network);
    await network.settled();
    const server = await listen(options, network);
    const connection = await prepared;
    const lost = once(connection, 'reconnecting');
    network.links.at(-1)?.reset();
    await lost;
    const drops = "sendData drops the message and resolves false, until there is a connection (whenOffline: 'drop')";
    expect(connecting).toBe(`connecting: what is agreed is not known yet; ${drops}`);
    expect(connection.describe()).toBe(`reconnecting, ${name}: ${drops}`);
    expect(await connection.sendData('x')).toBe(false);
    await Promise.all([connection.close(), server.closeServer()]);
  });
});
