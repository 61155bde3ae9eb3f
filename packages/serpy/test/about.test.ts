/** The option `about` of `sendData`: metadata that travel with a message of a session, and what becomes of them elsewhere. */
import { Connection as CoreConnection, parseOptions } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { type V2, v2ConnectionOptions, v2Protocol } from 'serpy-v2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { helloOf } from '../../serpy-v2/test/handshake/changed-hello.js';
import { type ConnectOptions, connect, decodeNpy, type ListenOptions, listen } from '../src/index.js';

let network: MemoryNetwork;
const ended: (() => Promise<void>)[] = [];
beforeEach(() => {
  network = new MemoryNetwork();
  network.clock.runFreely();
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  network.clock.stop();
});

async function pair(client: Partial<ConnectOptions>, server: Partial<ListenOptions>) {
  const serving = await listen({ port: 5000, ...server } as ListenOptions, network);
  ended.push(() => serving.closeServer());
  const reconnect = { baseDelayMs: 1, maxDelayMs: 5 };
  const connection = await connect(
    { port: 5000, autoRestart: true, reconnect, ...client } as ConnectOptions,
    {},
    network,
  );
  ended.push(() => connection.close());
  return { serving, connection, accepted: await serving.getConnection() };
}

const about = { name: 'camera 2', unit: 'counts', axes: ['y', 'x'] };

