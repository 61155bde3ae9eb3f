/** Broken connections between Node and Python: the client reconnects, and acknowledged messages arrive. */
import { once } from 'node:events';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { afterEach, describe, expect, test } from 'vitest';
import { hasPython, titled } from './python-peer.js';
import { Stage } from './stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const host = '127.0.0.1';
const packages = { v1, v2 };
const reconnect = { baseDelayMs: 20, maxDelayMs: 100, minDelayMs: 0 };
const cuts = (['v1', 'v2'] as const).flatMap((protocol) => [
  { protocol, how: 'fin', reason: 'peer-closed' },
  { protocol, how: 'rst', reason: 'reset' },
]);

describe.skipIf(!hasPython)(titled('a client with autoRestart', hasPython), () => {
  test.each(cuts)(
    '$protocol: reconnects once after a $how from Python, and queued messages arrive in order',
    async ({ protocol, how, reason }) => {
      const peer = await stage.listen(protocol);
      const client = stage.keep(new packages[protocol].Connection({ autoRestart: true, reconnect }));
      let reconnects = 0;
      client.on('reconnect', () => reconnects++);
      await client.connect(host, peer.port);
      await client.sendData('before');
      await peer.next('message');

      const [disconnected, back] = [once(client, 'disconnect'), once(client, 'reconnect')];
      await peer.do({ do: 'cut', how });
      const [info] = await disconnected;
      expect(info.reason).toBe(reason);
      await Promise.all(['one', 'two', 'three'].map((text) => client.sendData(text)));
      await back;
      expect((await peer.messages(3)).map(({ value }) => value)).toEqual(['one', 'two', 'three']);

      await peer.send(protocol === 'v1' ? 'text' : 'str', 'answer');
      expect(String(await client.getData())).toBe('answer');
      expect(reconnects).toBe(1);
      expect(client.stats().reconnects).toBe(1);
      expect(peer.all('connected')).toHaveLength(2);
    },
  );

  test.each(cuts)('$protocol: reconnects after each of several $how', async ({ protocol, how }) => {
    const peer = await stage.listen(protocol);
    const client = stage.keep(new packages[protocol].Connection({ autoRestart: true, reconnect }));
    await client.connect(host, peer.port);
    for (let round = 1; round <= 3; round++) {
      const back = once(client, 'reconnect');
      await peer.next('connected');
      await peer.do({ do: 'cut', how });
      await back;
      await client.sendData(`round ${round}`);
      expect(await peer.next('message')).toMatchObject({ value: `round ${round}` });
    }
    expect(client.stats().reconnects).toBe(3);
  });

  test.each(['fin', 'rst'])(
    'v1: acknowledged sends in flight at a %s are sent again until acknowledged',
    async (how) => {
      const peer = await stage.listen('v1');
      const client = stage.keep(new v1.Connection({ autoRestart: true, reconnect }));
      await client.connect(host, peer.port);
      await client.sendData('first', { mode: 1 });
      await peer.do({ do: 'pause' });
      const settled: string[] = [];
      const sent = ([1, 3, 1, 5] as const).map((mode, i) =>
        client.sendData(`number ${i}`, { mode }).then((arrived) => {
          settled.push(`number ${i}`);
          return arrived;
        }),
      );
      expect(await client.sendData('given up', { mode: 1, timeoutMs: 20 })).toBe(false);
      await peer.next('connected');
      for (let round = 0; round < 2; round++) {
        const back = once(client, 'reconnect');
        await peer.do({ do: 'cut', how });
        await back;
        await peer.next('connected'); // the program accepts later than its operating system
        expect(settled).toEqual([]);
      }
      await peer.do({ do: 'resume' });
      expect(await Promise.all(sent)).toEqual([true, true, true, true]);
      const messages = await peer.messages(5);
      expect(messages.map(({ mode }) => mode)).toEqual([1, 1, 3, 1, 5]);
      expect(await client.sendData('last', { mode: 1 })).toBe(true);
      await peer.next('message');
      const texts = peer
        .all('message')
        .map(({ type, value }) => (type === 'bytes' ? Buffer.from(value as string, 'hex').toString() : value));
      // Python read nothing before the cuts, so nothing arrives twice. Messages without acknowledgement are not sent again.
      expect(texts).toEqual(['first', 'number 0', 'number 1', 'number 2', 'number 3', 'last']);
      expect(peer.all('receiver_dead')).toEqual([]);
    },
  );

  test('v1: an acknowledged send to a Python program that has ended is rejected as lost, and does not hang', async () => {
    const peer = await stage.listen('v1');
    const client = stage.keep(new v1.Connection());
    await client.connect(host, peer.port);
    await client.sendData('first', { mode: 1 });
    await peer.do({ do: 'pause' });
    const sent = client.sendData('x', { mode: 1 });
    const lost = expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_LOST' });
    await peer.do({ do: 'cut', how: 'rst' });
    await lost;
  });
});

describe.skipIf(!hasPython)(titled('a Python client with auto restart', hasPython), () => {
  test.each(['v1', 'v2'] as const)(
    '%s: reconnects to the server, which then has one new connection and no broken one',
    async (protocol) => {
      const server = stage.keep(new packages[protocol].Server({ port: 0 }));
      await server.start();
      const peer = stage.connectPeer(protocol, server.address?.port as number, '--auto-restart');
      const text = protocol === 'v1' ? 'text' : 'str';
      let connection = await server.getConnection();
      await peer.next('connected');
      for (let round = 0; round < 3; round++) {
        await connection.sendData('hello');
        expect(await peer.next('message')).toMatchObject({ value: 'hello' });
        await peer.send(text, `round ${round}`);
        expect(String(await connection.getData())).toBe(`round ${round}`);

        const broken = connection;
        broken.destroy();
        expect(server.getConnectionsList()).not.toContain(broken);
        await peer.next('reconnected');
        connection = await server.getConnection();
        expect(connection).not.toBe(broken);
        expect(server.getConnectionsList()).toEqual([connection]);
      }
    },
  );

  test.each(['fin', 'rst'])(
    'v1: that breaks its connection with a %s is one connection before and one after',
    async (how) => {
      const server = await stage.keep(new v1.Server({ port: 0 })).start();
      const peer = stage.connectPeer('v1', server.address?.port as number, '--auto-restart');
      const first = await server.getConnection();
      await peer.next('connected');
      const closed = once(first, 'close');
      await peer.do({ do: 'cut', how });
      const second = await server.getConnection();
      await closed;
      expect(server.getConnectionsList()).toEqual([second]);
      await peer.next('reconnected');
      expect(await second.sendData('again', { mode: 1 })).toBe(true);
    },
  );
});
