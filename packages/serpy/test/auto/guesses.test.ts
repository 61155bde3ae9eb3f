/** What an auto client takes its server for may be wrong, or become so: it finds out, and nothing is lost without a word. */
import type { SerpyErrorLike } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { type ConnectOptions, connect, listen } from '../../src/index.js';
import {
  answersProbe,
  type Behaviour,
  probe,
  type ScriptedLink,
  scripted,
  silent,
  speaksV1,
  speaksV2,
  v1Answer,
  v2Answer,
} from '../scripted-server.js';

let network: MemoryNetwork;
beforeEach(() => {
  network = new MemoryNetwork();
});

const reconnect = { baseDelayMs: 0, maxDelayMs: 1, minDelayMs: 1 };

/** A client, once it is connected, and all that it warns of. */
async function client(options: Partial<ConnectOptions> = {}) {
  const all = { protocol: 'auto', port: 5000, autoRestart: true, reconnect, ...options } as ConnectOptions;
  const connecting = connect(all, {}, network);
  const ready = connecting.then(
    () => true,
    () => true,
  );
  let isReady = false;
  void ready.then(() => {
    isReady = true;
  });
  for (let n = 0; n < 200 && !isReady; n++) await network.clock.advance(100);
  const connection = await connecting;
  const warnings: SerpyErrorLike[] = [];
  connection.on('warning', (error) => warnings.push(error));
  return { connection, warnings, codes: () => warnings.map(({ code }) => code) };
}

const frameOf = (text: string) => `\xde\xca\xfe\xca\xfe\x21${sum(text)}${little(text.length)}${text}`;
const little = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString('latin1');
};
const sum = (text: string) => little(Buffer.from(text, 'latin1').reduce((all, each) => all + each, 0));
const without = (link: ScriptedLink | undefined) => (link?.heard ?? '').replace(probe, '');

describe('a server that is v1 and was busy when it was asked', () => {
  const busy: Behaviour = silent;

  test('is v1 from the next link on, and what was sent to it as v2 arrives once and in order', async () => {
    const links = await scripted(network, [busy, speaksV1]);
    const { connection, warnings } = await client();
    expect(connection.peerProtocol).toBe('v2');
    for (const value of ['zero', 1, 2.5, Buffer.from('three'), 4n]) await connection.sendData(value);
    await network.clock.advance(1000);
    links[0]?.say(v1Answer);
    await network.clock.advance(1000);
    await connection.sendData('five');
    await network.clock.advance(1000);
    expect(connection.peerProtocol).toBe('v1');
    expect(without(links[1])).toBe('zero\x1f1\x1f2.5\x1f\x01SETMODE2\x1fbZByAWd\x1f\x01SETMODE0\x1f4\x1ffive\x1f');
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('it looks like v1')]);
    expect(connection.stats()).toMatchObject({ messagesSent: 6, sendQueueMessages: 0 });
    connection.destroy();
  });

  test('is known for v1 by its late answer, even if it is busy again', async () => {
    const links = await scripted(network, [busy]);
    const { connection } = await client();
    await connection.sendData('hello');
    await network.clock.advance(1000);
    links[0]?.say(v1Answer);
    await network.clock.advance(3000);
    expect(without(links[1])).toBe('hello\x1f');
    connection.destroy();
  });

  test('and if more messages were sent than are retained, one warning reports their number, and none is sent again', async () => {
    const links = await scripted(network, [busy, speaksV1]);
    const { connection, warnings } = await client();
    for (let n = 0; n < 1001; n++) await connection.sendData(n);
    await network.clock.advance(1000);
    links[0]?.say(v1Answer);
    await network.clock.advance(2000);
    const lost = warnings.filter(({ code }) => code === 'ERR_SERPY_DROPPED');
    expect(lost).toMatchObject([
      { messages: 1001, message: expect.stringContaining('1001 messages were lost, because they were sent in v2') },
    ]);
    expect(without(links[1])).toBe('');
    connection.destroy();
  });

  test('a message that v1 cannot carry causes a warning, and those around it arrive', async () => {
    const links = await scripted(network, [busy, speaksV1]);
    const { connection, warnings } = await client();
    for (const text of ['a', 'µ', 'b']) await connection.sendData(text);
    await network.clock.advance(1000);
    links[0]?.say(v1Answer);
    await network.clock.advance(2000);
    expect(without(links[1])).toBe('a\x1fb\x1f');
    expect(warnings.filter(({ code }) => code === 'ERR_SERPY_DROPPED')).toMatchObject([
      { messages: 1, message: expect.stringContaining('"µ"') },
    ]);
    connection.destroy();
  });

  test('a client that does not reconnect counts them as not sent', async () => {
    const links = await scripted(network, [busy]);
    const { connection, codes } = await client({ autoRestart: false });
    for (const text of ['a', 'b']) await connection.sendData(text);
    await network.clock.advance(1000);
    links[0]?.say(v1Answer);
    await network.clock.advance(1000);
    expect(connection.closeInfo).toMatchObject({ reason: 'protocol', unsentMessages: 2 });
    expect(codes()).toEqual(['ERR_SERPY_PROTOCOL', 'ERR_SERPY_DROPPED']);
  });

  test('bytes that the program changes after they were sent arrive as they were', async () => {
    const links = await scripted(network, [busy, speaksV1]);
    const { connection } = await client();
    const bytes = Buffer.alloc(5000, 1);
    await connection.sendData(bytes);
    await network.clock.advance(100);
    bytes.fill(2);
    links[0]?.say(v1Answer);
    await network.clock.advance(2000);
    const server = await import('serpy-v1');
    const decoder = server.createDecoderStream();
    decoder.end(Buffer.from(without(links[1]), 'latin1'));
    const messages = await decoder.toArray();
    expect(messages).toMatchObject([{ type: 'bytes', value: Buffer.alloc(5000, 1) }]);
    connection.destroy();
  });
});

