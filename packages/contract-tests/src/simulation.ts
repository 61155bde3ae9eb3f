/**
 * A statement about many faults at once: lives of a client and its server in a network. A seed decides when data arrives, what
 * breaks and which end acts. A failing seed can be run again and repeats every step.
 */

import type { Connection, ProtocolTypes } from 'serpy-core';
import type { MemoryLink } from 'serpy-core/testing';
import { type Attempt, DeliveryChecker, MemoryNetwork, outcomeOfSend, seededRandom } from 'serpy-core/testing';
import { expect, test } from 'vitest';
import type { ProtocolUnderTest } from './stage.js';

/** The long tests set a larger number in the environment. */
const lives = Number(process.env.TEST_LIVES ?? 50);
const stepsPerLife = 120;

class Life<T extends ProtocolTypes> {
  readonly #subject: ProtocolUnderTest<T>;
  readonly #random: () => number;
  readonly #network: MemoryNetwork;
  readonly #checker = new DeliveryChecker();
  readonly #attempts: Attempt[] = [];
  /** The error codes of the sends that rejected. */
  readonly #codes = new Set<unknown>();
  #connections = 0;
  #serving: Promise<unknown> = Promise.resolve();

  constructor(subject: ProtocolUnderTest<T>, seed: number) {
    this.#subject = subject;
    this.#random = seededRandom(seed * 7919);
    const pipeBytes = this.#draw([50, 1000, 65_536]);
    const slicing = this.#draw(['random', 'writes', 1] as const);
    this.#network = new MemoryNetwork({ seed, slicing, pipeBytes });
  }

  async run(): Promise<void> {
    const network = this.#network;
    const whenFull = 'block' as const;
    const server = this.#subject.createServer({ port: 5000, receiveQueue: { maxMessages: 2, whenFull } }, network);
    server.on('warning', () => {});
    server.on('connection', (connection) => connection.on('warning', () => {}));
    await server.start();
    const client = this.#subject.createConnection(
      {
        autoRestart: true,
        closeTimeoutMs: 5_000,
        reconnect: { baseDelayMs: 10, maxDelayMs: 200, minDelayMs: 0 },
        sendQueue: { maxMessages: 4, whenFull },
      },
      network,
    );
    client.on('warning', () => {});
    await client.connect('127.0.0.1', 5000);
    const accepting = (async () => {
      for await (const connection of server) this.#serve(connection);
    })();
    network.hold();
    for (let step = 0; step < stepsPerLife; step++) await this.#act(client);
    network.release();
    for (const link of network.links) link.release();
    await network.clock.advance(60_000);
    // Without further faults every send has settled, and the connection is up.
    expect(client.state).toBe('connected');
    expect(this.#attempts.filter(({ outcomes }) => outcomes.length === 0).map(({ n }) => n)).toEqual([]);
    const closed = client.close();
    await network.clock.advance(10_000);
    await closed;
    const ended = server.closeServer();
    await network.clock.advance(10_000);
    await ended;
    await accepting;
    await this.#serving;
    await network.settled();
    this.#check(client);
  }

  #draw<R>(choices: readonly R[]): R {
    return choices[Math.floor(this.#random() * choices.length)] as R;
  }

  async #act(client: Connection<T>): Promise<void> {
    const network = this.#network;
    const chance = this.#random();
    if (chance < 0.25) this.#send(client);
    else if (chance < 0.85) for (let steps = this.#random() * 20; steps > 0; steps--) network.step();
    else if (chance < 0.92) await network.clock.advance(this.#draw([0, 5, 50, 500]));
    else if (network.links.length > 0) this.#break(this.#draw(network.links));
    if (this.#random() < 0.5) await network.settled();
  }

  #send(client: Connection<T>): void {
    const acknowledged = this.#subject.acknowledged !== undefined && this.#random() < 0.5;
    const wait = this.#random() < 0.3 ? { timeoutMs: this.#draw([0, 20, 1000]) } : {};
    const options = { ...(acknowledged ? this.#subject.acknowledged : {}), ...wait };
    const { value, data } = this.#subject.numbered(this.#attempts.length + 1, this.#draw([8, 100, 3000]));
    // A message that waits for its acknowledgement is sent again on the next link, and may arrive twice.
    const attempt = this.#checker.attempted(JSON.stringify(data), { repeats: acknowledged });
    this.#attempts.push(attempt);
    client.sendData(value, options as never).then(
      (sent) => attempt.ended(outcomeOfSend(acknowledged, sent)),
      ({ code }) => {
        this.#codes.add(code);
        attempt.ended(outcomeOfSend(acknowledged, code));
      },
    );
  }

  #break(link: MemoryLink): void {
    const stream = this.#draw([link.toServer, link.toClient]);
    switch (this.#draw(['reset', 'finish', 'stall', 'release', 'cut'] as const)) {
      case 'reset':
        return link.reset();
      case 'finish':
        return link.finish();
      case 'stall':
        return stream.stall();
      case 'release':
        return link.release();
      case 'cut':
        return stream.cutAfter(
          stream.carriedBytes + Math.floor(this.#random() * 100),
          this.#draw(['fin', 'reset', 'half-close'] as const),
        );
    }
  }

  #serve(connection: Connection<T>): void {
    const name = `connection ${++this.#connections}`;
    const reading = (async () => {
      for await (const data of connection) this.#checker.received(name, JSON.stringify(data));
    })();
    this.#serving = Promise.all([this.#serving, reading]);
  }

  #check(client: Connection<T>): void {
    expect(client.state).toBe('closed');
    expect(this.#network.clock.pending).toBe(0);
    expect(this.#network.links).toHaveLength(0);
    expect(this.#network.listenerCount).toBe(0);
    // After five links without an acknowledgement the sender stops repeating a message, which may have arrived.
    const mayBe: unknown[] = ['ERR_SERPY_QUEUE_FULL', ...(this.#subject.acknowledged ? ['ERR_SERPY_LOST'] : [])];
    expect([...this.#codes].filter((code) => !mayBe.includes(code))).toEqual([]);
    expect(this.#checker.verify()).toEqual([]);
  }
}

export function simulatingStatement<T extends ProtocolTypes>(subject: ProtocolUnderTest<T>): void {
  test('a life with every fault keeps the order, delivers acknowledged messages, settles all promises and leaves nothing', async () => {
    for (let seed = 1; seed <= lives; seed++) {
      try {
        await new Life(subject, seed).run();
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
}
