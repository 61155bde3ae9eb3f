import { once } from 'node:events';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { connect, listen } from 'serpy';
import type { Transport } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { describe, expect, onTestFinished, test } from 'vitest';

const loopback = '127.0.0.1';

/** A server that is closed when the test ends. */
async function autoServer(options: { probeTimeoutMs?: number } = {}) {
  const server = await listen({ protocol: 'auto', port: 0, ...options });
  onTestFinished(() => server.closeServer());
  return { server, port: server.address.port };
}

/** A peer that is nothing but a socket. */
async function rawServer(onConnection: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    onTestFinished(() => {
      socket.destroy();
    });
    onConnection(socket);
  }).listen(0, loopback);
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as { port: number }).port;
}

async function rawClient(port: number): Promise<Socket> {
  const socket = tcpConnect(port, loopback);
  await once(socket, 'connect');
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

/** The bytes that a socket has received, once there are at least this many. */
async function received(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let there = 0; there < length; ) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    chunks.push(chunk);
    there += chunk.length;
  }
  return Buffer.concat(chunks);
}

describe('an auto server', () => {
  test('speaks v1 and v2 with clients of both at once', async () => {
    const { server, port } = await autoServer();
    const first = await new v1.Connection().connect(loopback, port);
    const second = await new v2.Connection().connect(loopback, port);
    onTestFinished(() => first.close());
    onTestFinished(() => second.close());
    await first.sendData('over v1');
    await second.sendData('over v2');
    const messages = await Promise.all(
      [await server.getConnection(), await server.getConnection()].map(async (connection) => {
        const message = await connection.getMessage();
        await connection.sendData(`${message.protocol} heard`);
        return message;
      }),
    );
    expect(messages.map((message) => [message.protocol, message.text()]).sort()).toEqual([
      ['v1', 'over v1'],
      ['v2', 'over v2'],
    ]);
    expect(String(await first.getData())).toBe('v1 heard');
    expect(await second.getData()).toBe('v2 heard');
  });

  test('recognises a v2 client whose first frame arrives one byte at a time', async () => {
    const { server, port } = await autoServer();
    const client = await rawClient(port);
    for (const byte of Buffer.from('decafecafe21140200000500000068656c6c6f', 'hex')) {
      client.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    const message = await (await server.getConnection()).getMessage();
    expect([message.protocol, message.value]).toEqual(['v2', 'hello']);
  });

  test('answers a Python v1 client that sends only SETMODE0 and waits', async () => {
    const { port } = await autoServer();
    const client = await rawClient(port);
    client.write('\x01SETMODE0\x1f');
    expect((await received(client, 10)).toString('latin1')).toBe('\x01ACKMODCG\x1f');
  });

  test('sends nothing until the protocol of the client is detected, and warns that it waits', async () => {
    const { server, port } = await autoServer({ probeTimeoutMs: 20 });
    const client = await rawClient(port);
    const connection = await server.getConnection();
    const warned = once(connection, 'warning');
    await connection.sendData('welcome');
    expect((await warned)[0].message).toContain("Set protocol: 'v1' or 'v2'");
    client.write('hello\x1f');
    expect((await received(client, 8)).toString()).toBe('welcome\x1f');
  });

  test('refuses, while the protocol is not known, a value that either protocol cannot carry', async () => {
    const { server, port } = await autoServer();
    await rawClient(port);
    const connection = await server.getConnection();
    await expect(connection.sendData('µ')).rejects.toMatchObject({ code: 'ERR_SERPY_ENCODING' });
    await expect(connection.sendData(2n ** 63n)).rejects.toBeInstanceOf(RangeError);
  });

  test.each(['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc'])(
    'closes a connection that speaks another protocol (%j), and names it',
    async (greeting) => {
      const { server, port } = await autoServer();
      const client = await rawClient(port);
      const connection = await server.getConnection();
      const warned = once(connection, 'warning');
      client.write(Buffer.from(greeting, 'latin1'));
      expect((await warned)[0]).toMatchObject({
        code: 'ERR_SERPY_PROTOCOL',
        message: expect.stringMatching(/HTTP|TLS/),
      });
      await expect(connection.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    },
  );
});

describe('an auto client', () => {
  test('asks with the 14 bytes of the probe, and takes a server that answers for v1', async () => {
    let asked: Buffer | undefined;
    const port = await rawServer(async (socket) => {
      asked = await received(socket, 14);
      socket.write('\x01ACKMODCG\x1fhello\x1f');
    });
    const connection = await connect({ protocol: 'auto', host: loopback, port });
    onTestFinished(() => connection.destroy());
    expect(asked?.toString('latin1')).toBe('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f');
    const message = await connection.getMessage();
    expect([message.protocol, message.text()]).toEqual(['v1', 'hello']);
    expect(connection.stats().badFrames).toBe(0);
  });

  test('takes a server that stays silent for v2, and sends nothing before that', async () => {
    let socketOfServer: Socket | undefined;
    const port = await rawServer((socket) => {
      socketOfServer = socket;
    });
    const connection = await connect({ protocol: 'auto', host: loopback, port, probeTimeoutMs: 20 });
    onTestFinished(() => connection.destroy());
    await connection.sendData('hello');
    const bytes = await received(socketOfServer as Socket, 14 + 19);
    expect(bytes.toString('hex', 14)).toBe('decafecafe21140200000500000068656c6c6f');
  });

  test('hears a v2 server that greets, and sends nothing before the server can have read the probe alone', async () => {
    const network = new MemoryNetwork();
    const asked: Buffer[] = [];
    let end: Transport | undefined;
    const accept = (transport: Transport) => {
      end = transport;
      const received = (chunk: Buffer) => asked.push(Buffer.from(chunk));
      transport.start({ received, drained: () => {}, ended: () => {}, closed: () => {} });
      transport.write(Buffer.from('decafecafe21140200000500000068656c6c6f', 'hex'));
    };
    await network.listen({ host: loopback, port: 5000, keepAliveMs: 0, accept, failed: () => {} });
    const connecting = connect({ protocol: 'auto', port: 5000, probeTimeoutMs: 1000 }, {}, network);
    let isConnected = false;
    void connecting.then(() => {
      isConnected = true;
    });
    await network.clock.advance(199);
    expect([isConnected, Buffer.concat(asked).length]).toEqual([false, 14]);
    await network.clock.advance(1);
    const hello = Buffer.concat(asked).subarray(14);
    expect([hello.readUInt32LE(10), hello.toString('latin1', 14, 26)]).toEqual([hello.length - 14, 'serpy HELLO\n']);
    await network.clock.advance(499);
    expect([isConnected, Buffer.concat(asked).length]).toEqual([false, 14 + hello.length]);
    await network.clock.advance(1);
    const connection = await connecting;
    expect((await connection.getMessage()).text()).toBe('hello');
    await connection.sendData('hi');
    await network.settled();
    expect(Buffer.concat(asked).toString('hex', 14 + hello.length)).toBe('decafecafe21d1000000020000006869');

    // Another link: the protocol is known, nothing is asked, and nothing waits.
    connection.enableRestart();
    end?.destroy();
    asked.length = 0;
    await network.clock.advance(750);
    await connection.sendData('hi');
    await network.settled();
    expect(Buffer.concat(asked).toString('hex')).toBe('decafecafe21d1000000020000006869');
    connection.destroy();
  });

  test('works with a v2 server of serpy for Node, which skips the probe', async () => {
    const server = await new v2.Server({ port: 0 }).start();
    onTestFinished(() => server.closeServer());
    const connection = await connect({ protocol: 'auto', port: server.address.port, probeTimeoutMs: 20 });
    onTestFinished(() => connection.close());
    await connection.sendData(7);
    const accepted = await server.getConnection();
    expect(await accepted.getData()).toBe(7);
    await accepted.sendData('back');
    expect((await connection.getMessage()).text()).toBe('back');
    expect(accepted.stats().badFrames).toBe(0);
  });

  test('works with a v1 server of serpy for Node, also after a broken link', async () => {
    const server = await new v1.Server({ port: 0 }).start();
    onTestFinished(() => server.closeServer());
    const connection = await connect({
      protocol: 'auto',
      port: server.address.port,
      autoRestart: true,
      reconnect: { baseDelayMs: 1, minDelayMs: 0 },
    });
    onTestFinished(() => connection.close());
    const accepted = await server.getConnection();
    const again = once(connection, 'reconnect');
    accepted.destroy();
    await again;
    await connection.sendData('still v1');
    expect(String(await (await server.getConnection()).getData())).toBe('still v1');
  });

  test('and an auto server agree on v2 at once', async () => {
    const { server, port } = await autoServer();
    // Half a minute: were the answer missed, the test would exceed its own timeout.
    const connection = await connect({ protocol: 'auto', port, probeTimeoutMs: 30_000 });
    onTestFinished(() => connection.close());
    await connection.sendData(1.5);
    const message = await (await server.getConnection()).getMessage();
    expect([message.protocol, message.type, message.value]).toEqual(['v2', 'float', 1.5]);
    expect(connection.stats().badFrames).toBe(0);
  });

  test('fails to connect if the server disconnects before its protocol is detected', async () => {
    const port = await rawServer((socket) => socket.end());
    await expect(connect({ protocol: 'auto', port, waitForServer: false })).rejects.toMatchObject({
      code: 'ERR_SERPY_CONNECT',
    });
  });
});
