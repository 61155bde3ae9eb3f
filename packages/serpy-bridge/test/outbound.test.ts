/** What is computed before something is sent: rates, smaller arrays, the queue, pieces, addresses. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeNpy, encodeNpy, type NdArray, type ShapedArray } from 'serpy-arrays';
import { MessagesDroppedError } from 'serpy-core';
import { ManualClock } from 'serpy-core/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { brokerAddress } from '../src/brokers/address.js';
import { type BrokerLink, type Publication, Refusal } from '../src/brokers/broker.js';
import { PieceReader, pieceHeaders, piecesOf } from '../src/brokers/pieces.js';
import { openBridge } from '../src/index.js';
import { AboutPublisher } from '../src/outbound/about.js';
import { binToFit } from '../src/outbound/bin.js';
import { Outbox } from '../src/outbound/outbox.js';
import { answerOf } from '../src/outbound/payload.js';
import { RateLimit } from '../src/outbound/rate-limit.js';

const arrayOf = (value: ShapedArray) => decodeNpy(encodeNpy(value)) as NdArray;

describe('binning', () => {
  test('takes means of squares, and of what is left at the edges', () => {
    const image = arrayOf({ data: Float32Array.of(1, 3, 5, 1, 3, 5, 10, 10, 20), shape: [3, 3] });
    expect(binToFit(image, 128 + 16)).toMatchObject({
      bin: 2,
      array: { shape: [2, 2], data: Float32Array.of(2, 5, 10, 20) },
    });
  });

  test('rounds means of integers, and bins curves along their axis', () => {
    const curve = arrayOf({ data: Uint8Array.of(1, 2, 4, 5, 9), shape: [5] });
    expect(binToFit(curve, 128 + 3)).toMatchObject({ bin: 2, array: { shape: [3], data: Uint8Array.of(2, 5, 9) } });
  });

  test('never exceeds the limit', () => {
    for (const maxBytes of [150, 1000, 5000, 40_000]) {
      const binned = binToFit(arrayOf({ data: new Uint16Array(200 * 131), shape: [200, 131] }), maxBytes);
      expect(encodeNpy(binned?.array as ShapedArray).length).toBeLessThanOrEqual(maxBytes);
    }
  });

  test.each<[string, ShapedArray]>([
    ['64-bit integers', { data: new BigInt64Array(1000), shape: [10, 100] }],
    ['complex numbers', { data: new Float32Array(2000), shape: [10, 100], dtype: 'complex64' }],
    ['more than two axes', { data: new Uint8Array(3000), shape: [10, 100, 3] }],
  ])('is not for %s', (_, value) => {
    expect(binToFit(arrayOf(value), 500)).toBeUndefined();
  });

  test('is not possible if not even one element fits', () => {
    expect(binToFit(arrayOf({ data: new Uint16Array(100), shape: [10, 10] }), 64)).toBeUndefined();
  });
});

describe('a rate limit', () => {
  test('sends the first at once, the newest of each interval at its end, and counts the others', async () => {
    const clock = new ManualClock();
    const sent: string[] = [];
    const limit = new RateLimit<string>(clock, 100, (value) => void sent.push(value));
    for (const value of ['a', 'b', 'c']) limit.offer('image', value);
    limit.offer('curve', 'x');
    expect([sent, limit.skipped, limit.waiting]).toEqual([['a', 'x'], 1, 1]);
    await clock.advance(100);
    expect([sent, limit.waiting]).toEqual([['a', 'x', 'c'], 0]);
    await clock.advance(1000);
    limit.offer('image', 'd');
    limit.offer('image', 'e');
    expect(sent.at(-1)).toBe('d'); // a pause does not allow a burst
    limit.flush();
    expect(sent.at(-1)).toBe('e');
  });
});

/** A link whose acknowledgements a test gives. */
function linkOf(window: number) {
  const sent: { publication: Publication; ack: () => void; fail: (error: Error) => void }[] = [];
  const link = {
    protocol: 'test',
    window,
    refreshMs: undefined,
    ended: new Promise<string>(() => {}),
    publish: (publication: Publication) =>
      new Promise<void>((resolve, reject) => void sent.push({ publication, ack: resolve, fail: reject })),
    close: async () => {},
  } satisfies BrokerLink;
  return { link, sent, texts: () => sent.map(({ publication }) => String(publication.payload)) };
}

const message = (text: string): Publication => ({
  topic: 't',
  payload: Buffer.from(text),
  contentType: 'text/plain',
  retain: false,
  id: text,
});

const turns = () => new Promise((resolve) => setImmediate(resolve));

