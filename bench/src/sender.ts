/** The sender of one-way workloads: as fast as the peer accepts messages, or with fresh memory for a slow reader. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from './clock.js';
import type { Credits } from './credits.js';
import { batchSize } from './payload.js';
import type { Link, Payload, Serving } from './peer.js';
import type { Calls } from './protocol.js';
import { keptRssMiB } from './usage.js';
import type { Workload } from './workload.js';

type SendOnce = (payload: Payload, count: number) => Promise<void> | undefined;

/** The number of memory samples of `sendFresh`. */
const rssSamples = 20;

/** The bytes of `fill`, and the time in which they reach the buffers. */
const fillBytes = 64 * 1024 * 1024;
const fillMs = 1000;

export class Sender {
  readonly #workload: Workload;
  readonly #payload: Payload;
  readonly #links: readonly Link[];
  readonly #serving: Serving | undefined;

  constructor(workload: Workload, payload: Payload, links: readonly Link[], serving?: Serving) {
    this.#workload = workload;
    this.#payload = payload;
    this.#links = links;
    this.#serving = serving;
  }

  async send(seconds: number): Promise<Calls['send']['answer']> {
    const send = this.#sendOnce();
    const count = batchSize(this.#workload);
    const startedMs = nowMs();
    const untilMs = startedMs + seconds * 1000;
    let messages = 0;
    do {
      const wait = send(this.#payload, count);
      if (wait) await wait;
      messages += count * this.#workload.connections;
    } while (nowMs() < untilMs);
    return { messages, startedMs };
  }

  /** Broadcasts as fast as the first client answers. */
  async sendPaced(seconds: number, answers: Credits): Promise<Calls['send']['answer']> {
    const startedMs = nowMs();
    const untilMs = startedMs + seconds * 1000;
    let messages = 0;
    let dropped = 0;
    do {
      await answers.take();
      dropped += (await this.#serving?.broadcastToReaders?.(this.#payload)) ?? 0;
      messages += this.#workload.connections;
    } while (nowMs() < untilMs);
    return { messages, startedMs, dropped };
  }

  /** Starts more sends to the last client than fit into its queue and the buffers of the system. */
  async fill(): Promise<Calls['fill']['answer']> {
    void this.#links.at(-1)?.send(this.#payload, Math.ceil(fillBytes / this.#payload.bytes.length));
    await sleep(fillMs);
    return {};
  }

  /** Like `send`, but each message has its own memory, so that queued messages cost what they cost in a program. Memory is sampled without garbage. */
  async sendFresh(seconds: number): Promise<Calls['sendFresh']['answer']> {
    const memory: number[] = [];
    const sampling = setInterval(() => memory.push(keptRssMiB()), (seconds * 1000) / rssSamples);
    let messages = 0;
    let over = false;
    const sending = async () => {
      const { messageBytes } = this.#workload;
      for (; !over; messages++) {
        await this.#links[0]?.send({ bytes: Buffer.alloc(messageBytes, messages), text: undefined }, 1);
        // The waits of some peers run on microtasks only, which would starve sockets and timers.
        await nextTurn();
      }
    };
    // The last send can wait for the slow reader for a long time.
    await Promise.race([sending(), sleep(seconds * 1000)]);
    over = true;
    clearInterval(sampling);
    return { messages, rssMiB: memory };
  }

  #sendOnce(): SendOnce {
    const links = this.#links;
    const [only] = links;
    if (this.#workload.kind === 'broadcast' && this.#serving?.broadcast) {
      return this.#serving.broadcast.bind(this.#serving);
    }
    if (only !== undefined && links.length === 1) return only.send.bind(only);
    return (payload, count) => {
      const waits = links.map((link) => link.send(payload, count)).filter((wait) => wait !== undefined);
      return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
    };
  }
}
