/**
 * Acknowledged messages: sent again on each new link until they are acknowledged, and no answer, however late, is taken for
 * that of another message.
 */
import { fc, test as property } from 'serpy-contract-tests/properties';
import { trackPromise } from 'serpy-contract-tests/stage';
import type { Transport } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { Connection, type Mode, Server } from 'serpy-v1';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Block } from '../src/wire/block.js';
import { Conversation, shown, wire } from './conversation.js';
import { Original } from './oracle.js';

const host = '127.0.0.1';
const port = 5000;
const soon = { baseDelayMs: 2, maxDelayMs: 4, minDelayMs: 0 };

/** What each link brought to a server, in order. */
function serve(server: Server): number[][] {
  const links: number[][] = [];
  server.on('connection', (connection) => {
    const taken: number[] = [];
    links.push(taken);
    connection.on('warning', () => {});
    void (async () => {
      for await (const data of connection) taken.push(Number(data));
    })();
  });
  return links;
}

describe('a link that breaks while messages are sent again', () => {
  test.each(['fin', 'reset', 'half-close'] as const)(
    'by %s, at any byte, and while more are sent: none is lost, and each link brings them in order',
    async (how) => {
      for (let afterBytes = 1; afterBytes <= 60; afterBytes++) {
        const network = new MemoryNetwork({
          linked: (link) => {
            if (link.index === 0) link.toClient.stall(); // brings no answer
            if (link.index === 1) link.toServer.cutAfter(afterBytes, how);
            if (link.index === 2) link.toClient.cutAfter(afterBytes, how);
          },
        });
        network.clock.runFreely();
        const server = await new Server({ port }, network).start();
        const links = serve(server);
        const client = await new Connection({ autoRestart: true, reconnect: soon }, network).connect(host, port);
        client.on('warning', () => {});
        const sent: Promise<boolean>[] = [];
        const send = () =>
          sent.push(client.sendData(sent.length, { mode: ([1, 3, 5] as const)[sent.length % 3] as Mode }));
        for (let n = 0; n < 4; n++) send();
        client.on('reconnect', send);
        client.on('disconnect', send);
        await network.settled();
        network.links[0]?.reset();
        while (client.stats().reconnects < 3) await network.settled();
        send();
        expect(await Promise.all(sent), `${afterBytes}`).toEqual(sent.map(() => true));
        client.off('disconnect', send).destroy();
        await server.closeServer();
        await network.settled();
        network.clock.stop();
        expect(new Set(links.flat()), `${afterBytes}`).toEqual(new Set(sent.map((_, n) => n)));
        for (const taken of links) expect(taken, `${afterBytes}`).toEqual([...new Set(taken)].sort((a, b) => a - b));
        expect(network.clock.pending).toBe(0);
      }
    },
  );

  test('a thousand failed connection attempts and one that succeeds: each message arrives once', async () => {
    const network = new MemoryNetwork();
    const { clock } = network;
    clock.runFreely();
    const server = await new Server({ port }, network).start();
    const links = serve(server);
    const client = await new Connection({ autoRestart: true, reconnect: soon }, network).connect(host, port);
    network.links[0]?.toServer.stall();
    const waiting = [0, 1, 2].map((n) => client.sendData(n, { mode: 1 }));
    network.refuse(port);
    network.links[0]?.reset();
    let attempts = 0;
    client.on('reconnecting', () => attempts++);
    while (client.state !== 'reconnecting') await network.settled();
    const queued = [3, 4].map((n) => client.sendData(n));
    while (attempts < 1000) await network.settled();
    const settled = waiting.map(trackPromise);
    await network.settled();
    expect(settled.map((each) => each.settled)).toEqual(['no', 'no', 'no']);
    network.restore(port);
    expect(await Promise.all([...waiting, ...queued])).toEqual([true, true, true, true, true]);
    await client.close();
    await server.closeServer();
    clock.stop();
    expect(links.flat()).toEqual([0, 1, 2, 3, 4]);
  });
});