describe('a server that is replaced by one of the other protocol', () => {
  test('v2 by v1: the client finds out, and what it sent in between arrives', async () => {
    const links = await scripted(network, [answersProbe, speaksV1]);
    const { connection, codes } = await client({ session: 'off' });
    expect(connection.peerProtocol).toBe('v2');
    links[0]?.disconnect();
    await network.settled();
    await connection.sendData('in between');
    await network.clock.advance(2000);
    expect(connection.peerProtocol).toBe('v1');
    expect(without(links[1])).toBe(frameOf('in between'));
    expect(without(links[2])).toBe('in between\x1f');
    expect(codes()).toEqual([]);
    connection.destroy();
  });

  test('v1 by v2: the client finds out, and what it sent in between arrives', async () => {
    const links = await scripted(network, [speaksV1, speaksV2]);
    const { connection } = await client({ session: 'off' });
    expect(connection.peerProtocol).toBe('v1');
    links[0]?.disconnect();
    await network.clock.advance(10);
    await connection.sendData('in between');
    await network.clock.advance(3 * 6000);
    expect(without(links[1])).toBe('in between\x1f');
    expect(connection.peerProtocol).toBe('v2');
    expect(without(links[4])).toBe(frameOf('in between'));
    connection.destroy();
  });

  test('a session by v1: the change is detected, and unacknowledged messages are reported', async () => {
    network.clock.runFreely();
    const server = await listen({ protocol: 'auto', port: 5000 }, network);
    const options = { protocol: 'auto', port: 5000, autoRestart: true, reconnect } as const;
    const connection = await connect(options, {}, network);
    const warnings: SerpyErrorLike[] = [];
    connection.on('warning', (error) => warnings.push(error));
    expect(connection.inSession).toBe(true);
    network.links[0]?.stall();
    await connection.sendData('on its way');
    await server.close();
    for (const each of server) each.destroy();
    const replaced = await listen({ protocol: 'v1', port: 5000 }, network);
    network.links[0]?.reset();
    while (warnings.length === 0) await network.settled();
    expect(warnings).toMatchObject([
      { code: 'ERR_SERPY_DELIVERY_UNKNOWN', messages: [{ type: 'str', value: 'on its way' }] },
    ]);
    expect(connection.peerProtocol).toBe('v1');
    await connection.sendData('for whoever comes');
    for (let heard: string | undefined; heard === undefined; ) {
      const accepted = await replaced.getConnection();
      accepted.on('warning', () => {});
      heard = await accepted.getMessage().then(
        (message) => message.text(),
        () => undefined, // it could not read the client's first words
      );
      if (heard !== undefined) expect(heard).toBe('for whoever comes');
    }
    connection.destroy();
    await replaced.closeServer();
    network.clock.stop();
  });
});

