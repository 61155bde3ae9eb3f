/** Brokers that are away, break, freeze and come back: nothing accepted is lost without a report. */
import { createServer } from 'node:net';
import { systemEnvironment } from 'serpy-core';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { brokerAddress } from '../src/brokers/address.js';
import { MqttBroker } from '../src/brokers/mqtt.js';
import { mosquittoPath, noMosquitto } from './brokers.js';
import {
  aboutOf,
  bridge,
  clearAway,
  collect,
  connected,
  expectBalance,
  instrument,
  mosquitto,
  proxyBefore,
  until,
} from './stage.js';

vi.setConfig({ testTimeout: 60_000 });

afterEach(clearAway, 30_000);

const skip = mosquittoPath ? '' : ` (skipped: ${noMosquitto})`;

/** Texts without the repetitions that QoS 1 allows. */
const unique = (texts: readonly string[]) => [...new Set(texts)];

const counted = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => `n${from + at}`);

describe.skipIf(!mosquittoPath)(`a broker that is away${skip}`, () => {
  test('at the start gets everything in order when it is there', async () => {
    const real = await mosquitto();
    const { url, pull, plug } = await proxyBefore(real);
    await pull();
    const texts = await collect(real.url, 'lab/cam/text');
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url });
    await cam.send(...counted(1, 200));
    await until(() => expect(made.stats()).toMatchObject({ waiting: 200, published: 0 }));
    expect(made.stats().broker).toMatchObject({ state: 'connecting', problem: expect.stringMatching(/./) });
    await plug();
    await until(() => expect(made.stats()).toMatchObject({ waiting: 0, waitingBytes: 0, published: 200, dropped: 0 }));
    expect(unique(texts.texts('lab/cam/text'))).toEqual(counted(1, 200));
    expectBalance(made);
  });

  test('again and again loses nothing', async () => {
    const real = await mosquitto();
    const { url, proxy } = await proxyBefore(real);
    const texts = await collect(real.url, 'lab/cam/text');
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url });
    await connected(made);
    for (let cut = 0; cut < 8; cut++) {
      await cam.send(...counted(cut * 100 + 1, cut * 100 + 100));
      proxy.cut('rst');
    }
    await until(() => expect(made.stats()).toMatchObject({ published: 800, dropped: 0, refused: 0 }));
    await until(() => expect(unique(texts.texts('lab/cam/text'))).toHaveLength(800));
    expect(unique(texts.texts('lab/cam/text')).sort()).toEqual(counted(1, 800).sort());
    expect(made.stats().broker.reconnects).toBeGreaterThan(0);
    expectBalance(made);
  });

  test('keeps the newest messages up to the bounds of the buffer, and reports the others', async () => {
    const real = await mosquitto();
    const { url, pull, plug } = await proxyBefore(real);
    await pull();
    const texts = await collect(real.url, 'lab/cam/text');
    const cam = await instrument();
    const { bridge: made, warnings } = await bridge({ source: cam.url, broker: url, buffer: { maxMessages: 50 } });
    await cam.send(...counted(1, 300));
    await until(() => expect(made.stats()).toMatchObject({ received: 300, waiting: 50, dropped: 250 }));
    expect(warnings[0]).toMatch(/^ERR_SERPY_DROPPED 1 message was dropped: the buffer for the broker is full/);
    await plug();
    await until(() => expect(texts.texts('lab/cam/text').at(-1)).toBe('n300'));
    expect(unique(texts.texts('lab/cam/text'))).toEqual(counted(251, 300));
    await until(() => expect(made.stats().published).toBe(50));
    expectBalance(made);
    await made.close();
    expect(warnings[1]).toMatch(/^ERR_SERPY_DROPPED 249 more messages were not passed on/);
  });

  test('bounds the buffer in bytes, too', async () => {
    const real = await mosquitto();
    const { url, pull } = await proxyBefore(real);
    await pull();
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url, buffer: { maxBytes: 10_000 } });
    for (let at = 0; at < 20; at++) await cam.send('x'.repeat(1000));
    await until(() =>
      expect(made.stats()).toMatchObject({ received: 20, waiting: 10, waitingBytes: 10_000, dropped: 10 }),
    );
  });

  test('at the end: close reports what was not sent, and does not wait for it', async () => {
    const real = await mosquitto();
    const { url, pull } = await proxyBefore(real);
    await pull();
    const cam = await instrument();
    const { bridge: made, warnings } = await bridge({ source: cam.url, broker: url });
    await cam.send('a', 'b', 'c');
    await until(() => expect(made.stats().waiting).toBe(3));
    await made.close();
    expect(made.stats()).toMatchObject({ waiting: 0, dropped: 3, broker: { state: 'closed' } });
    expect(warnings).toEqual([expect.stringMatching(/3 messages were dropped: the bridge was closed before/)]);
  });

  test('killed and started again: the description and what follows are there', async () => {
    const real = await mosquitto();
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: real.url });
    await connected(made);
    await cam.send('before');
    await until(() => expect(made.stats().published).toBe(1));
    await real.kill();
    await cam.send(...counted(1, 20));
    await until(() => expect(made.stats().broker.state).toBe('reconnecting'));
    await real.start(); // without its memory: mosquitto keeps nothing here
    await until(() => expect(made.stats()).toMatchObject({ waiting: 0, published: 21, dropped: 0 }));
    const late = await collect(real.url, 'lab/cam/$about');
    await until(() =>
      expect(aboutOf(late)).toMatchObject({ online: true, topics: { text: { topic: 'lab/cam/text' } } }),
    );
    expectBalance(made);
  });
});

