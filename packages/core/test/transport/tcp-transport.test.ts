import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, Socket } from 'node:net';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, describe, expect, test } from 'vitest';
import { acceptedOptions } from '../../src/connection/connection-options.js';
import { systemEnvironment } from '../../src/system-environment.js';
import { adoptSocket, SocketReader } from '../../src/transport/read-buffer.js';
import { tcpDial, tcpListen } from '../../src/transport/tcp-network.js';
import type { Listener, Transport, TransportHandler } from '../../src/transport/transport.js';

const opened: { destroy(): void }[] = [];
const listeners: { close(): void }[] = [];

afterEach(() => {
  for (const each of opened.splice(0)) each.destroy();
  for (const each of listeners.splice(0)) each.close();
});

const local = { host: '127.0.0.1', port: 0, keepAliveMs: 0 };
const never = () => new AbortController().signal;

/** The events of a transport, in order; received bytes are joined. */
function listen(
  transport: Transport,
  heard: (chunk: Buffer) => void = () => {},
): { events: string[]; received: () => string; receivedBytes: () => number } {
  const events: string[] = [];
  const chunks: Buffer[] = [];
  let receivedBytes = 0;
  const handler: TransportHandler = {
    received: (chunk) => {
      heard(chunk);
      receivedBytes += chunk.length;
      chunks.push(Buffer.from(chunk));
    },
    drained: () => events.push('drained'),
    ended: () => events.push('ended'),
    closed: (error) => events.push(error ? `closed: ${(error as NodeJS.ErrnoException).code}` : 'closed'),
  };
  transport.start(handler);
  return { events, received: () => Buffer.concat(chunks).toString('latin1'), receivedBytes: () => receivedBytes };
}

async function accepting(): Promise<{ listener: Listener; accepted: Transport[] }> {
  const accepted: Transport[] = [];
  const listener = await tcpListen({
    ...local,
    accept: (transport) => {
      accepted.push(transport);
      opened.push(transport);
    },
    failed: () => {},
  });
  listeners.push(listener);
  return { listener, accepted };
}

async function pair(): Promise<{ client: Transport; server: Transport }> {
  const { listener, accepted } = await accepting();
  const client = await tcpDial({ ...listener.address, keepAliveMs: 1000, signal: never() }, systemEnvironment.clock);
  opened.push(client);
  await waitFor(() => accepted.length === 1);
  return { client, server: accepted[0] as Transport };
}

/** A transport whose peer is a socket. */
async function withSocket(): Promise<{ transport: Transport; socket: Socket }> {
  const { listener, accepted } = await accepting();
  const socket = connect(listener.address);
  opened.push(socket);
  await once(socket, 'connect');
  await waitFor(() => accepted.length === 1);
  return { transport: accepted[0] as Transport, socket };
}

