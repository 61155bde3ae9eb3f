/** Bridges between real instruments and mosquitto. */
import { randomBytes } from 'node:crypto';
import { type ListenOptions, listen } from 'serpy';
import { decodeNpy, encodeNpy } from 'serpy-arrays';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type About, type Bridge, type BridgeOptions, openBridge } from '../src/index.js';
import { BrokerProcess, Collector, mosquittoPath, noMosquitto } from './brokers.js';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const patience = { timeout: 15_000, interval: 20 };

async function broker(lines?: readonly string[], files?: Record<string, string>): Promise<BrokerProcess> {
  const process = await BrokerProcess.mosquitto(lines, files);
  closing.push(() => process.remove());
  return process;
}

async function instrument(port = 0) {
  const server = await listen({ protocol: 'v2', port, closeTimeoutMs: 100 } as ListenOptions);
  closing.push(() => server.closeServer());
  return {
    server,
    port: server.address.port,
    url: `serpy2://127.0.0.1:${server.address.port}`,
    async send(...values: (string | number | Uint8Array)[]) {
      await vi.waitFor(() => expect(server.size).toBeGreaterThan(0), patience);
      for (const value of values) for (const client of server) await client.sendData(value);
    },
  };
}

async function bridge(options: Omit<BridgeOptions, 'name'> & { name?: string }) {
  const warnings: string[] = [];
  const made: Bridge = await openBridge({
    name: 'cam',
    onWarning: (error) => void warnings.push(`${error.code} ${error.message}`),
    ...options,
  });
  closing.push(() => made.close());
  return { bridge: made, warnings };
}

async function collect(url: string, topic = '#', options = {}): Promise<Collector> {
  const collector = await Collector.subscribe(url, topic, options);
  closing.push(() => collector.close());
  return collector;
}

const connected = (each: Bridge) =>
  vi.waitFor(() => expect(each.stats()).toMatchObject({ broker: { state: 'connected' }, instrument: { state: 'connected' } }), patience);

const aboutOf = (collector: Collector): About => JSON.parse(String(collector.on('lab/cam/$about').at(-1) ?? '{}'));

/** What was received is published, skipped, refused, dropped or waiting. */
function expectBalance(each: Bridge) {
  const { received, published, skipped, refused, dropped, waiting } = each.stats();
  expect(published + skipped + refused + dropped + waiting).toBe(received);
}

describe.skipIf(!mosquittoPath)(`a bridge to mosquitto${mosquittoPath ? '' : ` (skipped: ${noMosquitto})`}`, () => {
  test('publishes numbers and texts as text, arrays as .npy, and what is known about them', async () => {
    const { url } = await broker();
    const all = await collect(url);
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url, unit: 'counts' });
    await connected(made);
    const image = encodeNpy({ data: Uint16Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
    await cam.send(42, 0.5, '+1.5E+03', 'shutter open', image, Buffer.from([1, 2, 255]));
    await vi.waitFor(() => expect(made.stats().published).toBe(6), patience);
    await vi.waitFor(() => expect(all.on('lab/cam/bytes')).toHaveLength(1), patience);
    expect(all.texts('lab/cam/number')).toEqual(['42', '0.5', '+1.5E+03']);
    expect(all.texts('lab/cam/text')).toEqual(['shutter open']);
    expect(all.on('lab/cam/bytes')).toEqual([Buffer.from([1, 2, 255])]);
    expect(decodeNpy(all.on('lab/cam/image')[0] as Buffer)).toMatchObject({ dtype: 'uint16', shape: [2, 3] });
    await vi.waitFor(() => expect(aboutOf(all).topics.bytes).toBeDefined(), patience);
    expect(aboutOf(all)).toMatchObject({
      name: 'cam',
      online: true,
      url: cam.url,
      unit: 'counts',
      topics: {
        number: { topic: 'lab/cam/number', unit: 'counts' },
        image: { topic: 'lab/cam/image', dtype: 'uint16', shape: [2, 3], contentType: 'application/x-npy' },
      },
    });
    expect(made.stats().broker.protocol).toBe('MQTT 5');
    expectBalance(made);
  });
});
