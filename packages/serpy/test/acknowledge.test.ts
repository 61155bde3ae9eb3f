/** The option `acknowledge` of `sendData`, over every protocol. */
import { MemoryNetwork } from 'serpy-core/testing';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Connection, connect, listen } from '../src/index.js';

let network: MemoryNetwork;
const ended: (() => unknown)[] = [];
beforeEach(() => {
  network = new MemoryNetwork();
  network.clock.runFreely();
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  network.clock.stop();
});

type Options = Readonly<Record<string, unknown>>;

async function pair(asks: Options, answers: Options) {
  const server = await listen({ port: 5000, ...answers } as { port: number }, network);
  const connection = await connect({ port: 5000, ...asks } as { port: number }, {}, network);
  ended.push(
    () => server.closeServer(),
    () => connection.close(),
  );
  return { connection, server };
}

const withAck = [
  ['a session of v2', { protocol: 'v2' }, {}],
  ['auto and a session', {}, {}],
  ['v1', { protocol: 'v1' }, {}],
  ['auto and a v1 server', {}, { protocol: 'v1' }],
] as const;

describe.each(withAck)('over %s', (_, asks, answers) => {
  test.each([true, 'received'] as const)('%s resolves when the message has arrived', async (acknowledge) => {
    const { connection, server } = await pair(asks, answers);
    expect(await connection.sendData('text', { acknowledge })).toBe(true);
    const accepted = await server.getConnection();
    expect(accepted.isDataAvailable()).toBe(true);
    expect(String(await accepted.getData())).toBe('text');
    expect(await connection.sendData(Buffer.of(0, 1, 0x1f), { acknowledge })).toBe(true);
    expect(await accepted.getData()).toEqual(Buffer.of(0, 1, 0x1f));
  });

  test('gives false after timeoutMs, and the connection continues', async () => {
    const { connection, server } = await pair(asks, answers);
    await connection.sendData('first', { acknowledge: true });
    network.links[0]?.stall();
    expect(await connection.sendData('second', { acknowledge: true, timeoutMs: 50 })).toBe(false);
    network.links[0]?.release();
    expect(await connection.sendData('third', { acknowledge: true })).toBe(true);
    const accepted = await server.getConnection();
    expect([...accepted].map(String)).toEqual(['first', 'second', 'third']);
  });

  test('a message in flight when the link breaks is acknowledged on the next one', async () => {
    const { connection, server } = await pair({ ...asks, reconnect: { minDelayMs: 0, baseDelayMs: 1 } }, answers);
    await connection.sendData('first', { acknowledge: true });
    network.links[0]?.stall();
    const sent = connection.sendData('second', { acknowledge: true });
    network.links[0]?.reset();
    expect(await sent).toBe(true);
    expect(connection.stats().reconnects).toBe(1);
    expect(server.size).toBeGreaterThan(0);
  });
});

test.each([
  ['v1', { protocol: 'v1' }, {}],
  ['auto with a v1 server', {}, { protocol: 'v1' }],
] as const)("'consumed' over %s is refused, and the error says what to do", async (_, asks, answers) => {
  const { connection } = await pair(asks, answers);
  await expect(connection.sendData('x', { acknowledge: 'consumed' })).rejects.toMatchObject({
    code: 'ERR_SERPY_OPTION',
    message: expect.stringContaining("acknowledge: 'received'"),
  });
});

test("'consumed' over auto in a session waits for the program", async () => {
  const { connection, server } = await pair({}, {});
  let isConsumed = false;
  const sent = connection.sendData('x', { acknowledge: 'consumed' }).then((is) => {
    isConsumed = is;
  });
  const accepted = await server.getConnection();
  await network.settled();
  expect(isConsumed).toBe(false);
  await accepted.getData();
  await sent;
  expect(isConsumed).toBe(true);
});

test.each([
  ['v2', { protocol: 'v2', session: 'off' }, {}],
  ['auto', { session: 'off' }, { protocol: 'v2' }],
  ['auto, whose server has none', {}, { protocol: 'v2', session: 'off' }],
] as const)('over %s without a session it is refused at once', async (_, asks, answers) => {
  const { connection } = await pair(asks, answers);
  await expect(connection.sendData('x', { acknowledge: true })).rejects.toMatchObject({
    code: 'ERR_SERPY_OPTION',
    message: expect.stringMatching(/session: 'prefer'/),
  });
  expect(await connection.sendData('without')).toBe(true);
});

describe('before the protocol is known', () => {
  /** Sends while the client waits for its server. */
  async function early(acknowledge: 'received' | 'consumed', serve: () => Promise<unknown>) {
    let sent: Promise<boolean> | undefined;
    const connecting = connect(
      { port: 5000 },
      {
        prepare: (each: Connection) => {
          each.on('warning', () => {});
          each.once('reconnecting', () => {
            sent = each.sendData('early', { acknowledge });
            sent.catch(() => {});
          });
        },
      },
      network,
    );
    await network.settled();
    await serve();
    const connection = await connecting;
    ended.push(() => connection.close());
    return sent as Promise<boolean>;
  }

  test('the message waits, and is acknowledged by v1', async () => {
    const server = new v1.Server({ port: 5000 }, network);
    ended.push(() => server.closeServer());
    expect(await early('received', () => server.start())).toBe(true);
  });

  test('the message waits, and rejects if v1 cannot acknowledge it so', async () => {
    const server = new v1.Server({ port: 5000 }, network);
    ended.push(() => server.closeServer());
    await expect(early('consumed', () => server.start())).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
  });

  test('the message waits, and rejects without a session', async () => {
    const server = new v2.Server({ port: 5000, session: 'off' }, network);
    ended.push(() => server.closeServer());
    await expect(early('received', () => server.start())).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
  });
});

test.each([
  [{ mode: 0, acknowledge: true }, 'Use mode 1'],
  [{ mode: 4, acknowledge: 'received' }, 'Use mode 5'],
  [{ acknowledge: 'yes' }, "takes 'received' or true"],
  [{ acknowledge: false }, "takes 'received' or true"],
])('v1 refuses %j', async (options, message) => {
  const { connection } = await pair({ protocol: 'v1' }, { protocol: 'v1' });
  await expect(connection.sendData('x', options as object)).rejects.toMatchObject({
    code: 'ERR_SERPY_OPTION',
    message: expect.stringContaining(message),
  });
});

test('v1 keeps the mode of a message that is acknowledged anyway', async () => {
  const { connection, server } = await pair({ protocol: 'v1' }, { protocol: 'v1' });
  await connection.sendData('x', { mode: 5, acknowledge: true } as object);
  const accepted = await server.getConnection();
  expect(await accepted.getMessage()).toMatchObject({ mode: 5 });
});

test('a server that speaks v2 after it spoke v1: the message rejects, as it may have arrived', async () => {
  const old = await new v1.Server({ port: 5000 }, network).start();
  const connection = await connect({ port: 5000, reconnect: { minDelayMs: 0, baseDelayMs: 1 } }, {}, network);
  ended.push(() => connection.close());
  connection.on('warning', () => {});
  network.links[0]?.stall();
  const sent = connection.sendData('x', { acknowledge: true });
  await network.settled();
  void old.closeServer();
  const replaced = new v2.Server({ port: 5000 }, network);
  ended.push(() => replaced.closeServer());
  network.links[0]?.reset();
  await replaced.start();
  await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_LOST' });
});
