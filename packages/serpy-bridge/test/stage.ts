/** Instruments, bridges and collectors of a test, which all end with it. */
import { type Connection, type ListenOptions, listen } from 'serpy';
import { FaultProxy } from 'serpy-fault-proxy';
import { expect, vi } from 'vitest';
import { type About, type Bridge, type BridgeOptions, openBridge } from '../src/index.js';
import { BrokerProcess, Collector } from './brokers.js';

const closing: (() => unknown)[] = [];

export function onEnd(close: () => unknown): void {
  closing.push(close);
}

/** For `afterEach`. */
export async function clearAway(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

const patience = { timeout: 30_000, interval: 20 };

/** Waits until the expectations hold. */
export function until<T>(expectations: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(expectations, patience);
}

export async function mosquitto(lines?: readonly string[], files?: Record<string, string>): Promise<BrokerProcess> {
  const process = await BrokerProcess.mosquitto(lines, files);
  closing.push(() => process.remove());
  return process;
}

export async function natsServer(args?: readonly string[], files?: Record<string, string>): Promise<BrokerProcess> {
  const process = await BrokerProcess.nats(args, files);
  closing.push(() => process.remove());
  return process;
}

/** A proxy before the broker, which a test cuts. */
export async function proxyBefore({ port }: { readonly port: number }, scheme = 'mqtt') {
  const proxy = await new FaultProxy({ target: { port } }).start();
  closing.push(() => proxy.close());
  return {
    proxy,
    url: `${scheme}://127.0.0.1:${proxy.address.port}`,
    async pull() {
      await proxy.answer('rst');
      proxy.cut('rst');
    },
    plug: () => proxy.answer('pass'),
  };
}

export async function instrument(port = 0, options: object = {}) {
  const server = await listen({ protocol: 'v2', port, closeTimeoutMs: 100, ...options } as ListenOptions);
  closing.push(() => server.closeServer());
  const received: unknown[] = [];
  server.on('connection', async (client) => {
    for await (const value of client as unknown as Connection) received.push(value);
  });
  return {
    server,
    /** What the instrument received. */
    received,
    port: server.address.port,
    url: `serpy2://127.0.0.1:${server.address.port}`,
    async send(...values: (string | number | Uint8Array)[]) {
      await until(() => expect(server.size).toBeGreaterThan(0));
      for (const value of values) for (const client of server) await client.sendData(value);
    },
  };
}

export async function bridge(options: Omit<BridgeOptions, 'name'> & { name?: string }) {
  const warnings: string[] = [];
  const made: Bridge = await openBridge({
    name: 'cam',
    onWarning: (error) => void warnings.push(`${error.code} ${error.message}`),
    ...options,
  });
  closing.push(() => made.close());
  return { bridge: made, warnings };
}

export async function collect(url: string, topic = '#', options = {}): Promise<Collector> {
  const collector = await Collector.subscribe(url, topic, options);
  closing.push(() => collector.close());
  return collector;
}

export function connected(each: Bridge): Promise<void> {
  return until(() =>
    expect(each.stats()).toMatchObject({ broker: { state: 'connected' }, instrument: { state: 'connected' } }),
  );
}

export function aboutOf(collector: Collector): About {
  return JSON.parse(String(collector.on('lab/cam/$about').at(-1) ?? '{}'));
}

/** What was received is published, skipped, refused, dropped or waiting. */
export function expectBalance(each: Bridge): void {
  const { received, published, skipped, refused, dropped, waiting } = each.stats();
  expect(published + skipped + refused + dropped + waiting).toBe(received);
}