/** A client, and a peer in the test's hands that answers nothing by itself. */
async function silentPair(autoRestart = false) {
  const network = new MemoryNetwork();
  const peers: Transport[] = [];
  let heard = '';
  const listener = await network.listen({
    host,
    port,
    keepAliveMs: 0,
    accept: (peer) => {
      peers.push(peer);
      const received = (chunk: Buffer) => {
        heard += shown(chunk);
      };
      peer.start({ received, drained: () => {}, ended: () => peer.end(), closed: () => {} });
    },
    failed: () => {},
  });
  const options = { autoRestart, reconnect: soon, modeChangeTimeoutMs: 0 };
  const client = await new Connection(options, network).connect(host, port);
  const warnings: string[] = [];
  client.on('warning', ({ code }) => warnings.push(code));
  onTestFinished(async () => {
    client.destroy();
    listener.close();
    for (const peer of peers) peer.destroy();
    await network.settled();
    expect(network.clock.pending).toBe(0);
  });
  return {
    network,
    client,
    warnings,
    async answer(blocks: string) {
      peers.at(-1)?.write(wire(blocks));
      await network.settled();
    },
    /** What the client wrote since the last call. */
    takeHeard() {
      const taken = heard;
      heard = '';
      return taken;
    },
  };
}

describe('an answer that comes late', () => {
  test('belongs to the message that is no longer awaited, and resolves no other', async () => {
    const { network, client, warnings, answer } = await silentPair();
    const first = client.sendData('first', { mode: 1, timeoutMs: 100 });
    await network.clock.advance(100);
    expect(await first).toBe(false);
    const second = client.sendData('second', { mode: 1 });
    const state = trackPromise(second);
    await answer('^ACKMODCG|^ACKEOT!!|');
    expect(state.settled).toBe('no');
    await answer('^ACKEOT!!|');
    expect([await second, warnings]).toEqual([true, []]);
  });

  test('a hundred times in a row, does not either', async () => {
    const { network, client, warnings, answer } = await silentPair();
    for (let n = 0; n < 100; n++) {
      const sent = client.sendData(n, { mode: 1, timeoutMs: 10 });
      await network.clock.advance(10);
      expect(await sent).toBe(false);
    }
    const last = client.sendData('last', { mode: 3 });
    const state = trackPromise(last);
    await answer(`^ACKMODCG|${'^ACKEOT!!|'.repeat(100)}^ACKMODCG|`);
    expect(state.settled).toBe('no');
    await answer('^ACKEOT!!|');
    expect([await last, warnings]).toEqual([true, []]);
  });

  test('cannot come on the next link: there the first answer is that of the first message sent again', async () => {
    const { network, client, answer, takeHeard } = await silentPair(true);
    const first = client.sendData('first', { mode: 1, timeoutMs: 100 });
    const second = client.sendData('second', { mode: 1 });
    await network.clock.advance(100);
    expect(await first).toBe(false);
    takeHeard();
    network.links[0]?.reset();
    await network.clock.advance(100);
    expect(takeHeard()).toBe('^SETMODE1|second␄|');
    await answer('^ACKMODCG|^ACKEOT!!|');
    expect(await second).toBe(true);
  });

  test('without a message causes a warning, and does not count for the next message', async () => {
    const { client, warnings, answer } = await silentPair();
    await client.sendData('plain');
    await answer('^ACKEOT!!|');
    expect(warnings).toEqual(['ERR_SERPY_PROTOCOL']);
    const sent = client.sendData('acknowledged', { mode: 1 });
    const state = trackPromise(sent);
    await answer('^ACKMODCG|');
    expect(state.settled).toBe('no');
    await answer('^ACKEOT!!|');
    expect(await sent).toBe(true);
  });
});

test('a message that timed out before it was written is never written', async () => {
  const { network, client, takeHeard } = await silentPair(true);
  network.refuse(port);
  network.links[0]?.reset();
  await network.settled();
  const sent = client.sendData('too late', { mode: 1, timeoutMs: 50 });
  await network.clock.advance(50);
  expect(await sent).toBe(false);
  await client.sendData('in time');
  takeHeard();
  network.restore(port);
  await network.clock.advance(100);
  expect(takeHeard()).toBe('in time|');
});

type Step =
  | { readonly do: 'send'; readonly mode: Mode }
  | { readonly do: 'forget'; readonly which: number }
  | { readonly do: 'bring' | 'answer'; readonly bytes: number }
  | { readonly do: 'break' };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('send' as const), mode: fc.integer({ min: 0, max: 3 }) as fc.Arbitrary<Mode> }),
  fc.record({ do: fc.constant('forget' as const), which: fc.nat() }),
  fc.record({ do: fc.constantFrom('bring' as const, 'answer' as const), bytes: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ do: fc.constant('break' as const) }),
);

/** A session, the current link, and a Python peer at the other end. */
class Model {
  readonly #conversation = new Conversation();
  readonly #sent: Block[] = [];
  readonly #forgotten = new Set<Block>();
  /** The messages that a Python peer received over any link. */
  readonly #delivered = new Set<string>();
  #original = new Original();
  #onTheWay = Buffer.alloc(0);
  #answers = Buffer.alloc(0);

