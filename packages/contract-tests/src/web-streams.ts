/** Statements about a connection as web streams: back-pressure in both directions, ends, and failures. */
import { ReadableStream } from 'node:stream/web';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { type TestBedSource, trackPromise, waitFor } from './stage.js';
import { bounded, breakOff, broken, failure, messagesOf } from './stream-stage.js';

export function webStreamingStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const { numbered, values, datas, plenty, expectLarge } = messagesOf(stage);

  test('carry messages in both directions, in order, and end when the peer closes', async () => {
    const { client, accepted } = await stage().pair();
    const echo = accepted.toWeb();
    const echoed = failure(echo.readable.pipeTo(echo.writable as never));
    const { readable, writable } = client.toWeb();
    const writer = writable.getWriter();
    const written = (async () => {
      for (const value of values(50)) await writer.write(value);
    })();
    const received: unknown[] = [];
    for await (const data of readable) {
      received.push(data);
      if (received.length === 50) void accepted.close();
    }
    await written;
    expect(received).toEqual(datas(50));
    await echoed;
    await waitFor(() => client.state === 'closed');
  });

  test('closing the writable one closes the connection after everything has been sent', async () => {
    const { client, accepted } = await stage().pair();
    const source = new ReadableStream<T['value']>({
      start(controller) {
        for (const value of values(40)) controller.enqueue(value);
        controller.close();
      },
    });
    const piped = source.pipeTo(client.toWeb().writable as never);
    const received: unknown[] = [];
    for await (const data of accepted.toWeb().readable) received.push(data);
    await piped;
    expect(received).toEqual(datas(40));
    expect(client.closeInfo).toMatchObject({ reason: 'local-close', unsentMessages: 0 });
  });

  test('slow their writer down if the peer does not read, and read nothing before the program does', async () => {
    const { count, sizeBytes } = plenty();
    const { client, accepted } = await stage().pair(bounded, { receiveQueue: { maxMessages: 2 } });
    const { readable } = accepted.toWeb();
    const writer = client.toWeb().writable.getWriter();
    const sent = Array.from({ length: count }, (_, n) => trackPromise(writer.write(numbered(n, sizeBytes).value)));
    await waitFor(() => client.stats().sendQueueMessages === 4 && accepted.stats().receiveQueueMessages === 2);
    for (let turn = 0; turn < 100; turn++) await nextTurn();
    expect(writer.desiredSize).toBeLessThan(0);
    expect(sent.at(-20)?.settled).toBe('no');
    expect(accepted.stats().receiveQueueMessages).toBe(2);
    const reader = readable.getReader();
    for (let n = 0; n < count; n++) expectLarge((await reader.read()).value, n, sizeBytes);
    expect(sent.every(({ settled }) => settled === 'resolved')).toBe(true);
  });

  test('cancelling the readable one closes the connection; messages that arrive then are not read', async () => {
    const { client, accepted } = await stage().pair();
    for (const value of values(5)) await accepted.sendData(value);
    await waitFor(() => client.stats().messagesReceived === 5);
    const reader = client.toWeb().readable.getReader();
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(client.stats().receiveQueueMessages).toBe(5); // nothing is read before the program reads
    for (const value of datas(5)) expect((await reader.read()).value).toEqual(value);
    const reading = reader.read();
    await nextTurn();
    await client.sendData(numbered(1).value);
    await reader.cancel('seen enough');
    expect(await reading).toEqual({ done: true, value: undefined });
    expect(client.state).toBe('closed');
    expect(await accepted.getData()).toEqual(numbered(1).data);
    await waitFor(() => accepted.state === 'closed');
  });

  test('aborting the writable one closes the connection at once', async () => {
    const { client } = await stage().pair();
    const error = new Error('the user has left');
    await client.toWeb().writable.abort(error);
    expect(client.closeInfo).toMatchObject({ reason: 'local-close', error });
  });

  test('fail when the connection fails, after the messages that had arrived', async () => {
    const { client, accepted } = await stage().pair();
    for (const value of values(3)) await accepted.sendData(value);
    await waitFor(() => client.stats().receiveQueueMessages === 3);
    const { readable, writable } = client.toWeb();
    await breakOff(client);
    const received: unknown[] = [];
    const reading = (async () => {
      for await (const data of readable) received.push(data);
    })();
    expect(await failure(reading)).toMatchObject({ ...broken, cause: { message: 'the detector is on fire' } });
    expect(received).toEqual(datas(3));
    expect(await failure(writable.getWriter().write(numbered(1).value))).toMatchObject(broken);
  });
}
