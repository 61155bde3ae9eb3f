/** Connections of a small protocol with bad frames and deadlines, which the contract tests of v1 and v2 do not share. */
import { inspect } from 'node:util';
import { Connection, type ConnectionOptions, connectionOptions, parseOptions, Server } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import type { Transport } from '../../src/transport/transport.js';
import { type Calls, type Lines, lineProtocol, serverSettings } from '../line-protocol.js';

const port = 5000;

function setUp(helloMs = 0, accepted: ConnectionOptions = {}) {
  const network = new MemoryNetwork();
  const acceptedCalls: Calls = [];
  const connection = (options: ConnectionOptions = {}, calls: Calls = []) =>
    new Connection<Lines>(lineProtocol(calls, helloMs), parseOptions(connectionOptions, options), network);
  const server = async () => {
    const settings = serverSettings({ port, keepAliveMs: 0 });
    return new Server<Lines, Connection<Lines>>(settings, () => connection(accepted, acceptedCalls), network).start();
  };
  return { network, connection, server, calls: acceptedCalls };
}

/** A peer without a session: only a transport. */
async function bare(network: MemoryNetwork): Promise<Transport> {
  const signal = new AbortController().signal;
  const transport = await network.dial({ host: '127.0.0.1', port, keepAliveMs: 0, signal });
  transport.start({ received: () => {}, drained: () => {}, ended: () => transport.end(), closed: () => {} });
  return transport;
}

describe('a full receive queue', () => {
  test('resumes reading when a sixteenth of it is free, and not for each message', async () => {
    const { network, server } = setUp(0, { receiveQueue: { maxMessages: 32, maxBytes: 1000 } });
    const listening = await server();
    const peer = await bare(network);
    const accepted = await listening.getConnection();
    peer.write(Buffer.from('x\n'.repeat(100)));
    await network.settled();
    const lengths: number[] = [];
    for (let read = 0; read < 4; read++) {
      lengths.push(accepted.stats().receiveQueueMessages);
      await accepted.getData();
    }
    expect(lengths).toEqual([32, 31, 32, 31]);
    for (let read = 4; read < 100; read++) await accepted.getData();
    expect(accepted.isDataAvailable()).toBe(false);
    peer.destroy();
    await listening.closeServer();
  });

  test('of few messages resumes reading for each message', async () => {
    const { network, server } = setUp(0, { receiveQueue: { maxMessages: 4, maxBytes: 1000 } });
    const listening = await server();
    const peer = await bare(network);
    const accepted = await listening.getConnection();
    peer.write(Buffer.from('x\n'.repeat(10)));
    await network.settled();
    await accepted.getData();
    expect(accepted.stats().receiveQueueMessages).toBe(4);
    peer.destroy();
    await listening.closeServer();
  });
});

describe('a bad frame', () => {
  test('causes a warning, is counted, and affects no other message', async () => {
    const { network, server } = setUp();
    const listening = await server();
    const peer = await bare(network);
    const accepted = await listening.getConnection();
    const warnings: unknown[] = [];
    accepted.on('warning', (error) => warnings.push(error.message));
    peer.write(Buffer.from('one\n?\ntwo\n'));
    expect([await accepted.getData(), await accepted.getData()]).toEqual(['one', 'two']);
    expect(warnings).toEqual(['a bad line']);
    expect(accepted.stats().badFrames).toBe(1);
    await listening.closeServer();
  });

  test.each(['close', 'destroy'] as const)(
    '%s() in the listener of its warning leaves nothing behind',
    async (ending) => {
      // The frame arrives alone, with the peer's end, or is unread when the link breaks.
      for (const fate of ['alone', 'end', 'unread and end', 'unread and reset'] as const) {
        const { network, server } = setUp();
        const listening = await server();
        const peer = await bare(network);
        const accepted = await listening.getConnection();
        const events: string[] = [];
        for (const event of ['disconnect', 'close'] as const) accepted.on(event, () => events.push(event));
        accepted.on('warning', () => void accepted[ending]());
        if (fate.startsWith('unread')) network.links[0]?.toServer.stall();
        peer.write(Buffer.from('?\n'));
        if (fate.endsWith('end')) peer.end();
        if (fate.endsWith('reset')) peer.destroy();
        network.links[0]?.toServer.release();
        await network.settled();
        await listening.closeServer();
        expect([accepted.state, events, network.clock.pending], fate).toEqual(['closed', ['disconnect', 'close'], 0]);
      }
    },
  );
});

