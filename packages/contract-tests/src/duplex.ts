/** Statements about a connection as a stream of Node: back-pressure in both directions, ends, and failures. */
import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { type TestBedSource, trackPromise, waitFor } from './stage.js';
import { bounded, breakOff, broken, failure, messagesOf } from './stream-stage.js';

export function duplexStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const { numbered, values, datas, plenty, expectLarge } = messagesOf(stage);

  test('carries messages in both directions, in order, and ends when the peer closes', async () => {
    const { client, accepted } = await stage().pair();
    const echo = accepted.toDuplex();
    echo.pipe(echo);
    const duplex = client.toDuplex();
    const received: unknown[] = [];
    duplex.on('data', (data) => received.push(data));
    for (const value of values(50)) duplex.write(value);
    await waitFor(() => received.length === 50);
    expect(received).toEqual(datas(50));
    const ended = once(duplex, 'end');
    const closed = Promise.all([once(duplex, 'close'), once(echo, 'close')]);
    await accepted.close();
    await Promise.all([ended, closed]);
    expect([client.state, accepted.state]).toEqual(['closed', 'closed']);
    expect(duplex.errored).toBeNull();
  });

  test('is filled by a pipeline, whose end closes the connection after everything has been sent', async () => {
    const { client, accepted } = await stage().pair({}, { receiveQueue: { maxMessages: 2000 } });
    const piped = pipeline(Readable.from(values(1500)), client.toDuplex());
    const received: unknown[] = [];
    for await (const data of accepted.toDuplex()) received.push(data);
    await piped;
    expect(received).toEqual(datas(1500));
    expect(client.closeInfo).toMatchObject({ reason: 'local-close', unsentMessages: 0 });
  });

  test('slows its writer down if the peer does not read, and its peer if the program does not read', async () => {
    const { count, sizeBytes } = plenty();
    const { client, accepted } = await stage().pair(bounded, { receiveQueue: { maxMessages: 2 } });
    const reader = accepted.toDuplex();
    const writer = client.toDuplex();
    let written = 0;
    const piped = pipeline(async function* () {
      for (; written < count; written++) yield numbered(written, sizeBytes).value;
    }, writer);
    await waitFor(() => client.stats().sendQueueMessages === 4 && accepted.stats().receiveQueueMessages === 2);
    // The buffers of the system may grow meanwhile.
    for (let held = -1; written !== held; ) {
      held = written;
      for (let turn = 0; turn < 100; turn++) await nextTurn();
    }
    expect(written).toBeLessThan(count - 20);
    expect(accepted.stats().receiveQueueMessages).toBe(2); // the stream has read none
    let n = 0;
    for await (const data of reader) expectLarge(data, n++, sizeBytes);
    await piped;
    expect(n).toBe(count);
  });

  test('reads no more from the queue than the program reads', async () => {
    const { client, accepted } = await stage().pair();
    const duplex = accepted.toDuplex();
    for (const value of values(10)) await client.sendData(value);
    await waitFor(() => accepted.stats().messagesReceived === 10);
    expect(accepted.stats().receiveQueueMessages).toBe(10);
    const slow: unknown[] = [];
    const release: (() => void)[] = [];
    const sink = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write(data, _, done) {
        slow.push(data);
        release.push(done);
      },
    });
    duplex.pipe(sink);
    await waitFor(() => slow.length === 1);
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    expect(accepted.stats().receiveQueueMessages).toBeGreaterThanOrEqual(7);
    while (slow.length < 10) {
      release.shift()?.();
      await nextTurn();
    }
    expect(slow).toEqual(datas(10));
    duplex.destroy();
  });

  test('destroy() closes the connection at once, and waiting calls reject with its error', async () => {
    const { client, accepted } = await stage().pair();
    const duplex = client.toDuplex();
    const reading = failure(duplex[Symbol.asyncIterator]().next());
    const waiting = failure(client.getData());
    const error = new Error('the user has left');
    duplex.destroy(error);
    expect(client.state).toBe('closed');
    expect(client.closeInfo).toMatchObject({ reason: 'local-close', error });
    expect(await reading).toBe(error);
    expect(await waiting).toMatchObject({ ...broken, cause: error });
    await waitFor(() => accepted.state === 'closed');
  });

  test('fails when the connection fails, after the messages that had arrived', async () => {
    const { client, accepted } = await stage().pair();
    for (const value of values(3)) await accepted.sendData(value);
    await waitFor(() => client.stats().receiveQueueMessages === 3);
    const duplex = client.toDuplex();
    await breakOff(client);
    const received: unknown[] = [];
    const reading = (async () => {
      for await (const data of duplex) received.push(data);
    })();
    expect(await failure(reading)).toMatchObject({ ...broken, cause: { message: 'the detector is on fire' } });
    expect(received).toEqual(datas(3));
    expect(duplex.destroyed).toBe(true);
  });

  test('fails at a write after the connection is closed', async () => {
    const { client } = await stage().pair();
    const duplex = client.toDuplex();
    await breakOff(client);
    const ended = failure(finished(duplex));
    duplex.write(numbered(1).value);
    expect(await ended).toMatchObject(broken);
  });

  stage.inMemory('fails with a value that cannot be sent', async () => {
    const { client } = await stage().pair();
    const duplex = client.toDuplex();
    const ended = failure(finished(duplex));
    duplex.write(Symbol('none') as never);
    expect(await ended).toMatchObject({ code: 'ERR_SERPY_VALUE' });
    expect(client.state).toBe('closed');
  });

  test('continues over links that break, with auto restart', async () => {
    const reconnect = { baseDelayMs: 2, maxDelayMs: 20, minDelayMs: 0 };
    const { server, client, accepted } = await stage().pair({ autoRestart: true, reconnect });
    const duplex = client.toDuplex();
    const read = duplex[Symbol.asyncIterator]();
    await accepted.sendData(numbered(1).value);
    expect(await read.next()).toEqual({ done: false, value: numbered(1).data });
    const next = read.next();
    accepted.destroy();
    const second = await server.getConnection();
    await second.sendData(numbered(2).value);
    expect(await next).toEqual({ done: false, value: numbered(2).data });
    duplex.write(numbered(3).value);
    expect(await second.getData()).toEqual(numbered(3).data);
    duplex.destroy();
  });

  test('reports the unsent messages if its end cannot be sent', async () => {
    const peer = await stage().silentPeer();
    const client = stage().connection({ ...bounded, closeTimeoutMs: 20 });
    await client.connect(peer.address.host, peer.address.port);
    const duplex = client.toDuplex();
    stage().network?.clock.stop();
    const sent = Array.from({ length: 300 }, (_, n) => trackPromise(client.sendData(numbered(n, 65_536).value)));
    let before = -1;
    while (client.stats().messagesSent !== before) {
      before = client.stats().messagesSent;
      for (let turn = 0; turn < 100; turn++) await nextTurn();
    }
    expect(client.stats().sendQueueMessages).toBe(4);
    const ended = failure(finished(duplex));
    duplex.end();
    stage().letTimePass();
    expect(await ended).toMatchObject({ code: 'ERR_SERPY_DROPPED', messages: 4 });
    expect(sent.at(-1)).toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    peer.disconnect();
  });

  stage.inMemory('gives messages where that is asked for, and passes the options of sendData on', async () => {
    const { client, accepted } = await stage().pair();
    const duplex = client.toDuplex({ messages: true, send: {} });
    await accepted.sendData(numbered(1).value);
    await accepted.sendData(numbered(1).value);
    const first = await duplex[Symbol.asyncIterator]().next();
    expect(first.value).toHaveProperty('type');
    expect(first.value).toEqual(await client.getMessage());
    duplex.destroy();
    const refused = expect.objectContaining({ code: 'ERR_SERPY_OPTION' });
    expect(() => client.toDuplex({ message: true } as never)).toThrow(refused);
    expect(() => client.toDuplex({ messages: 1 } as never)).toThrow(refused);
    expect(() => client.toWeb({ send: { unheardOf: 1 } } as never)).toThrow(refused);
  });

  stage.inMemory('is not there before connect(), and neither are web streams', () => {
    const refused = expect.objectContaining({ code: 'ERR_SERPY_NOT_CONNECTED' });
    expect(() => stage().connection().toDuplex()).toThrow(refused);
    expect(() => stage().connection().toWeb()).toThrow(refused);
  });
}
