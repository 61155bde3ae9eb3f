/**
 * A whole life of two of our peers in a network where a seed decides what arrives when, what breaks and who does what. Nothing that was
 * accepted may be lost, doubled, changed or put in another place.
 */
import {
  type Attempt,
  DeliveryChecker,
  type MemoryLink,
  MemoryNetwork,
  outcomeOfSend,
  seededRandom,
} from 'serpy-core/testing';
import { Connection, Server } from 'serpy-v2';

/** What happened in a life; a property that does not hold throws. */
export interface LifeReport {
  readonly sent: number;
  readonly links: number;
  readonly damaged: number;
}

interface End {
  readonly name: string;
  readonly connection: Connection;
  /** Judges what this end sends. */
  readonly checker: DeliveryChecker;
  readonly sent: Attempt[];
}

const queue = { maxMessages: 4, maxBytes: 1_000_000, whenFull: 'block' } as const;

export class Life {
  readonly #random: () => number;
  readonly #network: MemoryNetwork;
  readonly #steps: number;
  readonly #largest: number;
  #damaged = 0;

  constructor(seed: number, steps: number) {
    this.#random = seededRandom(seed * 7919 + 1);
    const slicing = this.#draw(['random', 'writes', 1, 40, 5000] as const);
    // Byte by byte, large messages would take a step for each.
    this.#largest = slicing === 1 ? 300 : slicing === 40 ? 5000 : 300_000;
    this.#network = new MemoryNetwork({ seed, slicing, pipeBytes: this.#draw([50, 1000, 65_536, 1_000_000]) });
    this.#steps = steps;
  }

  async run(): Promise<LifeReport> {
    const network = this.#network;
    const session = { resumeWindowMs: 10_000_000, peerTimeoutMs: 15_000 };
    const limits = { receiveQueue: queue, sendQueue: queue, closeTimeoutMs: 100_000 };
    const replayQueue = { maxMessages: this.#draw([1, 3, 4096]), maxBytes: this.#draw([1, 500_000, 64_000_000]) };
    const server = await new Server({ port: 5000, ...session, ...limits, replayQueue }, network).start();
    const client = new Connection(
      {
        session: 'require',
        autoRestart: true,
        reconnect: { baseDelayMs: 10, maxDelayMs: 200 },
        ...session,
        ...limits,
        replayQueue,
      },
      network,
    );
    client.on('warning', () => {});
    await client.connect('127.0.0.1', 5000);
    const accepted = await server.getConnection();
    accepted.on('warning', () => {});
    const ends: readonly [End, End] = [
      { name: 'client', connection: client, checker: new DeliveryChecker({ order: 'stream' }), sent: [] },
      { name: 'server', connection: accepted, checker: new DeliveryChecker({ order: 'stream' }), sent: [] },
    ];
    const [atClient, atServer] = ends;
    network.hold();
    for (let step = 0; step < this.#steps; step++) {
      await this.#act(ends);
      this.#takeSome(client, atServer);
      this.#takeSome(accepted, atClient);
    }
    network.release();
    for (const link of network.links) link.release();
    const readings = [readAll(client, atServer), readAll(accepted, atClient)];
    await network.clock.advance(100_000);
    for (const { name, sent } of ends) {
      const open = sent.filter(({ outcomes }) => outcomes.length !== 1);
      if (open.length > 0) throw new Error(`${name}: ${open.length} calls of sendData did not settle once`);
    }
    const closed = client.close();
    await network.clock.advance(100_000);
    await closed;
    await network.settled();
    if (accepted.state !== 'closed') throw new Error(`the server's connection is ${accepted.state}`);
    if (accepted.closeInfo?.clean !== true) throw new Error('the server does not know that the end was meant');
    await server.closeServer();
    await Promise.all(readings);
    for (const { name, sent, checker } of ends) {
      const faults = checker.verify({ allowMissing: 0 });
      if (checker.arrived < sent.length) faults.push(`${sent.length} were sent and ${checker.arrived} arrived`);
      if (faults.length > 0) throw new Error(`${name}: ${faults.join('; ')}`);
    }
    if (network.links.length > 0 || network.clock.pending > 0) throw new Error('something was left behind');
    return {
      sent: ends.reduce((sum, { sent }) => sum + sent.length, 0),
      links: network.linkCount,
      damaged: this.#damaged,
    };
  }

  #draw<R>(choices: readonly R[]): R {
    return choices[Math.floor(this.#random() * choices.length)] as R;
  }

  async #act(ends: readonly End[]): Promise<void> {
    const network = this.#network;
    const chance = this.#random();
    if (chance < 0.25) this.#send(this.#draw(ends));
    else if (chance < 0.85) for (let steps = this.#random() * 30; steps > 0; steps--) network.step();
    else if (chance < 0.92) await network.clock.advance(this.#draw([0, 5, 60, 500, 6000]));
    else if (network.links.length > 0) this.#break(this.#draw(network.links));
    if (this.#random() < 0.5) await network.settled();
  }

  #send({ connection, checker, sent }: End): void {
    const n = sent.length + 1;
    const bytes = Buffer.alloc(Math.min(this.#largest, this.#draw([4, 20, 100, 3000, 5000, 70_000, 300_000])), n);
    bytes.writeUInt32LE(n);
    const acknowledge = this.#draw([undefined, 'received', 'consumed'] as const);
    const attempt = checker.attempted(bytes);
    connection.sendData(bytes, { acknowledge }).then(
      (result) => attempt.ended(outcomeOfSend(acknowledge !== undefined, result)),
      ({ code }) => attempt.ended(outcomeOfSend(acknowledge !== undefined, code)),
    );
    sent.push(attempt);
  }

  /** An application that is sometimes slow. */
  #takeSome(connection: Connection, { checker, name }: End): void {
    if (this.#random() < 0.7) return;
    for (const data of connection) {
      checker.received(`the peer of ${name}`, data as Buffer);
      if (this.#random() < 0.5) return;
    }
  }

  #break(link: MemoryLink): void {
    const stream = this.#draw([link.toServer, link.toClient]);
    switch (this.#draw(['reset', 'finish', 'stall', 'release', 'cut', 'damage'] as const)) {
      case 'reset':
        return link.reset();
      case 'finish':
        return link.finish();
      case 'stall':
        return stream.stall();
      case 'release':
        return link.release();
      case 'damage':
        this.#damaged++;
        return stream.damageNext();
      case 'cut':
        return stream.cutAfter(
          stream.carriedBytes + Math.floor(this.#random() * 400),
          this.#draw(['fin', 'reset', 'half-close', 'stall'] as const),
        );
    }
  }
}

async function readAll(connection: Connection, { checker, name }: End): Promise<void> {
  for await (const data of connection) checker.received(`the peer of ${name}`, data as Buffer);
}