describe('the outbox', () => {
  test('has at most the window in flight, and sends again in order what was not acknowledged', async () => {
    const outbox = new Outbox({ maxMessages: 100, maxBytes: 1000 }, { onDropped: () => {} });
    for (const text of ['a', 'b', 'c', 'd']) outbox.add(message(text));
    const first = linkOf(2);
    outbox.attach(first.link);
    expect(first.texts()).toEqual(['a', 'b']);
    first.sent[1]?.ack();
    await turns();
    expect(first.texts()).toEqual(['a', 'b', 'c']);
    outbox.detach();
    const second = linkOf(10);
    outbox.attach(second.link);
    expect(second.texts()).toEqual(['a', 'c', 'd']);
    for (const each of second.sent) each.ack();
    first.sent[0]?.ack(); // too late: it was sent again
    await outbox.idle();
    expect([outbox.published, outbox.length, outbox.bytes]).toEqual([4, 0, 0]);
  });

  test('drops the oldest that waits, never one in flight', () => {
    const dropped: string[] = [];
    const outbox = new Outbox(
      { maxMessages: 3, maxBytes: 1000 },
      { onDropped: ({ message: text }) => void dropped.push(text) },
    );
    outbox.attach(linkOf(1).link);
    for (const text of ['a', 'b', 'c', 'd', 'e']) outbox.add(message(text));
    expect([outbox.length, outbox.dropped, dropped.length]).toEqual([3, 2, 2]);
    const next = linkOf(10);
    outbox.detach();
    outbox.attach(next.link);
    expect(next.texts()).toEqual(['a', 'd', 'e']);
  });

  test('accepts a single message above the bound in bytes', () => {
    const outbox = new Outbox({ maxMessages: 3, maxBytes: 10 }, { onDropped: () => {} });
    outbox.add(message('x'.repeat(50)));
    expect([outbox.length, outbox.dropped]).toEqual([1, 0]);
  });

  test('refuses the message that ends each connection, and no other', async () => {
    const refused: string[] = [];
    const outbox = new Outbox(
      { maxMessages: 100, maxBytes: 1000 },
      { onDropped: ({ message: text }) => void refused.push(text) },
    );
    for (const text of ['poison', 'b', 'c']) outbox.add(message(text));
    let links = 0;
    while (outbox.length > 0 && links++ < 20) {
      const { link, sent, texts } = linkOf(4);
      outbox.attach(link);
      if (texts().includes('poison')) outbox.detach();
      for (let at = 0; at < sent.length; at++) {
        sent[at]?.ack();
        await turns();
      }
    }
    expect([outbox.published, outbox.refused]).toEqual([2, 1]);
    expect(refused).toEqual([expect.stringMatching(/ended 4 times while it was sent/)]);
  });

  test('does not repeat what the broker refused', async () => {
    const outbox = new Outbox({ maxMessages: 100, maxBytes: 1000 }, { onDropped: () => {} });
    const { link, sent } = linkOf(4);
    outbox.attach(link);
    outbox.add(message('a'));
    sent[0]?.fail(new Refusal(new MessagesDroppedError('quota', 1)));
    await outbox.idle();
    expect([outbox.published, outbox.refused, sent.length]).toEqual([0, 1, 1]);
  });
});

describe('pieces', () => {
  const headersOf = (id: string, piece: number, pieces: number, size: number) => {
    const values: Record<string, string> = {
      [pieceHeaders.id]: id,
      [pieceHeaders.piece]: String(piece),
      [pieceHeaders.pieces]: String(pieces),
      [pieceHeaders.size]: String(size),
    };
    return { get: (name: string) => values[name] ?? '' };
  };

  test('are joined in any order, with repetitions and other messages between', () => {
    const payload = Buffer.from('0123456789');
    const pieces = piecesOf(payload, 4).map((data, at) => ({ data, headers: headersOf('x', at + 1, 3, 10) }));
    const reader = new PieceReader();
    const [a, b, c] = pieces as [(typeof pieces)[0], (typeof pieces)[0], (typeof pieces)[0]];
    expect([c, a, a].map((each) => reader.add(each))).toEqual([undefined, undefined, undefined]);
    expect(reader.add({ data: Buffer.from('whole') })).toEqual(Buffer.from('whole'));
    expect(reader.add(b)).toEqual(payload);
  });

  test('that are hostile neither grow memory nor throw', () => {
    const reader = new PieceReader({ maxMessageBytes: 100, maxOpen: 2 });
    const data = Buffer.alloc(10);
    for (const [piece, count, size] of [
      [1, 1e9, 100],
      [1, 2, 1e9],
      [0, 2, 20],
      [3, 2, 20],
      [1, 2, 5],
      [Number.NaN, 2, 20],
    ] as const)
      expect(reader.add({ data, headers: headersOf(`${piece} ${count} ${size}`, piece, count, size) })).toBeUndefined();
    for (let at = 0; at < 50; at++) reader.add({ data, headers: headersOf(`open ${at}`, 1, 2, 20) });
    expect(reader.dropped).toBeGreaterThan(40);
  });

  test('that are only announced take no memory: 8 messages of 16 million pieces', () => {
    const reader = new PieceReader({ maxMessageBytes: 16_000_000 });
    const before = process.memoryUsage().heapUsed;
    for (let at = 0; at < 8; at++)
      reader.add({ data: Buffer.of(1), headers: headersOf(`large ${at}`, 1, 16_000_000, 16_000_000) });
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
  });
});