const will = { topic: 'lab/cam/$about', payload: Buffer.of(), contentType: 'text/plain', retain: true, id: 'will' };

describe.skipIf(!mosquittoPath)(`a broker that speaks MQTT 5${skip}`, () => {
  test('is not taken for one of MQTT 3.1.1 because a connection ended, or was closed while it started', async () => {
    const real = await mosquitto();
    const broker = new MqttBroker(brokerAddress(real.url), systemEnvironment.clock);
    const connectOnce = async () => {
      const link = await broker.connect({
        will,
        window: 4,
        subscriptions: [],
        onArrival() {},
        signal: new AbortController().signal,
      });
      await link.close();
      return link.protocol;
    };
    for (let count = 0; count < 3; count++) expect(await connectOnce()).toBe('MQTT 5');
    await real.kill();
    const starting = createServer((socket) => {
      socket.resume().end();
      starting.close();
    }).listen(real.port, '127.0.0.1');
    await expect(connectOnce()).rejects.toThrow(/closed the connection, or did not answer, before it accepted it/);
    await real.start();
    expect(await connectOnce()).toBe('MQTT 5');
  });
});

describe.skipIf(!mosquittoPath)(`the will${skip}`, () => {
  test('says offline when the bridge is gone, with what is known, and online when it is back', async () => {
    const real = await mosquitto();
    const { url, pull, plug } = await proxyBefore(real);
    const about = await collect(real.url, 'lab/cam/$about');
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: url });
    await connected(made);
    await until(() => expect(aboutOf(about).online).toBe(true));
    await pull();
    await until(() =>
      expect(aboutOf(about)).toMatchObject({
        name: 'cam',
        online: false,
        reason: expect.stringMatching(/the bridge lost/),
      }),
    );
    await plug();
    await until(() => expect(aboutOf(about).online).toBe(true));
    const late = await collect(real.url, 'lab/cam/$about');
    await until(() => expect(aboutOf(late)).toMatchObject({ online: true, url: cam.url }));
  });
});

describe.skipIf(!mosquittoPath)(`a frozen broker${skip}`, () => {
  test('delays neither the instrument nor another bridge, and its messages are bounded and counted', async () => {
    const frozen = await mosquitto();
    const healthy = await mosquitto();
    const cam = await instrument();
    const one = await bridge({ source: cam.url, broker: frozen.url, buffer: { maxMessages: 100 } });
    const other = await bridge({ name: 'other', source: cam.url, broker: healthy.url });
    await connected(one.bridge);
    await connected(other.bridge);
    await until(() => expect(cam.server.size).toBe(2));
    frozen.freeze();
    const image = Buffer.alloc(500_000);
    for (let at = 0; at < 60; at++) await cam.send(`t${at}`, image);
    await until(() => expect(other.bridge.stats()).toMatchObject({ published: 120, dropped: 0 }));
    await until(() => expect(one.bridge.stats().received).toBe(120));
    const { waiting, dropped, published, waitingBytes } = one.bridge.stats();
    expect(waiting).toBeLessThanOrEqual(100);
    expect(waitingBytes).toBeLessThanOrEqual(64 * 2 ** 20);
    expect(waiting + dropped + published).toBe(120);
    frozen.thaw();
    await until(() => expect(one.bridge.stats().waiting).toBe(0));
    expectBalance(one.bridge);
  });

  test('does not delay close by more than its timeout', async () => {
    const frozen = await mosquitto();
    const cam = await instrument();
    const { bridge: made } = await bridge({ source: cam.url, broker: frozen.url, closeTimeoutMs: 200 });
    await connected(made);
    frozen.freeze();
    await cam.send('a');
    await until(() => expect(made.stats().waiting).toBe(1));
    const startedMs = performance.now();
    await made.close();
    expect(performance.now() - startedMs).toBeLessThan(4000);
    expect(made.stats().dropped).toBe(1);
    frozen.thaw();
  });
});
