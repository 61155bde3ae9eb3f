/** Programs in separate processes that are killed, stopped, blocked or without file descriptors: what the other end loses, and how it recovers. */
import { type EventEmitter, once } from 'node:events';
import { type Socket, connect as tcpConnect } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { connect, listen, type PortableConnection, type ProtocolName } from 'serpy';
import { DeliveryChecker, outcomeOfSend } from 'serpy-core/testing';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { PeerArguments } from './processes/peer.js';
import { killPrograms, Program } from './program.js';
import { root } from './workspace.js';

afterEach(killPrograms);

/** Windows has neither SIGSTOP nor ulimit. */
const isWindows = process.platform === 'win32';

const MiB = 2 ** 20;
const host = '127.0.0.1';
const soon = { baseDelayMs: 20, maxDelayMs: 100 };

/** Much more than the buffers of the operating system, so that a message is never completely in flight. */
const largeBytes = 48 * MiB;

const peerFile = join(root, 'test', 'processes', 'peer.ts');
const nodeArguments = (given: PeerArguments) => ['--import', 'tsx', peerFile, JSON.stringify(given)];

function peer(given: PeerArguments): Program {
  return new Program(process.execPath, nodeArguments(given));
}

/** An echo server, and its port. */
async function server(protocol: ProtocolName, port = 0, options: object = {}): Promise<[Program, number]> {
  const program = peer({ protocol, port, options });
  return [program, await portOf(program)];
}

async function portOf(program: Program): Promise<number> {
  const [, port] = await program.until(/listening on (\d+)\n/);
  return Number(port);
}

/** A client that is closed when the test ends, and its events. */
async function client(protocol: ProtocolName, port: number, options: object = {}) {
  const connection: PortableConnection = await connect({ protocol, host, port, ...options } as never);
  onTestFinished(() => connection.destroy());
  const events: string[] = [];
  connection.on('disconnect', ({ reason }) => events.push(`disconnect ${reason}`));
  connection.on('close', ({ reason }) => events.push(`close ${reason}`));
  connection.on('warning', () => {});
  return { connection, events };
}

/** The value of the next event with this name. */
async function next(
  connection: PortableConnection,
  event: string,
): Promise<{ reason?: string; error?: { code?: string }; code?: string }> {
  const [info] = await once(connection as unknown as EventEmitter, event);
  return info;
}

async function exchange(connection: PortableConnection, text: string): Promise<void> {
  await connection.sendData(text);
  expect(String(await connection.getData({ timeoutMs: 10_000 }))).toBe(text);
}

/** Resolves in the middle of a large message. */
async function inTheMiddle(connection: PortableConnection): Promise<void> {
  while (connection.stats().bytesReceived < MiB) await nextTurn();
  expect(connection.stats().bytesReceived).toBeLessThan(largeBytes / 2);
}

