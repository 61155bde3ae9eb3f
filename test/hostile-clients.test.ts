/** Hostile clients of a server, over TCP and TLS: a valid client on another socket must continue to exchange messages unaffected. */
import { once } from 'node:events';
import { connect as tcpConnect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, generateKey, listen, type PortableConnection } from 'serpy';
import { isSerpyError, type Security, SharedKey, systemEnvironment, type Transport } from 'serpy-core';
import { describe, expect, onTestFinished, test } from 'vitest';

const host = '127.0.0.1';

/** Bound of a round trip of the valid client. On an idle machine the slowest takes about 20 ms; other programs can slow it down. */
const noticeableMs = 2_000;

const limits = { maxConnections: 64, frameTimeoutMs: 1000, maxPartialMessageBytes: 4 * 1024 * 1024 };

/** How hostile clients of one protocol form messages. */
interface Wire {
  readonly protocol: 'v1' | 'v2' | 'auto';
  readonly session?: 'require';
  /** A message of this size. */
  message(sizeBytes: number): Buffer;
  /** The first bytes of a message that claims the largest possible size. */
  lie(sizeBytes: number): Buffer;
}

function frame(statedBytes: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(14 + sizeBytes);
  bytes.write('decafecafe81', 'hex');
  bytes.writeUInt32LE(statedBytes, 10);
  return bytes;
}

const v1 = {
  message: (sizeBytes: number) => Buffer.concat([Buffer.alloc(sizeBytes, 'x'), Buffer.of(0x1f)]),
  lie: (sizeBytes: number) => Buffer.alloc(sizeBytes, 'x'),
};
const v2 = {
  message: (sizeBytes: number) => frame(sizeBytes, sizeBytes), // of zeros, whose checksum is 0
  lie: (sizeBytes: number) => frame(64 * 1024 * 1024, sizeBytes),
};

const wires: Readonly<Record<string, Wire>> = {
  v1: { protocol: 'v1', ...v1 },
  v2: { protocol: 'v2', ...v2 },
  auto: { protocol: 'auto', ...v2 },
  'v2 with a session': { protocol: 'v2', session: 'require', ...v2 },
};

/** An echo server, and a valid client. */
class Place {
  readonly port: number;
  readonly security: Security | undefined;
  /** The error codes of rejected clients. */
  readonly refused: string[] = [];
  /** The number of connections so far. */
  accepted = 0;
  trips = 0;
  longestTripMs = 0;
  #over = false;
  readonly #raw: Rude[] = [];

  constructor(port: number, security: Security | undefined) {
    this.port = port;
    this.security = security;
  }

  /** A socket that only the test uses; with the key, if there is one. */
  async rude(): Promise<Rude> {
    const { signal } = new AbortController();
    const { security } = this;
    const transport = await systemEnvironment.dial({ host, port: this.port, keepAliveMs: 0, signal, security });
    const rude = new Rude(transport);
    this.#raw.push(rude);
    return rude;
  }

  /** Exchanges messages until `stop`: small ones, and some of 100 kB. */
  async exchange(client: PortableConnection): Promise<void> {
    while (!this.#over) {
      const text = this.trips % 10 === 9 ? `valid ${this.trips} ${'.'.repeat(100_000)}` : `valid ${this.trips}`;
      const startMs = performance.now();
      await client.sendData(text, { timeoutMs: 10_000 });
      const back = (await client.getMessage({ timeoutMs: 10_000 })).text();
      if (back !== text) throw new Error(`sent ${text.slice(0, 40)} and got ${back.slice(0, 40)}`);
      this.longestTripMs = Math.max(this.longestTripMs, performance.now() - startMs);
      this.trips++;
    }
  }

  stop(): void {
    this.#over = true;
    for (const rude of this.#raw) rude.transport.destroy();
  }
}

class Rude {
  readonly transport: Transport;
  over = false;
  readonly #ended: Promise<void>;

  constructor(transport: Transport) {
    this.transport = transport;
    this.#ended = new Promise((resolve) => {
      transport.start({
        received: () => {},
        drained: () => {},
        ended: () => transport.destroy(),
        closed: () => {
          this.over = true;
          resolve();
        },
      });
    });
  }

  /** The server has closed the connection. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  say(bytes: Buffer): void {
    if (this.over) return;
    this.transport.write(bytes);
    this.transport.flush();
  }
}

/** Runs `attack` while a valid client exchanges messages. `judge` checks what that client noticed. */
async function besides(wire: Wire, settings: { readonly key?: string }, attack: (place: Place) => Promise<void>) {
  const { protocol, session } = wire;
  const server = await listen({ protocol, port: 0, ...limits, ...settings, authTimeoutMs: 300 } as never);
  const security: Security | undefined = settings.key
    ? { kind: 'key', key: new SharedKey(Buffer.from(settings.key, 'base64url')) }
    : undefined;
  const place = new Place(server.address.port, security);
  server.on('warning', ({ cause }) => {
    if (isSerpyError(cause)) place.refused.push(cause.code); // of a client that was rejected before the program knew it
  });
  server.on('drop', ({ reason }) => place.refused.push(reason));
  server.on('connection', async (connection: PortableConnection) => {
    place.accepted++;
    connection.on('warning', ({ code }) => place.refused.push(code));
    try {
      for await (const message of connection.messages()) {
        if (message.type !== 'bytes' && message.text().startsWith('valid'))
          await connection.sendData(message.value as string);
      }
    } catch {
      // it disconnected before its answer
    }
  });
  const client: PortableConnection = await connect({
    protocol,
    port: place.port,
    ...settings,
    ...(session && { session }),
  } as never);
  const noticed: unknown[] = [];
  for (const event of ['disconnect', 'warning'] as const) client.on(event, (info: unknown) => noticed.push(info));
  onTestFinished(async () => {
    place.stop();
    client.destroy();
    await server.closeServer();
  });
  const exchanging = place.exchange(client);
  exchanging.catch(() => {}); // awaited below
  await attack(place);
  const before = place.trips;
  while (place.trips < before + 10) await Promise.race([sleep(5), exchanging]);
  expect(noticed).toEqual([]);
  expect(client.isConnected()).toBe(true);
  place.stop();
  await exchanging;
  expect(place.longestTripMs).toBeLessThan(noticeableMs);
  return place;
}

