/** The server of a peer: receives, echoes, acknowledges or sends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Arrivals } from './arrivals.js';
import { Batcher } from './batcher.js';
import { nowMs } from './clock.js';
import { Credits } from './credits.js';
import { createPayload } from './payload.js';
import type { Address, Link, MessageHandler, NodePeer, Payload, Serving } from './peer.js';
import type { Calls, Request } from './protocol.js';
import { Sender } from './sender.js';
import { usage } from './usage.js';
import type { Workload } from './workload.js';

/** The rate of the slow reader: 1 MB/s. */
const slowBytesPerSecond = 1_000_000;

export class Server {
  readonly #workload: Workload;
  readonly #payload: Payload;
  readonly #messages = new Arrivals();
  readonly #connections = new Arrivals();
  readonly #answers = new Credits();
  readonly #links: Link[] = [];
  #serving: Serving | undefined;

  static async start(peer: NodePeer, workload: Workload): Promise<Server> {
    const server = new Server(workload);
    server.#serving = await peer.server(workload, (link) => server.#accept(link));
    return server;
  }

  private constructor(workload: Workload) {
    this.#workload = workload;
    this.#payload = createPayload(workload);
  }

  get address(): Address | undefined {
    return this.#serving?.address;
  }

  readonly calls = {
    send: async ({ seconds }: Calls['send']['request']) =>
      this.#workload.kind === 'paced-broadcast'
        ? await this.#sender().sendPaced(seconds, this.#answers)
        : await this.#sender().send(seconds),
    fill: async () => await this.#sender().fill(),
    received: async ({ messages }: Calls['received']['request']) => ({ lastMs: await this.#messages.wait(messages) }),
    accepted: async ({ connections }: Calls['accepted']['request']) => ({
      lastMs: await this.#connections.wait(connections),
    }),
    usage: async ({ settle = false }: Calls['usage']['request']) => await usage(settle, this.#serving?.brokerPid),
  } satisfies Partial<{ [K in Request['do']]: (request: Calls[K]['request']) => Promise<Calls[K]['answer']> }>;

  #sender(): Sender {
    return new Sender(this.#workload, this.#payload, this.#links, this.#serving);
  }

  #accept(link: Link): void {
    this.#links.push(link);
    this.#connections.add();
    if (this.#workload.kind === 'request') this.#answerRequests(link);
    else link.receive(this.#handler(link));
  }

  #answerRequests(link: Link): void {
    if (link.answer === undefined) throw new Error('this peer answers no requests');
    link.answer(this.#payload);
  }

  #handler(link: Link): MessageHandler {
    const { kind, messageBytes } = this.#workload;
    const count: MessageHandler = (bytes) => {
      if (bytes !== messageBytes) throw new Error(`a message of ${bytes} bytes arrived, ${messageBytes} were sent`);
      return this.#messages.add();
    };
    switch (kind) {
      case 'round-trip':
        return () => link.send(this.#payload, 1);
      case 'acknowledged': {
        // A peer with its own acknowledgements replies itself.
        if (link.sendAcknowledged) return count;
        const answers = new Batcher((messages) => link.send(this.#payload, messages));
        return () => answers.add();
      }
      case 'paced-broadcast':
        return () => this.#answers.add();
      case 'slow-reader': {
        let dueMs = nowMs();
        return async (bytes) => {
          dueMs += (bytes / slowBytesPerSecond) * 1000;
          await sleep(Math.max(0, dueMs - nowMs()));
          this.#messages.add();
        };
      }
      default:
        return count;
    }
  }
}