describe.each(['v1', 'v2'] as const)('%s', (protocol) => {
  test('a server that is killed in the middle of a large message: no part of it is delivered, and autoRestart connects to the next server', async () => {
    const [first, port] = await server(protocol);
    const { connection, events } = await client(protocol, port, { autoRestart: true, reconnect: soon });
    const lost = next(connection, 'disconnect');
    await connection.sendData(`large ${largeBytes}`);
    await inTheMiddle(connection);
    await first.kill();
    const { reason, error } = await lost;
    expect(['peer-closed ERR_SERPY_TRUNCATED', 'reset ECONNRESET']).toContain(`${reason} ${error?.code}`);
    expect(connection.isDataAvailable()).toBe(false);

    const back = next(connection, 'reconnect');
    await server(protocol, port);
    await back;
    await exchange(connection, 'after the crash');
    expect(events).toEqual([`disconnect ${reason}`]);
    expect(connection.stats()).toMatchObject({ messagesReceived: 1, reconnects: 1 });
  });

  test('a client that is killed in the middle of a large message: no part of it is delivered, and the server continues', async () => {
    // Without sessions the connection is announced at once, and not when its first message is complete.
    const ours = await listen({ protocol, port: 0, ...(protocol === 'v2' && { session: 'off' }) } as never);
    onTestFinished(() => ours.closeServer());
    const { port } = (ours as unknown as { address: { port: number } }).address;
    const sender = peer({ protocol, port, largeBytes });
    const accepted: PortableConnection = await ours.getConnection();
    const lost = next(accepted, 'disconnect');
    accepted.on('warning', () => {});
    await inTheMiddle(accepted);
    await sender.kill();
    const { reason, error } = await lost;
    // Where it had not read our answer to its change of mode, its system resets the link.
    const ways = ['peer-closed ERR_SERPY_TRUNCATED', ...(protocol === 'v1' ? ['reset ECONNRESET'] : [])];
    expect(ways).toContain(`${reason} ${error?.code}`);
    await expect(accepted.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });

    const { connection } = await client(protocol, port);
    await connection.sendData('another');
    expect(String(await (await ours.getConnection()).getData())).toBe('another');
  });

  test.skipIf(isWindows)('a server that is stopped for 1 s loses nothing, and nothing arrives twice', async () => {
    const [program, port] = await server(protocol);
    const { connection, events } = await client(protocol, port);
    const checker = new DeliveryChecker();
    const send = async (n: number) => {
      const text = `message ${n}`;
      const attempt = checker.attempted(text);
      attempt.ended(outcomeOfSend(false, await connection.sendData(text)));
    };
    for (let n = 0; n < 100; n++) await send(n);
    program.signal('SIGSTOP');
    for (let n = 100; n < 400; n++) await send(n);
    await sleep(1_000); // the duration of the fault
    program.signal('SIGCONT');
    for (let n = 400; n < 500; n++) await send(n);
    for (let n = 0; n < 500; n++) checker.received('the client', String(await connection.getData()));
    expect(checker.verify({ allowMissing: 0 })).toEqual([]);
    expect(events).toEqual([]);
  });

  test('an event loop that is blocked, at either end, ends no connection and loses nothing', async () => {
    const [, port] = await server(protocol);
    const { connection, events } = await client(protocol, port, { keepAliveMs: 1_000 });
    await connection.sendData('block 2500');
    for (let n = 0; n < 50; n++) await connection.sendData(`meanwhile ${n}`);
    const endMs = performance.now() + 1_000;
    while (performance.now() < endMs); // blocks this event loop
    const back: string[] = [];
    while (back.length < 51) back.push(String(await connection.getData()));
    expect(back).toEqual(['block 2500', ...Array.from({ length: 50 }, (_, n) => `meanwhile ${n}`)]);
    expect(events).toEqual([]);
  });
});

describe('a session', () => {
  const session = { session: 'require', autoRestart: true, reconnect: soon };
  const never = { pingIntervalMs: 0, peerTimeoutMs: 0 };
  const short = { pingIntervalMs: 100, peerTimeoutMs: 300 };
  /** Three times the silence after which a link is closed. */
  const blockMs = 900;

  function block(): void {
    const endMs = performance.now() + blockMs;
    while (performance.now() < endMs);
  }

  /** Sends messages and receives their echoes, while the event loops of one or both ends are blocked, one after the other. */
  async function exchangeWhileBlocked(options: object, serverOptions: object, blocked: string) {
    const [, port] = await server('v2', 0, serverOptions);
    const { connection, events } = await client('v2', port, { ...session, ...options });
    const checker = new DeliveryChecker({ order: 'stream' });
    const texts = Array.from({ length: 60 }, (_, n) =>
      n === 20 && blocked.includes('server') ? `block ${blockMs}` : `message ${n}`,
    );
    const sending = (async () => {
      for (const text of texts) {
        const attempt = checker.attempted(text);
        attempt.ended(outcomeOfSend(false, await connection.sendData(text)));
      }
    })();
    for (let n = 0; n < texts.length; n++) {
      if (n === 10 && blocked.includes('client')) block();
      checker.received('the client', String(await connection.getData({ timeoutMs: 20_000 })));
    }
    await sending;
    expect(checker.verify({ allowMissing: 0 })).toEqual([]);
    return events;
  }

  test.each([
    ['client', short, never],
    ['server', never, short],
  ])('survives a %s whose own event loop was blocked for three times peerTimeoutMs', async (end, own, other) => {
    expect(await exchangeWhileBlocked(own, other, end)).toEqual([]);
  });

  test('loses nothing, and nothing arrives twice, if both ends closed the link because the other was blocked', async () => {
    await exchangeWhileBlocked(short, short, 'client server');
  });

  test.skipIf(isWindows)(
    'loses nothing, and nothing arrives twice, if the server is stopped until its client has tried several links',
    async () => {
      const oneAfterTheOther = async (protocol: ProtocolName, options: object) => {
        const [program, port] = await server(protocol, 0, short);
        const { connection, events } = await client(protocol, port, { autoRestart: true, reconnect: soon, ...options });
        const checker = new DeliveryChecker({ order: 'stream' });
        const send = async (n: number) => {
          const text = `message ${n}`;
          const attempt = checker.attempted(text);
          attempt.ended(outcomeOfSend(false, await connection.sendData(text)));
        };
        for (let n = 0; n < 10; n++) await send(n);
        program.signal('SIGSTOP');
        const stopped = performance.now();
        let n = 10;
        // The client closes the first link after 300 ms of silence, and the next one after 5 s.
        for (; performance.now() - stopped < 7_000; n++) {
          await send(n);
          await sleep(50);
        }
        program.signal('SIGCONT');
        for (const end = n + 10; n < end; n++) await send(n);
        for (let back = 0; back < n; back++) {
          checker.received('the client', String(await connection.getData({ timeoutMs: 15_000 })));
        }
        expect(checker.verify({ allowMissing: 0 }), protocol).toEqual([]);
        expect(events.filter((event) => event === 'disconnect timeout').length, protocol).toBeGreaterThan(1);
        expect(connection.isConnected()).toBe(true);
      };
      await Promise.all([
        oneAfterTheOther('v2', { session: 'prefer', ...short }),
        oneAfterTheOther('v2', { session: 'require', ...short }),
        oneAfterTheOther('auto', short),
      ]);
    },
    60_000,
  );

  test('continues when the clock of the computer is set one day forward and two days back', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const [, port] = await server('v2', 0, short);
    const { connection, events } = await client('v2', port, { ...session, ...short });
    for (const days of [1, -2, 1000]) {
      vi.setSystemTime(Date.now() + days * 86_400_000);
      await exchange(connection, `${days} days later`);
      await sleep(400); // longer than the silence after which a link is closed
      await expect(connection.getData({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'ERR_SERPY_TIMEOUT' });
    }
    expect(events).toEqual([]);
  });
});