test('a session outlives links on which its server was not heard, and nothing is lost', async () => {
  network.clock.runFreely();
  const server = await listen({ protocol: 'auto', port: 5000 }, network);
  const connection = await connect({ protocol: 'auto', port: 5000, autoRestart: true, reconnect }, {}, network);
  const accepted = await server.getConnection();
  expect(connection.inSession).toBe(true);
  let deadLinks = 0;
  connection.on('reconnect', () => {
    if (++deadLinks <= 5) network.links.at(-1)?.reset();
  });
  network.links[0]?.reset();
  await connection.sendData('still there');
  expect((await accepted.getMessage()).text()).toBe('still there');
  expect([connection.inSession, deadLinks >= 5]).toEqual([true, true]);
  connection.destroy();
  await server.closeServer();
  network.clock.stop();
});

describe('the answer of an auto server that comes late', () => {
  test.each([[[14]], [[1, 13]], [[5, 5, 4]], [[13, 1]]])(
    'in parts of %j bytes, is not a damaged message',
    async (parts) => {
      const links = await scripted(network, [silent]);
      const { connection, warnings } = await client({ session: 'off' });
      for (let at = 0, n = 0; n < parts.length; at += parts[n++] as number) {
        links[0]?.say(v2Answer.subarray(at, at + (parts[n] as number)));
        await network.clock.advance(10);
      }
      links[0]?.say(frameOf('hello'));
      await network.clock.advance(10);
      expect(await connection.getData()).toBe('hello');
      expect([connection.stats().badFrames, warnings]).toEqual([0, []]);
      connection.destroy();
    },
  );

  test('and a message that begins as it does is read', async () => {
    const links = await scripted(network, [silent]);
    const { connection } = await client({ session: 'off' });
    links[0]?.say('\xde\xca\xfe\xca\xfe\x81');
    await network.clock.advance(10);
    links[0]?.say(`${sum('abc')}${little(3)}abc`);
    await network.clock.advance(10);
    expect(String(await connection.getData())).toBe('abc');
    connection.destroy();
  });
});

test.each([200, 400])('an auto server takes a probe whose parts come %i ms apart for one', async (apartMs) => {
  const server = await listen({ protocol: 'auto', port: 5000 }, network);
  const transport = await network.dial({
    host: '127.0.0.1',
    port: 5000,
    keepAliveMs: 0,
    signal: new AbortController().signal,
    security: undefined,
  });
  const heard: Buffer[] = [];
  transport.start({
    received: (chunk) => heard.push(Buffer.from(chunk)),
    drained: () => {},
    ended: () => {},
    closed: () => {},
  });
  for (const part of [probe.slice(0, 4), probe.slice(4, 11), probe.slice(11, 13), probe.slice(13)]) {
    transport.write(Buffer.from(part, 'latin1'));
    transport.flush();
    await network.clock.advance(apartMs);
  }
  expect(Buffer.concat(heard).toString('hex').startsWith(v2Answer.toString('hex'))).toBe(true);
  transport.destroy();
  await server.closeServer();
});
