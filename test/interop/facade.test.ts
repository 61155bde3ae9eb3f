/** The package serpy with Python at the other end: protocol 'auto' detects the protocol of the peer. */
import { connect, listen } from 'serpy';
import { afterEach, describe, expect, test } from 'vitest';
import { hasPython, titled } from './python-peer.js';
import { Stage } from './stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

describe.skipIf(!hasPython)(titled("protocol 'auto'", hasPython), () => {
  test('a server exchanges messages with a v1 and a v2 Python client at the same time', async () => {
    const server = stage.keep(await listen({ protocol: 'auto', port: 0, encoding: 'utf-8' }));
    const port = server.address?.port as number;
    const first = stage.connectPeer('v1', port, '--encoding', 'utf-8');
    const one = await server.getConnection();
    const second = stage.connectPeer('v2', port);
    const two = await server.getConnection();
    expect(server.size).toBe(2);

    await Promise.all([first.next('connected'), second.next('connected')]);
    await Promise.all([first.send('text', 'I am v1 µ'), second.send('str', 'I am v2 µ')]);
    const messages = await Promise.all([one.getMessage(), two.getMessage()]);
    expect(messages.map((message) => [message.protocol, message.text()])).toEqual([
      ['v1', 'I am v1 µ'],
      ['v2', 'I am v2 µ'],
    ]);

    await Promise.all([one.sendData(3.5), two.sendData(3.5)]);
    expect(await first.next('message')).toMatchObject({ type: 'text', value: '3.5', mode: 0 });
    expect(await second.next('message')).toMatchObject({ type: 'float', value: '400c000000000000' });

    const bytes = Buffer.from([...Array(256).keys()]);
    await Promise.all([one.sendData(bytes), two.sendData(bytes)]);
    const seen = { type: 'bytes', value: bytes.toString('hex') };
    expect(await Promise.all([first.next('message'), second.next('message')])).toMatchObject([seen, seen]);
    for (const peer of [first, second]) expect(peer.all('bad_magic').concat(peer.all('receiver_dead'))).toEqual([]);
  });

  test('a server detects a v1 Python client whose first message is acknowledged or in base85', async () => {
    const server = stage.keep(await listen({ protocol: 'auto', port: 0 }));
    for (const [type, value, mode] of [
      ['text', 'hello', 1],
      ['bytes', '68656c6c6f', 0],
      ['text', 'hello', 3],
    ] as const) {
      const peer = stage.connectPeer('v1', server.address?.port as number);
      const connection = await server.getConnection();
      await peer.next('connected');
      const sent = peer.send(type, value, { mode });
      const message = await connection.getMessage();
      expect([message.protocol, message.text()]).toEqual(['v1', 'hello']);
      expect((await sent).acknowledged).toBe(mode === 0 ? undefined : true);
      await connection.sendData('you are v1');
      expect(await peer.next('message')).toMatchObject({ value: 'you are v1' });
    }
  });

  test('a client detects a v1 Python server, which sees only a mode change', async () => {
    const peer = await stage.listen('v1', '--trace');
    const client = stage.keep(await connect({ protocol: 'auto', port: peer.port, probeTimeoutMs: 10_000 }));
    await client.sendData('hello');
    expect(await peer.next('message')).toMatchObject({ type: 'text', value: 'hello', mode: 0 });
    expect(peer.all('control').map(({ word }) => word)).toEqual(['SETMODE0']);
    await peer.send('text', 'welcome', { mode: 1 });
    const message = await client.getMessage();
    expect([message.protocol, message.text()]).toEqual(['v1', 'welcome']);
    expect(peer.all('message')).toHaveLength(1);
  });

  test('a client detects a v2 Python server, which discards the 14 bytes of one probe', async () => {
    const peer = await stage.listen('v2');
    const client = stage.keep(await connect({ protocol: 'auto', port: peer.port }));
    expect(peer.all('bad_magic')).toEqual([{ event: 'bad_magic', discarded: 14 }]);
    await client.sendData('hello');
    await client.sendData(7);
    expect(await peer.messages(2)).toMatchObject([
      { type: 'str', value: 'hello' },
      { type: 'int', value: '7' },
    ]);
    await peer.send('bytes', '00ff');
    const message = await client.getMessage();
    expect([message.protocol, message.bytes().toString('hex')]).toEqual(['v2', '00ff']);
    expect(peer.all('bad_magic')).toHaveLength(1);
    expect(peer.all('receiver_dead')).toEqual([]);
  });

  test('a client receives from a v2 Python server that sends first, and answers after the server has read the probe', async () => {
    const peer = await stage.listen('v2');
    const connecting = connect({ protocol: 'auto', port: peer.port, probeTimeoutMs: 100 });
    await peer.next('bad_magic');
    await peer.send('str', 'welcome');
    const client = stage.keep(await connecting);
    expect((await client.getMessage()).text()).toBe('welcome');
    await client.sendData('thanks');
    expect(await peer.next('message')).toMatchObject({ value: 'thanks' });
  });
});

describe.skipIf(!hasPython)(titled('a named protocol', hasPython), () => {
  test.each(['v1', 'v2'] as const)('%s: connect and listen exchange messages with Python by URL', async (protocol) => {
    const scheme = protocol === 'v1' ? 'serpy1' : 'serpy2';
    const text = protocol === 'v1' ? 'text' : 'str';
    const listening = await stage.listen(protocol);
    const client = stage.keep(await connect(`${scheme}://127.0.0.1:${listening.port}`));
    const server = stage.keep(await listen(`${scheme}://127.0.0.1:0`));
    const connecting = stage.connectPeer(protocol, server.address?.port as number);
    const accepted = await server.getConnection();
    await Promise.all([listening.next('connected'), connecting.next('connected')]);
    for (const [connection, peer] of [
      [client, listening],
      [accepted, connecting],
    ] as const) {
      await connection.sendData('to Python');
      expect(await peer.next('message')).toMatchObject({ value: 'to Python' });
      await peer.send(text, 'from Python');
      const message = await connection.getMessage();
      expect([message.protocol, message.text()]).toEqual([protocol, 'from Python']);
    }
  });
});