describe('a link that ends while the receive queue is full', () => {
  test.each(['end', 'reset', 'bad frame and end'] as const)(
    'by %s delivers the messages that came with it, and leaves nothing behind',
    async (fate) => {
      const { network, server, calls } = setUp(0, { receiveQueue: { maxMessages: 1 } });
      const listening = await server();
      const peer = await bare(network);
      const accepted = await listening.getConnection();
      accepted.on('warning', () => accepted.destroy());
      peer.write(Buffer.from(fate === 'bad frame and end' ? 'a\nb\n?\nc\n' : 'a\nb\nc\n'));
      await network.settled();
      expect(accepted.stats().receiveQueueMessages).toBe(1);
      if (fate === 'reset') network.links[0]?.reset();
      else peer.end();
      await network.settled();
      await listening.close();
      expect(accepted.state).toBe('closed');
      expect([...accepted]).toEqual(['a', 'b', 'c']);
      expect(calls).toEqual(['up', 'lost']);
      expect(network.clock.pending).toBe(0);
    },
  );
});

describe('a TCP stream that ends within a message', () => {
  test('is the error of the link and the cause for waiting calls', async () => {
    const { network, server } = setUp();
    const listening = await server();
    const peer = await bare(network);
    const accepted = await listening.getConnection();
    accepted.on('warning', () => {});
    peer.write(Buffer.from('whole\nhal'));
    peer.end();
    expect(await accepted.getData()).toBe('whole');
    await expect(accepted.getData()).rejects.toMatchObject({
      code: 'ERR_SERPY_CLOSED',
      cause: { code: 'ERR_SERPY_TRUNCATED' },
    });
    expect(accepted.closeInfo).toMatchObject({ reason: 'peer-closed', error: { code: 'ERR_SERPY_TRUNCATED' } });
    await listening.close();
  });
});

