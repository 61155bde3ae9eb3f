/** Many clients of one server that restarts: when they reconnect, with the default options. */
import { Connection, connectionOptions, type Environment, parseOptions, Server } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { expect, test } from 'vitest';
import { defaultMinDelayMs } from '../../src/reconnect/backoff.js';
import type { MemoryTransport } from '../../src/testing/memory-transport.js';
import type { Dial } from '../../src/transport/transport.js';
import { type Lines, lineProtocol, serverSettings } from '../line-protocol.js';

const address = { host: '127.0.0.1', port: 5000 };
const clients = 1000;
const settings = parseOptions(connectionOptions, { autoRestart: true });
const { baseDelayMs } = settings.reconnect;
const minDelayMs = defaultMinDelayMs;

/** The network of a client: records the times of its attempts, and its open links at each. */
class Account {
  readonly attemptsMs: number[] = [];
  readonly faults: string[] = [];
  readonly environment: Environment;
  #last: MemoryTransport | undefined;
  #endedMs = Number.NEGATIVE_INFINITY;
  readonly #network: MemoryNetwork;

  constructor(network: MemoryNetwork) {
    this.#network = network;
    const { clock, random, listen } = network;
    this.environment = { clock, random, listen, dial: (options) => this.#connect(options) };
  }

  ended(): void {
    this.#endedMs = this.#network.clock.now();
  }

  async #connect(options: Parameters<Dial>[0]): ReturnType<Dial> {
    const nowMs = this.#network.clock.now();
    this.attemptsMs.push(nowMs);
    if (this.#last?.destroyed === false) this.faults.push(`at ${nowMs} it had another socket`);
    if (nowMs - this.#endedMs < minDelayMs)
      this.faults.push(`connected ${nowMs - this.#endedMs} ms after the last end`);
    try {
      const transport = await this.#network.dial(options);
      this.#last = transport as MemoryTransport;
      return transport;
    } catch (error) {
      this.ended();
      throw error;
    }
  }
}

/** The times of the clients' attempts after their server stops; it starts again after `downMs`. */
async function restart(seed: number, downMs: number) {
  const network = new MemoryNetwork({ seed });
  const { clock } = network;
  const start = () =>
    new Server<Lines, Connection<Lines>>(
      serverSettings({ ...address, maxConnections: clients, keepAliveMs: 0 }),
      () => new Connection<Lines>(lineProtocol(), settings, network),
      network,
    ).start();
  const server = await start();
  const accounts = Array.from({ length: clients }, () => new Account(network));
  const connections = await Promise.all(
    accounts.map(({ environment }) =>
      new Connection<Lines>(lineProtocol(), settings, environment).connect(address.host, address.port),
    ),
  );
  connections.forEach((connection, index) => connection.on('disconnect', () => accounts[index]?.ended()));
  await clock.advance(60_000); // a long time
  await server.close();
  for (const connection of server) connection.destroy();
  await network.settled();
  const goneMs = clock.now();
  await clock.advance(downMs);
  const backMs = clock.now();
  const next = await start();
  while (next.size < clients) await clock.advance(100);
  const attemptsMs = accounts.flatMap((account) => account.attemptsMs.slice(1)).map((attemptMs) => attemptMs - goneMs);
  for (const connection of connections) connection.destroy();
  await next.closeServer();
  await network.settled();
  expect([clock.pending, network.links]).toEqual([0, []]);
  return {
    attemptsMs: attemptsMs.sort((a, b) => a - b),
    backMs: backMs - goneMs,
    faults: accounts.flatMap((a) => a.faults),
  };
}

/** The maximum number of attempts within any 100 ms. */
function mostWithin100Ms(sortedMs: readonly number[]): number {
  let most = 0;
  for (let first = 0, last = 0; last < sortedMs.length; last++) {
    while ((sortedMs[last] as number) - (sortedMs[first] as number) >= 100) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

test('1,000 clients of a server that restarts reconnect at different times, each once', async () => {
  const { attemptsMs, faults } = await restart(1, 0);
  expect(attemptsMs).toHaveLength(clients);
  expect(attemptsMs[0]).toBeGreaterThanOrEqual(minDelayMs);
  expect(attemptsMs.at(-1)).toBeLessThan(minDelayMs + baseDelayMs);
  const mean = clients / (baseDelayMs / 100);
  expect(mostWithin100Ms(attemptsMs)).toBeLessThanOrEqual(2 * mean);
  expect(faults).toEqual([]);
});

test('1,000 clients of a server that was down for 20 s reconnect at different times', async () => {
  const { attemptsMs, backMs, faults } = await restart(2, 20_000);
  const knocksMs = attemptsMs.filter((attemptMs) => attemptMs >= backMs);
  expect(knocksMs).toHaveLength(clients);
  const atARestart = clients / (baseDelayMs / 100);
  expect(mostWithin100Ms(knocksMs)).toBeLessThanOrEqual(atARestart / 10);
  expect(mostWithin100Ms(attemptsMs), 'at no time').toBeLessThanOrEqual(2 * atARestart);
  expect(faults).toEqual([]);
});
