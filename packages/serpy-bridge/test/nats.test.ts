/** Bridges to a real nats-server with JetStream. */
import { createHash, randomFillSync } from 'node:crypto';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { decodeNpy, encodeNpy } from 'serpy-arrays';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { PieceReader } from '../src/index.js';
import { natsPath, noNats } from './brokers.js';
import {
  bridge,
  clearAway,
  connected,
  expectBalance,
  instrument,
  natsServer,
  onEnd,
  proxyBefore,
  until,
} from './stage.js';

vi.setConfig({ testTimeout: 90_000 });

afterEach(clearAway, 30_000);

async function client(url: string): Promise<NatsConnection> {
  const connection = await connect({ servers: url.replace('nats://', ''), reconnect: true, maxReconnectAttempts: -1 });
  onEnd(() => connection.close());
  return connection;
}

/** Collects whole messages by subject. */
async function collector(url: string, subject = 'lab.>') {
  const connection = await client(url);
  const reader = new PieceReader();
  const messages: { subject: string; data: Uint8Array; type: string | undefined }[] = [];
  let largest = 0;
  connection.subscribe(subject, {
    callback: (error, message) => {
      if (error) return;
      largest = Math.max(largest, message.data.length);
      const data = reader.add(message);
      const type = message.headers?.get('Content-Type');
      if (data) messages.push({ subject: message.subject, data, type });
    },
  });
  await connection.flush();
  return {
    connection,
    messages,
    /** The size of the largest message of NATS. */
    largest: () => largest,
    texts: (of: string) =>
      messages.filter((each) => each.subject === of).map(({ data }) => Buffer.from(data).toString()),
  };
}