describe('a session', () => {
  test('sends only between linkUp and linkDown, and does nothing after it has failed', async () => {
    const { network, connection, server } = setUp();
    const listening = await server();
    const calls: Calls = [];
    const client = connection(
      { autoRestart: true, reconnect: { baseDelayMs: 1, minDelayMs: 0, resetAfterMs: 0 } },
      calls,
    );
    let count = 0;
    const send = () => void client.sendData(`m${count++}`).catch(() => {});
    for (const event of ['connect', 'disconnect', 'reconnecting', 'reconnect', 'close', 'warning'] as const)
      client.on(event, send);
    await client.connect('127.0.0.1', port);
    for (const ending of ['destroy', 'close', 'bad line', 'reset'] as const) {
      const accepted = await listening.getConnection();
      send();
      if (ending === 'bad line') await accepted.sendData('!\nmore\n');
      else if (ending === 'reset') network.links[0]?.reset();
      else void accepted[ending]();
      await network.clock.advance(100);
      expect(client.state).toBe('connected');
    }
    await client.close();
    await listening.closeServer();
    let up = false;
    for (const call of calls) {
      if (call === 'up' || call === 'lost') up = call === 'up';
      else expect([call, up]).toEqual([expect.stringMatching(/^send/), true]);
    }
    expect(calls.filter((call) => call === 'up')).toHaveLength(5);
    expect(network.clock.pending).toBe(0);
  });

  test('that cannot send yet lets connect and the send queue wait', async () => {
    const { network, connection, server } = setUp(1000);
    const listening = await server();
    const client = connection();
    let connected = false;
    const connecting = client.connect('127.0.0.1', port).then(() => {
      connected = true;
    });
    await client.sendData('queued');
    const accepted = await listening.getConnection();
    await network.settled();
    expect([connected, accepted.isDataAvailable()]).toEqual([false, false]);
    await accepted.sendData('hello');
    await connecting;
    expect(await accepted.getData()).toBe('queued');
    expect(network.clock.pending).toBe(0);
    await client.close();
    await listening.closeServer();
  });

  test('is called once at its deadline', async () => {
    const { network, connection, server } = setUp(1000);
    const listening = await server();
    const calls: Calls = [];
    const client = connection({}, calls);
    const connecting = client.connect('127.0.0.1', port);
    await network.clock.advance(999);
    expect(calls).toEqual(['up']);
    await network.clock.advance(1);
    await connecting;
    expect(calls).toEqual(['up', 'tick']);
    await client.close();
    await listening.closeServer();
    await network.clock.runAll();
    expect(calls).toEqual(['up', 'tick', 'lost']);
  });

  test('whose peer closes before it can send makes connect reject, and connect can be called again', async () => {
    const { network, connection, server } = setUp(1000);
    const listening = await server();
    const client = connection({ autoRestart: true });
    const connecting = client.connect('127.0.0.1', port);
    (await listening.getConnection()).destroy();
    await expect(connecting).rejects.toMatchObject({ code: 'ERR_SERPY_CONNECT' });
    expect([client.state, network.clock.pending]).toEqual(['idle', 0]);
    const again = client.connect('127.0.0.1', port);
    await (await listening.getConnection()).sendData('hello');
    await again;
    await client.close();
    await listening.closeServer();
  });

  test('leaves no timer and no link when connect ends early', async () => {
    for (const way of ['signal', 'time', 'close', 'destroy'] as const) {
      const { network, connection, server } = setUp(100_000);
      const listening = await server();
      const client = connection();
      const controller = new AbortController();
      const connecting = client.connect('127.0.0.1', port, { timeoutMs: 10_000, signal: controller.signal });
      const codes = {
        signal: 'ERR_SERPY_ABORTED',
        time: 'ERR_SERPY_TIMEOUT',
        close: 'ERR_SERPY_CLOSED',
        destroy: 'ERR_SERPY_CLOSED',
      };
      const rejected = expect(connecting, way).rejects.toMatchObject({ code: codes[way] });
      await network.settled();
      if (way === 'signal') controller.abort();
      else if (way === 'time') await network.clock.advance(10_000);
      else void client[way]();
      await rejected;
      await network.settled();
      await listening.closeServer();
      expect([client.state, network.clock.pending, network.links], way).toEqual([
        way === 'signal' || way === 'time' ? 'idle' : 'closed',
        0,
        [],
      ]);
    }
  });
});

describe('the end of a link whose peer does not read', () => {
  test('after the peer has ended, unsent answers end the link after 1 s', async () => {
    const { network, server } = setUp();
    const listening = await server();
    const peer = await bare(network);
    const accepted = await listening.getConnection();
    network.links[0]?.toClient.stall();
    for (let n = 0; n < 100; n++) void accepted.sendData('x'.repeat(10_000));
    peer.end();
    await network.settled();
    expect(accepted.state).toBe('connected');
    accepted.on('warning', () => {});
    await network.clock.advance(1000);
    expect(accepted.closeInfo).toMatchObject({ reason: 'peer-closed' });
    expect(network.clock.pending).toBe(0);
    await listening.close();
  });
});

test('console.log shows the state of a connection and of a server, without internals', async () => {
  const { connection, server } = setUp();
  const listening = await server();
  const client = connection();
  expect(inspect(client)).toBe('Connection (lines, idle)');
  await client.connect('127.0.0.1', port);
  expect(inspect(client)).toBe('Connection (lines, connected, peer 127.0.0.1:5000)');
  await listening.getConnection();
  expect(inspect(listening)).toBe('Server (listening on 127.0.0.1:5000, connections: 1)');
  await client.close();
  await listening.closeServer();
  expect(inspect(client)).toBe('Connection (lines, closed, peer 127.0.0.1:5000)');
});