describe('in a session', () => {
  test.each(['auto', 'v2'] as const)(
    '%s: a message has the metadata of its sender, and others have none',
    async (protocol) => {
      const { connection, accepted } = await pair({ protocol, session: 'prefer' }, { protocol });
      const large = { data: new Float64Array(4000).map((_, i) => i), shape: [40, 100] };
      for (const value of [21.5, 'text', Buffer.from([1, 2]), large]) await connection.sendData(value, { about });
      await connection.sendData('plain');
      await accepted.sendData(7, { about: { unit: 'K' } });
      const messages = [];
      for (let i = 0; i < 5; i++) messages.push(await accepted.getMessage());
      expect(messages.map((each) => each.about)).toEqual([about, about, about, about, undefined]);
      expect(messages.slice(0, 3).map((each) => each.value)).toEqual([21.5, 'text', Buffer.from([1, 2])]);
      expect(decodeNpy(messages[3]?.value as Buffer)).toMatchObject({ data: large.data, shape: [40, 100] });
      expect('about' in (messages[4] as object)).toBe(false);
      const answer = await connection.getMessage();
      expect([answer.value, answer.about, Object.isFrozen(answer.about)]).toEqual([7, { unit: 'K' }, true]);
    },
  );

  test('getArray and getData read the value', async () => {
    const { connection, accepted } = await pair({ protocol: 'v2' }, { protocol: 'v2' });
    const data = new Uint16Array(10_000).fill(9);
    await connection.sendData({ data, shape: [10, 1000] }, { about });
    await connection.sendData('kelvin', { about });
    expect(await accepted.getArray()).toMatchObject({ data, shape: [10, 1000], dtype: 'uint16' });
    expect(await accepted.getData()).toBe('kelvin');
  });

  test('it is resent over broken links, once and in order', async () => {
    const { connection, accepted } = await pair({ protocol: 'v2' }, { protocol: 'v2' });
    const received: (readonly [unknown, unknown])[] = [];
    const reading = (async () => {
      for await (const message of accepted.messages()) received.push([message.value, message.about?.name]);
    })();
    for (let n = 0; n < 200; n++) {
      const value = n % 3 === 0 ? Buffer.alloc(n * 50, n) : n;
      await connection.sendData(value, n % 2 === 0 ? { about: { name: `message ${n}` } } : {});
      if (n % 40 === 20) network.links[0]?.reset();
    }
    await connection.close();
    await reading;
    expect(connection.stats().reconnects).toBeGreaterThan(0);
    const expected = Array.from({ length: 200 }, (_, n) => [
      n % 3 === 0 ? Buffer.alloc(n * 50, n) : n,
      n % 2 === 0 ? `message ${n}` : undefined,
    ]);
    expect(received).toEqual(expected);
  });

  test('it is acknowledged, and counts in the limits of the receiver', async () => {
    const { connection, accepted } = await pair(
      { protocol: 'v2' },
      { protocol: 'v2', receiveQueue: { maxMessages: 3 } },
    );
    for (let n = 0; n < 3; n++) await connection.sendData(n, { about, acknowledge: true });
    const last = connection.sendData(3, { about, acknowledge: 'consumed' });
    for (let n = 0; n < 4; n++) expect(await accepted.getData()).toBe(n);
    expect(await last).toBe(true);
  });

  test('the largest message limits the value without its metadata', async () => {
    const { connection, accepted } = await pair({ protocol: 'v2' }, { protocol: 'v2', maxMessageBytes: 1000 });
    await connection.sendData('first');
    await accepted.getData();
    const text = 'ü'.repeat(32);
    const most = { name: text, unit: text, axes: Array.from({ length: 32 }, () => text) };
    await connection.sendData(Buffer.alloc(1000), { about: most });
    expect((await accepted.getMessage()).about).toEqual(most);
    const tooLarge = connection.sendData(Buffer.alloc(1001), { about: most });
    await expect(tooLarge).rejects.toMatchObject({ code: 'ERR_SERPY_TOO_LARGE' });
  });

  test('a broadcast carries it to the clients that read it', async () => {
    const { serving, connection } = await pair({ protocol: 'auto' }, { protocol: 'auto' });
    const old = await connect({ protocol: 'v2', session: 'off', port: 5000 } as ConnectOptions, {}, network);
    ended.push(() => old.close());
    await old.sendData('here');
    await (await serving.getConnection()).getData();
    expect(await serving.broadcast(5, { send: { about } })).toEqual({ queued: 2, dropped: 0 });
    expect(await connection.getMessage()).toMatchObject({ value: 5, about });
    expect((await old.getMessage()).about).toBeUndefined();
    await expect(serving.broadcast(5, { send: { about: { unit: '' } } })).rejects.toThrow(/about\.unit/);
  });

  test('a peer that has not said that it reads metadata gets the message without them', async () => {
    const { connection, accepted } = await pairWithOld();
    await connection.sendData(new Float32Array(2000), { about });
    await connection.sendData(21.5, { about, acknowledge: true });
    expect(await accepted.getArray()).toMatchObject({ shape: [2000] });
    const message = await accepted.getMessage();
    expect([message.value, message.about]).toEqual([21.5, undefined]);
  });

  test('what a lost session has not delivered is reported with its metadata', async () => {
    const { connection, accepted } = await pair({ protocol: 'v2', autoRestart: false }, { protocol: 'v2' });
    await connection.sendData('first', { acknowledge: true });
    const warnings: unknown[] = [];
    connection.on('warning', (warning) => warnings.push(warning));
    network.hold();
    await connection.sendData(3, { about });
    await connection.sendData(Buffer.alloc(10_000, 1), { about });
    connection.destroy();
    network.release();
    await accepted.close().catch(() => {});
    expect(warnings).toEqual([
      expect.objectContaining({
        messages: [
          expect.objectContaining({ value: 3, about }),
          expect.objectContaining({ value: Buffer.alloc(10_000, 1), about }),
        ],
      }),
    ]);
  });
});

/** A client of an earlier version: it does not state that it reads metadata. */
async function pairWithOld() {
  const serving = await listen({ port: 5000, protocol: 'v2' } as ListenOptions, network);
  ended.push(() => serving.closeServer());
  const settings = parseOptions(v2ConnectionOptions, { session: 'require' });
  const base = v2Protocol(settings);
  const protocol = {
    ...base,
    createSession(...[role, host]: Parameters<typeof base.createSession>) {
      const reserve = host.write.bind(host);
      return base.createSession(role, {
        ...host,
        linkHolder: host.linkHolder,
        write: (piece: Uint8Array) => reserve(withoutFeatures(piece)),
        reserve: (bytes: number) => host.reserve(bytes),
        allocate: (bytes: number) => host.allocate(bytes),
        acknowledged: (frame) => host.acknowledged(frame),
        rejected: (frame, error) => host.rejected(frame, error),
        progress: (info) => host.progress(info),
        warn: (...given) => host.warn(...given),
        randomBytes: (count) => host.randomBytes(count),
      });
    },
  };
  const old = new CoreConnection<V2>(protocol, settings, network);
  await old.connect('127.0.0.1', 5000);
  ended.push(() => old.close());
  const accepted = await serving.getConnection();
  return { connection: accepted, accepted: Object.assign(old, { getArray: () => arrayFrom(old) }) };
}