test('all clients of every protocol reconnect to a server that is killed and started again', async () => {
  const [first, port] = await server('auto');
  const protocols = ['v1', 'v2', 'auto', 'v1', 'v2', 'auto', 'v1', 'v2'] as const;
  const clients = await Promise.all(
    protocols.map((protocol) => client(protocol, port, { autoRestart: true, reconnect: soon })),
  );
  await Promise.all(clients.map(({ connection }, n) => exchange(connection, `before ${n}`)));
  const back = clients.map(({ connection }) => next(connection, 'reconnect'));
  await first.kill();
  await server('auto', port);
  await Promise.all(back);
  await Promise.all(clients.map(({ connection }, n) => exchange(connection, `after ${n}`)));
});

test.skipIf(isWindows)(
  'a server without file descriptors rejects clients that it cannot serve, does not spin, and recovers',
  async () => {
    const given = { protocol: 'v2', port: 0, options: { maxConnections: 1000 } } as const;
    // Enough to load the program's modules, which it opens at the same time.
    const starved = ['-c', 'ulimit -n 256 && exec "$0" "$@"', process.execPath, ...nodeArguments(given)];
    const program = new Program('sh', starved);
    const port = await portOf(program);
    const { connection } = await client('v2', port);

    const open = new Set<Socket>();
    let dropped = 0;
    const sockets = Array.from({ length: 400 }, () => tcpConnect({ host, port }));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (const socket of sockets) {
      socket.on('connect', () => open.add(socket));
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        dropped++;
      });
      socket.resume();
    }
    // Each client is served or rejected: none waits for an answer that never comes.
    while (dropped < 150 || open.size + dropped < sockets.length) await sleep(5);
    expect(open.size).toBeGreaterThan(10);

    const cpu = async () => {
      program.type('cpu\n');
      return Number((await program.until(/cpu ([\d.]+)\n/))[1]);
    };
    // Without file descriptors. A program that spins uses all of each half second, one that compiles its code only the first of them.
    for (let before = await cpu(), used = Infinity; used > 100; ) {
      await sleep(500);
      const now = await cpu();
      used = now - before;
      before = now;
    }
    await exchange(connection, 'one that was there before');

    for (const socket of open) socket.destroy();
    while (open.size > 0) await nextTurn();
    // The server notices the ends soon. Until then it can still reject a new client.
    for (;;) {
      const { connection: another } = await client('v2', port);
      await another.sendData('recovered');
      const answer = await another.getData({ timeoutMs: 10_000 }).catch(() => undefined);
      if (String(answer) === 'recovered') break;
    }
  },
);