  play(step: Step): void {
    const { session, acknowledged } = this.#conversation;
    if (step.do === 'send') {
      this.#sent.push(this.#conversation.say(String(this.#sent.length), { mode: step.mode }));
    } else if (step.do === 'forget') {
      const waiting = this.#sent.filter((block) => block.awaitsAck && !acknowledged.includes(block));
      const block = waiting[step.which % (waiting.length || 1)];
      if (block === undefined) return;
      session.cancelAck(block);
      this.#forgotten.add(block);
    } else if (step.do === 'bring') {
      this.#bring(step.bytes);
    } else if (step.do === 'answer') {
      this.#answer(step.bytes);
    } else {
      this.#original = new Original();
      this.#conversation.takeWritten();
      this.#onTheWay = Buffer.alloc(0);
      this.#answers = Buffer.alloc(0);
      this.#conversation.reconnect();
    }
    this.#check();
  }

  /** Nothing breaks any more: all that somebody waits for is acknowledged. */
  end(): void {
    this.#bring(Number.POSITIVE_INFINITY);
    this.#answer(Number.POSITIVE_INFINITY);
    this.#check();
    const { acknowledged } = this.#conversation;
    const open = this.#sent.filter((block) => block.awaitsAck && !acknowledged.includes(block));
    expect(open.filter((block) => !this.#forgotten.has(block))).toEqual([]);
  }

  #bring(bytes: number): void {
    this.#onTheWay = Buffer.concat([this.#onTheWay, this.#conversation.takeWritten()]);
    this.#original.receive(this.#onTheWay.subarray(0, bytes));
    this.#onTheWay = this.#onTheWay.subarray(Math.min(bytes, this.#onTheWay.length));
    this.#answers = Buffer.concat([this.#answers, this.#original.takeAnswers()]);
    for (const message of this.#original.messages) this.#delivered.add(String.fromCharCode(...message.bytes));
  }

  #answer(bytes: number): void {
    this.#conversation.hear(this.#answers.subarray(0, bytes));
    this.#answers = this.#answers.subarray(Math.min(bytes, this.#answers.length));
  }

  #check(): void {
    const { acknowledged, warnings } = this.#conversation;
    const numbers = acknowledged.map((block) => this.#sent.indexOf(block));
    expect(numbers, 'each once, in order').toEqual([...new Set(numbers)].sort((a, b) => a - b));
    for (const number of numbers) expect(this.#delivered, 'and none that did not arrive').toContain(String(number));
    expect([warnings, this.#original.deaf]).toEqual([[], undefined]);
  }
}

property.prop([fc.array(anyStep, { maxLength: 60 })], { numRuns: 300 })(
  'for all breaks and cancelled waits: each acknowledged message has arrived, once, and each awaited message is acknowledged in the end',
  (steps) => {
    const model = new Model();
    for (const step of steps) model.play(step);
    model.end();
  },
);

describe('a message of which the peer fails each time', () => {
  test.each([undefined, 2] as const)(
    'is rejected after its number of links (maxUnansweredLinks: %s), and later messages arrive',
    async (maxUnansweredLinks) => {
      const network = new MemoryNetwork();
      network.clock.runFreely();
      let links = 0;
      const listener = await network.listen({
        host,
        port,
        keepAliveMs: 0,
        accept: (transport) => {
          links++;
          transport.start({
            received: (chunk) => {
              if (chunk.includes('poison')) transport.destroy();
              else for (const byte of chunk) if (byte === 4) transport.write(wire('\x01ACKEOT!!\x1f'));
            },
            drained: () => {},
            ended: () => transport.end(),
            closed: () => {},
          });
        },
        failed: () => {},
      });
      onTestFinished(() => listener.close());
      const options = maxUnansweredLinks === undefined ? {} : { maxUnansweredLinks };
      const client = new Connection({ autoRestart: true, reconnect: soon, ...options }, network);
      client.on('warning', () => {});
      await client.connect(host, port);
      const poison = client.sendData('poison', { mode: 1 });
      const behind = client.sendData('behind', { mode: 1 });
      await expect(poison).rejects.toMatchObject({
        code: 'ERR_SERPY_LOST',
        message: expect.stringContaining('maxUnansweredLinks'),
      });
      expect(await behind).toBe(true);
      expect(links).toBe((maxUnansweredLinks ?? 5) + 1);
      client.destroy();
    },
  );
});