describe('a TCP transport', () => {
  test('knows both addresses', async () => {
    const { client, server } = await pair();
    expect(client.remote).toEqual(server.local);
    expect(client.local).toEqual(server.remote);
    expect(client.remote.host).toBe('127.0.0.1');
  });

  test('delivers pieces that are written in one turn, completely and in order', async () => {
    const { client, server } = await pair();
    const { received, receivedBytes } = listen(server);
    const pieces = Array.from({ length: 100 }, (_, n) => Buffer.from(`${n},`));
    for (const piece of pieces) client.write(piece);
    client.end();
    const expected = pieces.join('');
    await waitFor(() => receivedBytes() === expected.length);
    expect(received()).toBe(expected);
  });

  test('sends the pieces of one turn together', async () => {
    const { transport, socket } = await withSocket();
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    for (let n = 0; n < 50; n++) {
      transport.write(Buffer.from('0123456789'));
      transport.flush();
    }
    await waitFor(() => Buffer.concat(chunks).length === 500);
    expect(chunks.length).toBeLessThanOrEqual(2); // the first at once, the others at the end of the turn
  });

  test('after a turn with many pieces sends all pieces of a turn together, and later a single piece at once again', async () => {
    const { transport } = await withSocket();
    const say = (pieces: number) => {
      for (let n = 0; n < pieces; n++) {
        transport.write(Buffer.from('0123456789'));
        transport.flush();
      }
      return transport.unsentBytes;
    };
    const turn = () => new Promise(setImmediate);
    expect(say(50)).toBe(490);
    await turn();
    expect(say(50)).toBe(500);
    await turn();
    for (let turns = 0; turns < 16; turns++) {
      expect(say(1)).toBe(10); // other pieces may follow again
      await turn();
    }
    expect(say(1)).toBe(0);
  });

  test('reads into one shared buffer at client and server, so that reading takes no memory', async () => {
    const { client, server } = await pair();
    const memory: ArrayBufferLike[] = [];
    for (const end of [client, server]) {
      listen(end, (chunk) => memory.push(chunk.buffer));
      end.write(Buffer.from('hello'));
      end.flush();
    }
    await waitFor(() => memory.length === 2);
    expect(memory[0]).toBe(memory[1]);
  });

  test('reads in the default way if an accepted socket cannot use that buffer', () => {
    const reading = new SocketReader();
    for (const inside of [{}, { _handle: null }, { _handle: {} }]) {
      const socket = Object.assign(new Socket(), inside);
      expect(adoptSocket(socket, reading)).toBeUndefined();
      expect(socket.destroyed).toBe(false);
    }
  });

  test('keeps bytes that arrived before the start', async () => {
    const { transport, socket } = await withSocket();
    socket.end('early');
    await new Promise(setImmediate);
    const { events, received } = listen(transport);
    await waitFor(() => events.includes('ended'));
    expect(received()).toBe('early');
  });

  test('emits closed once if it was destroyed before the start', async () => {
    const { server } = await pair();
    server.destroy();
    await new Promise(setImmediate);
    const { events } = listen(server);
    await waitFor(() => events.length > 0);
    await new Promise(setImmediate);
    expect(events).toEqual(['closed']);
  });

  test('survives a reset before the start, and reports it then', async () => {
    const { transport, socket } = await withSocket();
    transport.write(Buffer.alloc(1000));
    transport.flush();
    socket.resetAndDestroy();
    await once(socket, 'close');
    await new Promise(setImmediate);
    const { events } = listen(transport);
    await waitFor(() => events.length > 0);
    expect(events.at(-1)).toMatch(/^closed/);
  });

  test('reports a reset as closed with the error', async () => {
    const { transport, socket } = await withSocket();
    const { events } = listen(transport);
    socket.resetAndDestroy();
    await waitFor(() => events.length > 0);
    expect(events).toEqual(['closed: ECONNRESET']);
  });

  test('continues to send after the peer has ended', async () => {
    const { client, server } = await pair();
    const [atClient, atServer] = [listen(client), listen(server)];
    client.end();
    await waitFor(() => atServer.events.includes('ended'));
    server.write(Buffer.from('last words'));
    server.end();
    await waitFor(() => atClient.events.includes('closed') && atServer.events.includes('closed'));
    expect(atClient.received()).toBe('last words');
    expect([atClient.events, atServer.events]).toEqual([
      ['ended', 'closed'],
      ['ended', 'closed'],
    ]);
  });

  test('is not writable above the high-water mark, and emits drained below it', async () => {
    const { client, server } = await pair();
    const { events } = listen(client);
    const block = Buffer.alloc(1 << 20);
    let blocks = 0;
    while (blocks < 64) {
      client.write(block);
      client.flush();
      blocks++;
    }
    expect(client.writable).toBe(false);
    expect(client.unsentBytes).toBeGreaterThan(0);
    const { receivedBytes } = listen(server);
    await waitFor(() => events.includes('drained'));
    expect(client.writable).toBe(true);
    expect(client.unsentBytes).toBe(0);
    await waitFor(() => receivedBytes() === blocks * block.length);
  });

  test('is not writable above the high-water mark after many small writes', async () => {
    const { client, server } = await pair();
    const { events } = listen(client);
    const block = Buffer.alloc(1 << 18);
    let blocks = 0;
    for (; client.writable && blocks < 128; blocks++) {
      client.write(block);
      client.flush();
      await new Promise(setImmediate);
    }
    expect(client.writable).toBe(false);
    expect(client.unsentBytes).toBeLessThan(1 << 21);
    const { receivedBytes } = listen(server);
    await waitFor(() => events.includes('drained'));
    expect(client.writable).toBe(true);
    await waitFor(() => receivedBytes() === blocks * block.length);
  });

  test('delivers small pieces unchanged behind a large one that had to wait', async () => {
    const { client, server } = await pair();
    listen(client);
    const sent: Buffer[] = [];
    const write = (piece: Buffer) => {
      sent.push(Buffer.from(piece));
      client.write(piece);
    };
    const { received, receivedBytes } = listen(server);
    for (let turn = 0; turn < 6; turn++) {
      write(Buffer.alloc(1 << 23, turn));
      client.flush();
      for (let n = 0; n < 70; n++) {
        write(Buffer.alloc(1000, turn + n));
        client.flush();
      }
      await waitFor(() => client.writable);
    }
    const all = Buffer.concat(sent);
    await waitFor(() => receivedBytes() === all.length);
    expect(Buffer.from(received(), 'latin1').equals(all)).toBe(true);
  });

  test('delivers nothing while paused, and everything afterwards', async () => {
    const { transport, socket } = await withSocket();
    const { events, received } = listen(transport);
    transport.pause();
    socket.end('held back');
    await once(socket, 'finish');
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    expect([received(), events]).toEqual(['', []]);
    transport.resume();
    await waitFor(() => events.includes('ended'));
    expect(received()).toBe('held back');
  });
});

