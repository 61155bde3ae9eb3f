/** Requests where the protocol is detected: what every connection does, and peers of each kind. */

import { requestStatements } from 'serpy-contract-tests/requests';
import { type ProtocolUnderTest, TestBed, testBedSource, worlds } from 'serpy-contract-tests/stage';
import type { Environment, ProtocolTypes } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseConnectOptions, parseListenOptions } from '../../src/config/options.js';
import { Connection } from '../../src/connection.js';
import { type ConnectOptions, connect, type ListenOptions, listen } from '../../src/index.js';
import { Server } from '../../src/server.js';

const auto = {
  createConnection(options: object, environment: Environment) {
    const settings = { ...parseConnectOptions({ protocol: 'auto', port: 1, ...options } as ConnectOptions) };
    return new Connection('auto', settings as never, environment);
  },
  createServer(options: object, environment: Environment) {
    const settings = parseListenOptions({ protocol: 'auto', ...options } as ListenOptions);
    return new Server('auto', settings as never, environment);
  },
  samples: [
    { value: 'grüß dich', data: 'grüß dich' },
    { value: '', data: '' },
    { value: Buffer.of(0, 1, 0xde, 0xca), data: Buffer.of(0, 1, 0xde, 0xca) },
  ],
  numbered: (n: number, sizeBytes = 8) => {
    const text = `${n} `.padEnd(sizeBytes, '.');
    return { value: text, data: text };
  },
  lasting: true,
  module: new URL('../../src/index.ts', import.meta.url),
} as unknown as ProtocolUnderTest<ProtocolTypes>;

for (const world of worlds.filter(({ name }) => name === 'memory' || name === 'TCP')) {
  describe(`auto over ${world.name}`, () => {
    let current: TestBed<ProtocolTypes>;
    beforeEach(() => {
      current = new TestBed(auto, world.create());
    });
    afterEach(() => current.end());
    requestStatements(testBedSource(() => current, world.name !== 'memory'));
  });
}

describe('with a peer of one protocol', () => {
  let network: MemoryNetwork;
  const ended: (() => Promise<void> | void)[] = [];
  beforeEach(() => {
    network = new MemoryNetwork();
    network.clock.runFreely();
  });
  afterEach(async () => {
    for (const end of ended.splice(0).reverse()) await end();
    network.clock.stop();
  });
  const noTimeout = { timeoutMs: Number.POSITIVE_INFINITY };

  test.each([
    ['v1', () => new v1.Server({ port: 5000 }, network)],
    ['v2 without a session', () => new v2.Server({ port: 5000, session: 'off' }, network)],
    ['v2 with a session', () => new v2.Server({ port: 5000 }, network)],
  ])('a client asks a server with %s before it is detected', async (_, create) => {
    const server = create() as v2.Server;
    await server.start();
    ended.push(() => server.closeServer());
    server.onRequest((value) => `answer to ${value}`);
    const client = await connect({ protocol: 'auto', port: 5000, session: 'prefer' } as ConnectOptions, {}, network);
    ended.push(() => client.destroy());
    const answers = ['a', 'b', 'c'].map((text) => client.request(text, noTimeout));
    expect((await Promise.all(answers)).map(String)).toEqual(['answer to a', 'answer to b', 'answer to c']);
  });

  test.each([
    ['v1', () => new v1.Connection({}, network)],
    ['v2 without a session', () => new v2.Connection({}, network)],
    ['v2 with a session', () => new v2.Connection({ session: 'prefer' }, network)],
  ])('a server asks and answers a client with %s', async (_, create) => {
    const server = await listen({ protocol: 'auto', port: 5000 } as ListenOptions, network);
    ended.push(() => server.closeServer());
    server.onRequest((value) => `answer to ${value}`);
    const client = create() as v2.Connection;
    await client.connect('127.0.0.1', 5000);
    ended.push(() => client.destroy());
    expect(String(await client.request('x', noTimeout))).toBe('answer to x');
    client.onRequest((value) => `client to ${value}`);
    const accepted = await server.getConnection();
    expect(String(await accepted.request('y', noTimeout))).toBe('client to y');
  });

  test('a request to a server that is taken for v2 and speaks v1 is not taken for that of another', async () => {
    const server = new v1.Server({ port: 5000 }, network);
    await server.start();
    ended.push(() => server.closeServer());
    server.onRequest(async (value) => `answer to ${value}`);
    const client = await connect(
      {
        protocol: 'auto',
        port: 5000,
        autoRestart: true,
        probeTimeoutMs: 1,
        reconnect: { baseDelayMs: 1, minDelayMs: 0 },
      } as ConnectOptions,
      {},
      network,
    );
    ended.push(() => client.destroy());
    for (let n = 0; n < 20; n++) {
      const answer = await client.request(`${n}`, noTimeout).catch((error) => error.code);
      expect([`answer to ${n}`, 'ERR_SERPY_LOST']).toContain(String(answer));
    }
  });
});
