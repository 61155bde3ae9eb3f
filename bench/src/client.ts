/** The client of a peer: sends, or receives what the server sends. */
import { Arrivals } from './arrivals.js';
import { Batcher } from './batcher.js';
import { nowMs } from './clock.js';
import { createPayload } from './payload.js';
import type { Address, Link, MessageHandler, NodePeer, Payload } from './peer.js';
import type { Calls, Request } from './protocol.js';
import { Sender } from './sender.js';
import { percentile } from './statistics.js';
import { usage } from './usage.js';
import type { Workload } from './workload.js';

/** Concurrent connection attempts. The backlog of a server of Node is 511 by default. */
const maxConcurrentConnects = 50;

export class Client {
  readonly #peer: NodePeer;
  readonly #workload: Workload;
  readonly #address: Address;
  readonly #payload: Payload;
  readonly #messages = new Arrivals();
  readonly #links: Link[] = [];
  /** Handles each message; the running workload replaces it. */
  #onMessage: MessageHandler = (bytes) => {
    const { messageBytes } = this.#workload;
    if (bytes !== messageBytes) throw new Error(`a message of ${bytes} bytes arrived, ${messageBytes} were sent`);
    return this.#messages.add();
  };

  static async start(peer: NodePeer, workload: Workload, address: Address): Promise<Client> {
    const client = new Client(peer, workload, address);
    // For idle clients, the workload measures connecting.
    if (workload.kind !== 'idle') await client.#connect();
    return client;
  }

  private constructor(peer: NodePeer, workload: Workload, address: Address) {
    this.#peer = peer;
    this.#workload = workload;
    this.#address = address;
    this.#payload = createPayload(workload);
  }

  readonly address = undefined;

  readonly calls = {
    send: async ({ seconds }: Calls['send']['request']) => await this.#sender().send(seconds),
    sendFresh: async ({ seconds }: Calls['sendFresh']['request']) => await this.#sender().sendFresh(seconds),
    received: async ({ messages }: Calls['received']['request']) => ({ lastMs: await this.#messages.wait(messages) }),
    roundTrips: async ({ seconds }: Calls['roundTrips']['request']) => await this.#roundTrips(seconds),
    acknowledged: async ({ seconds }: Calls['acknowledged']['request']) => await this.#acknowledged(seconds),
    requests: async ({ seconds }: Calls['requests']['request']) => await this.#acknowledged(seconds),
    connect: async () => {
      const startedMs = nowMs();
      await this.#connect();
      return { startedMs };
    },
    usage: async ({ settle = false }: Calls['usage']['request']) => await usage(settle, undefined),
  } satisfies Partial<{ [K in Request['do']]: (request: Calls[K]['request']) => Promise<Calls[K]['answer']> }>;

  #sender(): Sender {
    return new Sender(this.#workload, this.#payload, this.#links);
  }

  async #connect(): Promise<void> {
    let left = this.#workload.connections;
    const connectInTurn = async () => {
      while (left-- > 0) {
        const link = await this.#peer.client(this.#workload, this.#address);
        this.#links.push(link);
        this.#listen(link);
      }
    };
    await Promise.all(Array.from({ length: maxConcurrentConnects }, connectInTurn));
  }

  #listen(link: Link): void {
    const { kind, connections } = this.#workload;
    if (kind === 'request') return;
    // The first of many clients answers each broadcast, so that the sender is as fast as they are.
    const answers = kind === 'paced-broadcast' && connections > 1 && this.#links.length === 1;
    link.receive(
      answers ? (bytes) => this.#onMessage(bytes) ?? link.send(this.#payload, 1) : (bytes) => this.#onMessage(bytes),
    );
  }

  #link(): Link {
    const [link] = this.#links;
    if (link === undefined) throw new Error('there is no connection');
    return link;
  }

  #roundTrips(seconds: number): Promise<Calls['roundTrips']['answer']> {
    const link = this.#link();
    const tookMs: number[] = [];
    const untilMs = performance.now() + seconds * 1000;
    return new Promise((resolve) => {
      let sentMs = performance.now();
      this.#onMessage = () => {
        const receivedMs = performance.now();
        tookMs.push(receivedMs - sentMs);
        if (receivedMs >= untilMs) {
          tookMs.sort((a, b) => a - b);
          const us = (share: number) => percentile(tookMs, share) * 1000;
          resolve({ count: tookMs.length, p50Us: us(0.5), p99Us: us(0.99) });
          return undefined;
        }
        sentMs = performance.now();
        return link.send(this.#payload, 1);
      };
      link.send(this.#payload, 1);
    });
  }

  /** Sends once and resolves when the peer has acknowledged or answered; undefined if the receiving program replies with a message. */
  #confirmation(link: Link): (() => Promise<unknown>) | undefined {
    if (this.#workload.kind !== 'request') {
      return link.sendAcknowledged && (() => link.sendAcknowledged?.(this.#payload) ?? Promise.resolve());
    }
    const { messageBytes } = this.#workload;
    return async () => {
      const bytes = await link.request?.(this.#payload);
      if (bytes !== messageBytes) throw new Error(`an answer of ${bytes} bytes arrived, ${messageBytes} were expected`);
    };
  }

  #acknowledged(seconds: number): Promise<Calls['acknowledged']['answer']> {
    const link = this.#link();
    const { inFlight } = this.#workload;
    const startedMs = nowMs();
    const untilMs = startedMs + seconds * 1000;
    return new Promise((resolve, reject) => {
      let count = 0;
      let waiting = inFlight;
      let over = false;
      setTimeout(() => {
        over = true;
      }, untilMs - startedMs);
      const sends = new Batcher((messages) => link.send(this.#payload, messages));
      const confirm = this.#confirmation(link);
      const send = confirm ? () => void confirm().then(acknowledged, reject) : () => sends.add();
      const acknowledged = (): undefined => {
        count++;
        if (!over) send();
        else if (--waiting === 0) resolve({ count, tookMs: nowMs() - startedMs });
      };
      this.#onMessage = acknowledged;
      for (let sent = 0; sent < inFlight; sent++) send();
    });
  }
}
