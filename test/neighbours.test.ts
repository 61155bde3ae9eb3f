/** Rude peers of a server at work, over TCP and TLS: an honest client on the next socket goes on exchanging messages and must not notice. */
import { once } from 'node:events';
import { connect as tcpConnect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, generateKey, listen, type PortableConnection } from 'serpy';
import { isSerpyError, type Security, SharedKey, systemEnvironment, type Transport } from 'serpy-core';
import { describe, expect, onTestFinished, test } from 'vitest';

const host = '127.0.0.1';

/** A trip of an honest message must not take longer. On a free machine the slowest takes some 20 ms; here others may be at work. */
const noticeableMs = 2_000;

const limits = { maxConnections: 64, frameTimeoutMs: 1000, maxPartialMessageBytes: 4 * 1024 * 1024 };

/** How a peer speaks that the tests have in their hands. */
interface Wire {
  readonly protocol: 'v1' | 'v2' | 'auto';
  readonly session?: 'require';
  /** A message of so many bytes. */
  message(sizeBytes: number): Buffer;
  /** The first bytes of a message that claims to have as many as may be. */
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

/** A server that sends back what honest clients send, and one of those. */
class Place {
  readonly port: number;
  readonly security: Security | undefined;
  /** Whom the server has refused, and how. */
  readonly refused: string[] = [];
  /** How many connections it has had. */
  accepted = 0;
  trips = 0;
  longestTripMs = 0;
  #over = false;
  readonly #raw: Rude[] = [];

  constructor(port: number, security: Security | undefined) {
    this.port = port;
    this.security = security;
  }

  /** A peer that is in nobody's hands but the test's; with the key, where there is one. */
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
      const text = this.trips % 10 === 9 ? `honest ${this.trips} ${'.'.repeat(100_000)}` : `honest ${this.trips}`;
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

  /** The server has hung up. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  say(bytes: Buffer): void {
    if (this.over) return;
    this.transport.write(bytes);
    this.transport.flush();
  }
}

/** An honest client at work while `attack` goes on. What it noticed is looked at by `judge`. */
async function besides(wire: Wire, settings: { readonly key?: string }, attack: (place: Place) => Promise<void>) {
  const { protocol, session } = wire;
  const server = await listen({ protocol, port: 0, ...limits, ...settings, authTimeoutMs: 300 } as never);
  const security: Security | undefined = settings.key
    ? { kind: 'key', key: new SharedKey(Buffer.from(settings.key, 'base64url')) }
    : undefined;
  const place = new Place(server.address.port, security);
  server.on('warning', ({ cause }) => {
    if (isSerpyError(cause)) place.refused.push(cause.code); // of one that was refused before the program knew it
  });
  server.on('drop', ({ reason }) => place.refused.push(reason));
  server.on('connection', async (connection: PortableConnection) => {
    place.accepted++;
    connection.on('warning', ({ code }) => place.refused.push(code));
    try {
      for await (const message of connection.messages()) {
        if (message.type !== 'bytes' && message.text().startsWith('honest'))
          await connection.sendData(message.value as string);
      }
    } catch {
      // it has gone before its answer
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

describe.each(Object.entries(wires))('the neighbour of an honest client over %s', (_, wire) => {
  test.each(Object.entries(attacks))('%s', { timeout: 60_000 }, async (_name, { attack, refused }) => {
    const place = await besides(wire, {}, (there) => attack(there, wire));
    if (refused) expect(place.refused).toContain(refused);
  });

  test('a port scanner: 500 connect and hang up', { timeout: 60_000 }, async () => {
    await besides(wire, {}, ({ port }) => scan(port, 500));
  });
});

describe('the neighbour of an honest client with a key', () => {
  const wire = wires.v2 as Wire;
  const key = generateKey();

  test.each(Object.entries(attacks))('%s, and have the key', { timeout: 60_000 }, async (_, { attack, refused }) => {
    const place = await besides(wire, { key }, (there) => attack(there, wire));
    if (refused) expect(place.refused).toContain(refused);
  });

  test('a port scanner: 500 connect and hang up in front of the door', { timeout: 60_000 }, async () => {
    await besides(wire, { key }, ({ port }) => scan(port, 500));
  });

  test.each<[string, Buffer]>([
    ['say nothing', Buffer.alloc(0)],
    ['say half a greeting of TLS', Buffer.from('16030102', 'hex')],
    ['speak without TLS', frame(64 * 1024 * 1024, 1_000_000)],
    ['announce 16 MiB of TLS', Buffer.concat([Buffer.from('160301400001ffffff', 'hex'), Buffer.alloc(1_000_000)])],
  ])(
    '100 that %s in front of the door are hung up on, and no message of theirs is read',
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

/** Dials, says something, and waits until it is hung up on. */
async function knock(port: number, bytes: Buffer): Promise<void> {
  const socket = tcpConnect({ host, port });
  socket.on('error', () => {});
  socket.resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  if (bytes.length > 0) socket.write(bytes);
  await closed;
}

/** So many dials, 50 at a time, each hung up at once. */
async function scan(port: number, count: number): Promise<void> {
  let left = count;
  const dialling = Array.from({ length: 50 }, async () => {
    while (left-- > 0) {
      const socket = tcpConnect({ host, port });
      socket.on('error', () => {});
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
      if (left % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
  });
  await Promise.all(dialling);
}