describe('the address of a broker', () => {
  test.each([
    ['mqtt://lab:pa55@broker', /contains a password/],
    ['nats://:pa55@broker', /contains a password/],
    ['mqtt://lab:pa55@', /the broker is a URL/],
    ['mqtt//lab:pa55@broker', /the broker is a URL/],
    ['http://broker', /the broker is a URL: mqtt/],
    ['mqtt://broker?x=1', /ends after the port/],
    [{ url: 'mqtt://broker', caFile: 'ca.pem' }, /is not encrypted: write mqtts:\/\/broker:1883/],
    [{ url: 'mqtts://broker', certFile: 'c.pem' }, /belong together/],
    [{ url: 'mqtt://broker', pasword: 'pa55' }, /pasword/],
    [
      { url: 'mqtt://broker', passwordFile: '/nowhere/file' },
      /cannot read the file \/nowhere\/file: it does not exist\. Check/,
    ],
    [{ url: 'mqtt://broker', passwordFile: '/' }, /cannot read the file \/: it is a folder/],
    [{ url: 'mqtts://broker', caFile: '/dev/null' }, /has no "-----BEGIN CERTIFICATE-----": give the file in PEM/],
    [{ url: 'mqtt://broker', mqttVersion: '4' }, /mqttVersion is '5', '3\.1\.1' or 'auto'/],
  ])('%j is refused, without its password', (broker, sentence) => {
    let error: unknown;
    try {
      brokerAddress(broker as never);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'ERR_SERPY_OPTION', message: expect.stringMatching(sentence) });
    expect((error as Error).message).not.toContain('pa55');
  });

  test('has a default port, a user, and the first line of the password file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'serpy-bridge-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'password'), 'pa55\r\nmore\n');
    const address = brokerAddress({ url: 'mqtts://l%40b@broker', passwordFile: join(folder, 'password') });
    expect(address).toMatchObject({ url: 'mqtts://broker:8883', user: 'l@b', password: 'pa55', encrypted: true });
    expect(brokerAddress('nats://[::1]:1')).toMatchObject({ kind: 'nats', host: '::1', port: 1 });
  });
});

describe('openBridge', () => {
  const good = { name: 'cam', source: 'serpy2://127.0.0.1:9', broker: 'mqtt://127.0.0.1:9' };

  test.each([
    [{ ...good, nam: 1 }, /nam/],
    [{ ...good, source: undefined }, /source is missing/],
    [{ ...good, source: 'nonsense' }, /URL/],
    [{ ...good, maxFps: -1 }, /maxFps/],
    [{ ...good, maxBytes: 0.5 }, /maxBytes/],
    [{ ...good, maxInFlight: 0 }, /maxInFlight/],
    [{ ...good, buffer: { maxMessages: 0 } }, /buffer\.maxMessages/],
    [{ ...good, whenTooLarge: 'crop' }, /whenTooLarge/],
    [{ ...good, commands: 'x', requests: 'x' }, /the same topic/],
    [{ ...good, broker: 'nats://127.0.0.1:9', topic: 'lab.x/{kind}' }, /contains a dot/],
  ])('refuses %j', async (options, sentence) => {
    await expect(openBridge(options as never)).rejects.toMatchObject({
      code: 'ERR_SERPY_OPTION',
      message: expect.stringMatching(sentence),
    });
  });
});

test('answers have the form of their value', () => {
  const image = encodeNpy({ data: Uint8Array.of(1), shape: [1, 1] });
  expect(answerOf(21.5)).toEqual({ payload: Buffer.from('21.5'), contentType: 'text/plain; charset=utf-8' });
  expect(answerOf(image).contentType).toBe('application/x-npy');
  expect(String(answerOf(new Map<string, unknown>([['a', 2n]])).payload)).toBe('{"a":2}');
});

describe('a description', () => {
  const noted = (refreshMs: number | undefined) => {
    const sent: string[] = [];
    const publish = async ({ payload }: Publication) => void sent.push(String(payload));
    const link: BrokerLink = {
      protocol: 'test',
      window: 1,
      refreshMs,
      ended: new Promise(() => {}),
      publish,
      close: async () => {},
    };
    return { link, sent };
  };

  test('that expires at the broker is published again and again while the link is there', async () => {
    const clock = new ManualClock();
    const { link, sent } = noted(10_000);
    const about = new AboutPublisher('lab/cam/$about', { name: 'cam', online: true, topics: {} }, clock, () => {});
    about.attach(link);
    expect(sent).toHaveLength(1);
    for (let at = 0; at < 3; at++) await clock.advance(10_000);
    expect(sent).toHaveLength(4);
    expect(new Set(sent).size).toBe(1);
    about.detach();
    await clock.advance(60_000);
    expect(sent).toHaveLength(4);
  });

  test('that a broker keeps is published once', async () => {
    const clock = new ManualClock();
    const { link, sent } = noted(undefined);
    new AboutPublisher('lab/cam/$about', { name: 'cam', online: true, topics: {} }, clock, () => {}).attach(link);
    await clock.advance(60_000);
    expect(sent).toHaveLength(1);
  });
});