describe('a TCP transport that is paused', () => {
  test('reports the end if no bytes are unread', async () => {
    const { transport, socket } = await withSocket();
    const { events } = listen(transport);
    transport.pause();
    socket.end();
    await waitFor(() => events.includes('ended'));
  });
});

/** The idle seconds after which the system sends keep-alive probes on a socket. Another connection may have the same local port. */
function keepAliveSeconds({ local, remote }: Pick<Transport, 'local' | 'remote'>): number | undefined {
  const [from, to] = [local, remote].map(({ port }) => port.toString(16).toUpperCase().padStart(4, '0'));
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((each) => new RegExp(`^ *\\d+: [0-9A-F]+:${from} [0-9A-F]+:${to} `).test(each));
  const [, timer, ticks] = / (\d\d):([0-9A-F]{8}) /.exec(line ?? '') ?? [];
  return timer === '02' ? Math.ceil(Number.parseInt(ticks as string, 16) / 100) : undefined;
}

describe.skipIf(process.platform !== 'linux')('the system probes an idle link', () => {
  test.each([
    [1, 1],
    [999, 1],
    [1000, 1],
    [1001, 2],
    [acceptedOptions.keepAliveMs.parse(32_767_000, 'keepAliveMs'), 32_767],
    [0, undefined],
  ])('after keepAliveMs, in whole seconds: %j', async (keepAliveMs, seconds) => {
    const { listener } = await accepting();
    const client = await tcpDial({ ...listener.address, keepAliveMs, signal: never() }, systemEnvironment.clock);
    opened.push(client);
    expect(keepAliveSeconds(client)).toBe(seconds);
  });
});

describe('connecting', () => {
  test('fails with an explanation if nothing listens', async () => {
    const { listener } = await accepting();
    listener.close();
    await expect(
      tcpDial({ ...listener.address, keepAliveMs: 0, signal: never() }, systemEnvironment.clock),
    ).rejects.toMatchObject({
      code: 'ERR_SERPY_CONNECT',
      message: expect.stringContaining('nothing listens there'),
      cause: { code: 'ECONNREFUSED' },
    });
  });

  test('ends with the reason of its signal, aborted before and during the attempt', async () => {
    const { listener } = await accepting();
    const reason = new Error('no time');
    const options = { ...listener.address, keepAliveMs: 0 };
    await expect(tcpDial({ ...options, signal: AbortSignal.abort(reason) }, systemEnvironment.clock)).rejects.toBe(
      reason,
    );
    const controller = new AbortController();
    const connecting = tcpDial({ ...options, signal: controller.signal }, systemEnvironment.clock);
    controller.abort(reason);
    await expect(connecting).rejects.toBe(reason);
  });
});

describe('listening', () => {
  test('on localhost is reachable at the default address of a client, and by the name', async () => {
    const accepted: Transport[] = [];
    const accept = (transport: Transport) => {
      accepted.push(transport);
      opened.push(transport);
    };
    const listener = await tcpListen({ ...local, host: 'localhost', accept, failed: () => {} });
    listeners.push(listener);
    const { port } = listener.address;
    for (const host of ['127.0.0.1', 'localhost']) {
      const options = { host, port, keepAliveMs: 0, signal: never() };
      opened.push(await tcpDial(options, systemEnvironment.clock));
    }
    await waitFor(() => accepted.length === 2);
  });

  test('fails with an explanation if the port is in use', async () => {
    const { listener } = await accepting();
    await expect(
      tcpListen({ ...listener.address, keepAliveMs: 0, accept: () => {}, failed: () => {} }),
    ).rejects.toMatchObject({ code: 'ERR_SERPY_LISTEN', cause: { code: 'EADDRINUSE' } });
  });

  test('frees the port when close returns, and keeps accepted links', async () => {
    const { listener, accepted } = await accepting();
    const client = await tcpDial({ ...listener.address, keepAliveMs: 0, signal: never() }, systemEnvironment.clock);
    opened.push(client);
    await waitFor(() => accepted.length === 1);
    listener.close();
    const other = createServer();
    listeners.push(other);
    other.listen(listener.address);
    await once(other, 'listening');
    const { received } = listen(client);
    accepted[0]?.write(Buffer.from('still here'));
    accepted[0]?.flush();
    await waitFor(() => received() === 'still here');
  });
});