const attacks: Readonly<
  Record<string, { readonly attack: (place: Place, wire: Wire) => Promise<void>; readonly refused?: string }>
> = {
  'a slow-loris: 40 of them drip': {
    refused: 'ERR_SERPY_PEER_TIMEOUT',
    attack: async (place, { lie }) => {
      const all = await Promise.all(Array.from({ length: 40 }, () => place.rude()));
      for (const each of all) each.say(lie(100));
      while (all.some(({ over }) => !over)) {
        for (const each of all) each.say(Buffer.alloc(1, 'x'));
        await sleep(20);
      }
    },
  },
  'a flood: 4 of them send 8 MiB each in small messages': {
    attack: async (place, { message }) => {
      const batch = Buffer.concat(Array.from({ length: 1000 }, () => message(64)));
      const all = await Promise.all(Array.from({ length: 4 }, () => place.rude()));
      await Promise.all(
        all.map(async (each) => {
          for (let sent = 0; sent < 8 * 1024 * 1024; sent += batch.length) {
            each.say(batch);
            while (!each.transport.writable && !each.over) await sleep(1);
          }
        }),
      );
      while (all.some(({ transport, over }) => !over && transport.unsentBytes > 0)) await sleep(5);
    },
  },
  'liars about lengths: 40 of them send 400 kB of 64 MiB': {
    refused: 'ERR_SERPY_TOO_LARGE',
    attack: async (place, { lie }) => {
      const all = await Promise.all(Array.from({ length: 40 }, () => place.rude()));
      for (const each of all) each.say(lie(400_000));
      await Promise.all(all.map(({ ended }) => ended)); // for memory at once, or for its time
    },
  },
};

describe.each(Object.entries(wires))('a valid client over %s is not affected by', (_, wire) => {
  test.each(Object.entries(attacks))('%s', { timeout: 60_000 }, async (_name, { attack, refused }) => {
    const place = await besides(wire, {}, (there) => attack(there, wire));
    if (refused) expect(place.refused).toContain(refused);
  });

  test('a port scanner: 500 connect and disconnect', { timeout: 60_000 }, async () => {
    await besides(wire, {}, ({ port }) => scan(port, 500));
  });
});

describe('a valid client with a key is not affected by', () => {
  const wire = wires.v2 as Wire;
  const key = generateKey();

  test.each(Object.entries(attacks))('%s, with the key', { timeout: 60_000 }, async (_, { attack, refused }) => {
    const place = await besides(wire, { key }, (there) => attack(there, wire));
    if (refused) expect(place.refused).toContain(refused);
  });

  test('a port scanner: 500 connect and disconnect before authentication', { timeout: 60_000 }, async () => {
    await besides(wire, { key }, ({ port }) => scan(port, 500));
  });

  test.each<[string, Buffer]>([
    ['send nothing', Buffer.alloc(0)],
    ['send half a ClientHello of TLS', Buffer.from('16030102', 'hex')],
    ['send without TLS', frame(64 * 1024 * 1024, 1_000_000)],
    ['announce 16 MiB of TLS', Buffer.concat([Buffer.from('160301400001ffffff', 'hex'), Buffer.alloc(1_000_000)])],
  ])(
    '100 that %s before authentication: they are rejected, and none of their messages is read',
    { timeout: 60_000 },
    async (_, bytes) => {
      const place = await besides(wire, { key }, async ({ port }) => {
        await Promise.all(Array.from({ length: 100 }, () => knock(port, bytes)));
      });
      expect(place.accepted).toBe(1);
      for (const each of new Set(place.refused))
        expect(each).toMatch(/^max(?:PendingConnections|AuthFailuresPerMinute)$/);
    },
  );
});

/** Connects, sends something, and waits until the server closes the connection. */
async function knock(port: number, bytes: Buffer): Promise<void> {
  const socket = tcpConnect({ host, port });
  socket.on('error', () => {});
  socket.resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  if (bytes.length > 0) socket.write(bytes);
  await closed;
}

/** Connects and disconnects this many times, at most 50 at a time. */
async function scan(port: number, count: number): Promise<void> {
  let left = count;
  const connecting = Array.from({ length: 50 }, async () => {
    while (left-- > 0) {
      const socket = tcpConnect({ host, port });
      socket.on('error', () => {});
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
      if (left % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
  });
  await Promise.all(connecting);
}
