/** The processes of one peer under one workload: started, warmed up, and measured once (fresh) or in many windows (warm). */
import type { Sample } from './measure.js';
import type { Peer } from './peer.js';
import type { Usage } from './protocol.js';
import { WorkerProcess } from './worker-process.js';
import type { Workload } from './workload.js';

/** A busy machine needs this long for a connection with a key. */
const maxConnectMs = 100;

export class Pair {
  readonly #workload: Workload;
  readonly #client: WorkerProcess;
  readonly #server: WorkerProcess;
  /** One more client, in a process of its own. */
  #bystander: WorkerProcess | undefined;
  readonly #sender: 'client' | 'server';
  /** The messages of one-way workloads since the start. */
  #messages = 0;

  /** @param core the core on which workloads for one core run */
  static async start(peer: Peer, workload: Workload, core: string | undefined): Promise<Pair> {
    const pinned = workload.oneCore ? core : undefined;
    const { worker: server, ready } = await WorkerProcess.start('server', peer, workload, pinned);
    const started = [server];
    try {
      const { worker: client } = await WorkerProcess.start('client', peer, workload, pinned, ready.address);
      started.push(client);
      const pair = new Pair(peer, workload, client, server);
      if (pair.#sender === 'server') await server.call('accepted', { connections: workload.connections });
      if (workload.bystander) {
        const alone = { ...workload, connections: 1 };
        const { worker } = await WorkerProcess.start('client', peer, alone, undefined, ready.address);
        started.push(worker);
        await pair.#join(worker, workload.connections + 1);
      }
      return pair;
    } catch (error) {
      for (const worker of started) await worker.end();
      throw error;
    }
  }

  private constructor(peer: Peer, workload: Workload, client: WorkerProcess, server: WorkerProcess) {
    this.#workload = workload;
    this.#client = client;
    this.#server = server;
    const { kind } = workload;
    this.#sender = kind === 'broadcast' || kind === 'paced-broadcast' ? 'server' : (peer.sender ?? 'client');
  }

  /** Runs the workload without measuring it. */
  async warmUp(seconds: number): Promise<void> {
    const { kind } = this.#workload;
    if (kind !== 'idle' && kind !== 'slow-reader') await this.run(seconds);
  }

  async run(seconds: number): Promise<Sample> {
    switch (this.#workload.kind) {
      case 'one-way':
      case 'burst':
      case 'v1-mode':
      case 'broadcast':
      case 'paced-broadcast':
        return await this.#oneWay(seconds);
      case 'round-trip':
        return await this.#roundTrip(seconds);
      case 'acknowledged':
        return await this.#confirmed('acknowledged', seconds);
      case 'request':
        return await this.#confirmed('requests', seconds);
      case 'idle':
        return await this.#idle();
      case 'slow-reader':
        return await this.#slowReader(seconds);
    }
  }

  async end(): Promise<void> {
    this.#bystander?.thaw();
    for (const worker of [this.#bystander, this.#client, this.#server]) await worker?.end();
  }

  /** Adds the client that only the server's count includes. */
  async #join(worker: WorkerProcess, connections: number): Promise<void> {
    this.#bystander = worker;
    await this.#server.call('accepted', { connections });
    if (this.#workload.bystander !== 'frozen') return;
    worker.freeze();
    await this.#server.call('fill', {});
  }

  async #oneWay(seconds: number): Promise<Sample> {
    const [sender, receiver] = this.#sender === 'client' ? [this.#client, this.#server] : [this.#server, this.#client];
    const { value, cost } = await this.#costOf(async () => {
      const { messages, startedMs, dropped } = await sender.call('send', { seconds });
      if (this.#workload.bystander === 'frozen' && !dropped)
        throw new Error('nothing was dropped for the frozen client');
      this.#messages += messages;
      const { lastMs } = await receiver.call('received', { messages: this.#messages });
      return { messages, tookSeconds: (lastMs - startedMs) / 1000 };
    });
    return {
      ...this.#rates(value.messages, value.tookSeconds),
      ...cost(value.messages * this.#workload.messageBytes, value.messages),
    };
  }

  async #roundTrip(seconds: number): Promise<Sample> {
    const { value, cost } = await this.#costOf(() => this.#client.call('roundTrips', { seconds }));
    const { count, p50Us, p99Us } = value;
    return { p50Us, p99Us, ...cost(2 * count * this.#workload.messageBytes, count) };
  }

  /** Acknowledged messages, or requests. */
  async #confirmed(call: 'acknowledged' | 'requests', seconds: number): Promise<Sample> {
    const { value, cost } = await this.#costOf(() => this.#client.call(call, { seconds }));
    const { count, tookMs } = value;
    return { ...this.#rates(count, tookMs / 1000), ...cost(count * this.#workload.messageBytes, count) };
  }

  async #idle(): Promise<Sample> {
    const { connections } = this.#workload;
    const before = await this.#server.call('usage', { settle: true });
    const { startedMs } = await this.#client.call('connect', {}, connections * maxConnectMs);
    const { lastMs } = await this.#server.call('accepted', { connections });
    const after = await this.#server.call('usage', { settle: true });
    const client = await this.#client.call('usage', {});
    return {
      connectionsPerSecond: (connections / (lastMs - startedMs)) * 1000,
      serverKiBPerConnection: ((after.rssMiB - before.rssMiB) * 1024) / connections,
      clientPeakMiB: client.peakRssMiB,
      serverPeakMiB: after.peakRssMiB,
    };
  }

  async #slowReader(seconds: number): Promise<Sample> {
    const before = await this.#client.call('usage', { settle: true });
    const { rssMiB } = await this.#client.call('sendFresh', { seconds });
    const after = await this.#client.call('usage', {});
    const server = await this.#server.call('usage', {});
    const laterGrowth = (share: number) => {
      const at = Math.floor(rssMiB.length * share);
      return Math.max(...rssMiB.slice(at)) - Math.max(...rssMiB.slice(0, at));
    };
    return {
      growthMiB: Math.max(...rssMiB) - before.rssMiB,
      lateGrowthMiB: laterGrowth(1 / 2),
      laterGrowthMiB: laterGrowth(1 / 3),
      clientPeakMiB: after.peakRssMiB,
      serverPeakMiB: server.peakRssMiB,
      rssMiB: rssMiB.map((each) => Math.round(each * 10) / 10),
    };
  }

  #rates(messages: number, tookSeconds: number): Sample {
    const messagesPerSecond = messages / tookSeconds;
    return { messagesPerSecond, megabytesPerSecond: (messagesPerSecond * this.#workload.messageBytes) / 1e6 };
  }

  /** Runs something, and measures its cost in both processes. */
  async #costOf<T>(run: () => Promise<T>) {
    const usages = async (): Promise<readonly [Usage, Usage]> => [
      await this.#client.call('usage', {}),
      await this.#server.call('usage', {}),
    ];
    const [clientBefore, serverBefore] = await usages();
    const value = await run();
    const [clientAfter, serverAfter] = await usages();
    const cpuSeconds =
      clientAfter.cpuSeconds - clientBefore.cpuSeconds + serverAfter.cpuSeconds - serverBefore.cpuSeconds;
    const cost = (bytes: number, messages: number): Sample => ({
      cpuSecondsPerGigabyte: (cpuSeconds / bytes) * 1e9,
      cpuSecondsPerMillion: (cpuSeconds / messages) * 1e6,
      clientPeakMiB: clientAfter.peakRssMiB,
      serverPeakMiB: serverAfter.peakRssMiB,
    });
    return { value, cost };
  }
}