async function arrayFrom(connection: CoreConnection<V2>) {
  return decodeNpy((await connection.getData()) as Buffer);
}

/** A HELLO whose field `0A` has another number, which is unknown to every version. */
function withoutFeatures(piece: Uint8Array): Uint8Array {
  const at = Buffer.from(piece).indexOf('serpy HELLO\n');
  if (at < 0) return piece;
  const payload = Buffer.from(piece.subarray(at));
  const field = payload.indexOf(Buffer.of(0x0a, 8, 0, 2));
  expect(field).toBeGreaterThan(0);
  payload[field] = 0x7e;
  return helloOf(payload.subarray(12, payload.length - 4));
}

describe('without a session', () => {
  test.each([
    ['v1', 'v1', {}],
    ['auto', 'v1', {}],
    ['v2', 'v2', { session: 'off' }],
    ['lines', 'lines', {}],
  ] as const)('%s with %s: the message arrives without it', async (asks, answers, more) => {
    const { connection, accepted } = await pair(
      { protocol: asks, ...more } as never,
      { protocol: answers, ...more } as never,
    );
    for (const text of ['one', 'two']) await connection.sendData(text, { about });
    for (const text of ['one', 'two']) {
      const message = await accepted.getMessage();
      expect([message.text(), message.about]).toEqual([text, undefined]);
    }
  });

  test('a message that was sent before the protocol was known arrives', async () => {
    const serving = await listen({ port: 5000, protocol: 'v1' } as ListenOptions, network);
    ended.push(() => serving.closeServer());
    const connection = await connect({ protocol: 'auto', port: 5000 } as ConnectOptions, {}, network);
    ended.push(() => connection.close());
    await connection.sendData('early', { about });
    expect(String(await (await serving.getConnection()).getData())).toBe('early');
  });
});

describe('wrong metadata are refused at once, over every protocol', () => {
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['not an object', 'K', /the option about takes an object with name, unit, axes, not 'K'/],
    ['null', null, /the option about takes an object/],
    ['a list', [], /the option about takes an object/],
    ['an unknown name', { units: 'K' }, /there is no option about\.units: did you mean about\.unit\?/],
    ['a number', { unit: 7 }, /the option about\.unit takes a text of 1 to 64 bytes/],
    ['no text', { name: '' }, /the option about\.name takes/],
    ['white space', { name: '  ' }, /the option about\.name takes/],
    ['a huge text', { name: 'x'.repeat(1e6) }, /the option about\.name takes/],
    ['65 bytes', { unit: `${'µ'.repeat(32)}s` }, /the option about\.unit takes/],
    ['a control character', { unit: 'K\x1b[2J' }, /the option about\.unit takes .*\\x1b/],
    ['a change of direction', { unit: '\u202eK' }, /the option about\.unit takes/],
    ['half a character', { name: '\ud800' }, /the option about\.name takes/],
    ['axes that are a text', { axes: 'yx' }, /the option about\.axes takes a list/],
    ['no axes', { axes: [] }, /the option about\.axes takes a list/],
    ['33 axes', { axes: Array.from({ length: 33 }, () => 'x') }, /the option about\.axes takes a list/],
    ['an axis without a name', { axes: ['y', undefined] }, /the option about\.axes\[1\] takes/],
    ['axes with a hole', { axes: new Array(2) }, /the option about\.axes\[0\] takes/],
  ];
  for (const protocol of ['v1', 'v2', 'auto', 'lines'] as const) {
    test(`with ${protocol}`, async () => {
      const { connection, accepted } = await pair({ protocol }, { protocol });
      for (const [, given, message] of cases) {
        const sent = connection.sendData('never', { about: given as never });
        await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION', message: expect.stringMatching(message) });
      }
      await connection.sendData('still here');
      expect(String(await accepted.getData())).toBe('still here');
    });
  }
});