describe.skipIf(!natsPath)(`a bridge to nats-server${natsPath ? '' : ` (skipped: ${noNats})`}`, () => {
  test('publishes to a stream, with a description that later programs read', async () => {
    const { url } = await natsServer();
    const all = await collector(url);
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url, unit: 'K' });
    await connected(made);
    await cam.send(42, 'open', encodeNpy({ data: Uint16Array.of(1, 2), shape: [1, 2] }) as Buffer);
    await until(() => expect(made.stats().published).toBe(3));
    expect(all.texts('lab.cam.number')).toEqual(['42']);
    expect(all.texts('lab.cam.text')).toEqual(['open']);
    const image = all.messages.find(({ subject }) => subject === 'lab.cam.image');
    expect(image?.type).toBe('application/x-npy');
    expect(decodeNpy(image?.data as Uint8Array)).toMatchObject({ dtype: 'uint16', shape: [1, 2] });
    const manager = await jetstreamManager(all.connection);
    await until(async () => {
      const kept = await manager.streams.getMessage('serpy_about', { last_by_subj: 'lab.cam.$about' });
      expect(JSON.parse(kept?.string() ?? '{}')).toMatchObject({ name: 'cam', online: true, topics: { image: {} } });
    });
    expect((await manager.streams.info('serpy')).state.messages).toBe(3);
    await made.close();
    const last = await manager.streams.getMessage('serpy_about', { last_by_subj: 'lab.cam.$about' });
    expect(JSON.parse(last?.string() ?? '{}')).toMatchObject({ online: false });
  });

  test('the description expires while the bridge is away, and is there again when it is back', async () => {
    const server = await natsServer();
    const { url, pull, plug } = await proxyBefore(server, 'nats');
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url });
    await connected(made);
    const manager = await jetstreamManager(await client(server.url));
    const kept = async () => {
      const message = await manager.streams.getMessage('serpy_about', { last_by_subj: 'lab.cam.$about' });
      return message === null ? undefined : JSON.parse(message.string());
    };
    await until(async () => expect(await kept()).toMatchObject({ online: true }));
    // The bridge publishes it three times in this age.
    expect((await manager.streams.info('serpy_about')).config).toMatchObject({
      max_age: 30e9,
      max_msgs_per_subject: 1,
    });
    await pull();
    await manager.streams.update('serpy_about', { max_age: 100e6, duplicate_window: 100e6 });
    await until(async () => expect(await kept()).toBeUndefined());
    await manager.streams.update('serpy_about', { max_age: 30e9 });
    await plug();
    await until(async () => expect(await kept()).toMatchObject({ name: 'cam', online: true }));
  });

  test('100 MB pass in pieces of at most 1 MiB, and the hash is the same', async () => {
    const { url } = await natsServer();
    const all = await collector(url, 'lab.cam.image');
    const maxMessageBytes = 200_000_000;
    const cam = await instrument(0, { maxMessageBytes });
    const { bridge: made } = await bridge({
      source: `${cam.url}?maxMessageBytes=${maxMessageBytes}`,
      broker: url,
      maxBytes: maxMessageBytes,
      buffer: { maxBytes: 300_000_000 },
    });
    await connected(made);
    const pixels = new Uint16Array(50_000_000);
    randomFillSync(pixels);
    const image = encodeNpy({ data: pixels, shape: [5000, 10_000] }) as Buffer;
    await cam.send(image);
    await until(() => expect(made.stats()).toMatchObject({ published: 1, publishedBytes: image.length }));
    await until(() => expect(all.messages).toHaveLength(1));
    const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    expect(hash(all.messages[0]?.data as Uint8Array)).toBe(hash(image));
    // The stream has the pieces, too.
    const manager = await jetstreamManager(all.connection);
    expect((await manager.streams.info('serpy')).state.messages).toBe(Math.ceil(image.length / (2 ** 20 - 1024)));
    expect(all.largest()).toBeLessThanOrEqual(2 ** 20);
    expect(all.largest()).toBeGreaterThan(2 ** 19);
  });

  test('a server that is killed and started again gets what was sent meanwhile, once', async () => {
    const server = await natsServer();
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: server.url });
    await connected(made);
    await cam.send('n0');
    await until(() => expect(made.stats().published).toBe(1));
    await server.kill();
    const texts = Array.from({ length: 100 }, (_, at) => `n${at + 1}`);
    await cam.send(...texts);
    await until(() => expect(made.stats()).toMatchObject({ received: 101, broker: { state: 'reconnecting' } }));
    await server.start();
    await until(() => expect(made.stats()).toMatchObject({ published: 101, waiting: 0, dropped: 0, refused: 0 }));
    const consumer = await jetstream(await client(server.url)).consumers.get('serpy');
    const stored: string[] = [];
    for await (const message of await consumer.consume()) {
      stored.push(message.string());
      if (stored.length === 101) break;
    }
    expect(stored).toEqual(['n0', ...texts]);
    expectBalance(made);
  });

  test('commands and requests reach the instrument', async () => {
    const { url } = await natsServer();
    const cam = await instrument();
    cam.server.onRequest((value) => {
      if (value === 'fail') throw new Error('the shutter is stuck');
      return `${String(value)}!`;
    });
    const { bridge: made } = await bridge({ source: cam.url, broker: url, commands: true, requests: true });
    await connected(made);
    const other = await client(url);
    other.publish('lab.cam.set', 'exposure 5');
    await until(() => expect(cam.received).toEqual(['exposure 5']));
    expect((await other.request('lab.cam.request', 'temperature?')).string()).toBe('temperature?!');
    const failed = await other.request('lab.cam.request', 'fail');
    expect(failed.headers?.get('Error')).toMatch(/the shutter is stuck/);
    await until(() => expect(made.stats()).toMatchObject({ commands: 1, requests: 1, inboundRefused: 1 }));
  });

  test('uses a stream that is there, and says when one has only a part of the subjects', async () => {
    const { url } = await natsServer();
    const manager = await jetstreamManager(await client(url));
    await manager.streams.add({ name: 'everything', subjects: ['lab.>'] });
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url });
    await connected(made);
    expect((await manager.streams.names().next()).map(String)).toEqual(['everything']);
    await manager.streams.delete('everything');
    await manager.streams.add({ name: 'part', subjects: ['lab.*.number'] });
    const other = await bridge({ name: 'other', source: cam.url, broker: url });
    await until(() =>
      expect(other.bridge.stats().broker.problem).toMatch(/only some of the subjects lab\.\*\.number, lab\.\*\.text/),
    );
  });

  test('says that a server has no JetStream, and that a user is rejected', async () => {
    const { url } = await natsServer(['-js=false', '--user', 'lab', '--pass', 'secret-7']);
    const cam = await instrument();
    const wrong = await bridge({ source: cam.url, broker: { url, user: 'lab', password: 'wrong-8' } });
    await until(() => expect(wrong.bridge.stats().broker.problem).toMatch(/rejected the user lab/));
    const right = await bridge({ source: cam.url, broker: { url, user: 'lab', password: 'secret-7' } });
    await until(() => expect(right.bridge.stats().broker.problem).toMatch(/has no JetStream.*nats-server -js/));
  });
});
