/** Statements about acknowledged messages, for protocols that have them. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProtocolTypes, SendOptions } from 'serpy-core';
import { expect, test } from 'vitest';
import { type TestBedSource, trackPromise, waitFor } from './stage.js';

const soon = { baseDelayMs: 2, maxDelayMs: 20, minDelayMs: 0 };

export function acknowledgementStatements<T extends ProtocolTypes>(
  stage: TestBedSource<T>,
  acknowledged: SendOptions<T>,
): void {
  const numbered = (n: number) => stage().subject.numbered(n);

  test('sendData resolves true when the peer has the message', async () => {
    const { client, accepted } = await stage().pair();
    const sent = [1, 2, 3].map((n) => client.sendData(numbered(n).value, acknowledged));
    expect(await Promise.all(sent)).toEqual([true, true, true]);
    expect([...accepted]).toEqual([1, 2, 3].map((n) => numbered(n).data));
    expect(client.stats().unacknowledgedMessages).toBe(0);
  });

  test('sendData resolves false when no acknowledgement comes within timeoutMs', async () => {
    const peer = await stage().silentPeer();
    const client = await stage().connection().connect(peer.address.host, peer.address.port);
    expect(await client.sendData(numbered(1).value, { ...acknowledged, timeoutMs: 10 })).toBe(false);
    expect(client.stats().unacknowledgedMessages).toBe(0);
    client.destroy();
    peer.disconnect();
  });

  test('sendData rejects when the connection ends before the acknowledgement', async () => {
    const peer = await stage().silentPeer();
    const client = await stage().connection().connect(peer.address.host, peer.address.port);
    const sent = client.sendData(numbered(1).value, acknowledged);
    await nextTurn();
    peer.disconnect();
    await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_LOST' });
  });

  test('an unacknowledged message is sent again on the next link', async () => {
    const peer = await stage().silentPeer();
    const { host, port } = peer.address;
    const client = await stage().connection({ autoRestart: true, reconnect: soon }).connect(host, port);
    const sent = [1, 2, 3].map((n) => client.sendData(numbered(n).value, acknowledged));
    await nextTurn();
    peer.disconnect();
    const { server } = await stage().started({ port });
    const accepted = await server.getConnection();
    expect(await Promise.all(sent)).toEqual([true, true, true]);
    expect([...accepted]).toEqual([1, 2, 3].map((n) => numbered(n).data));
  });

  test('a message is not sent again once its sendData has settled', async () => {
    const peer = await stage().silentPeer();
    const { host, port } = peer.address;
    const client = await stage().connection({ autoRestart: true, reconnect: soon }).connect(host, port);
    expect(await client.sendData(numbered(1).value, { ...acknowledged, timeoutMs: 5 })).toBe(false);
    peer.disconnect();
    const { server } = await stage().started({ port });
    const accepted = await server.getConnection();
    expect(await client.sendData(numbered(2).value, acknowledged)).toBe(true);
    expect([...accepted]).toEqual([numbered(2).data]);
  });

  test("whenOffline 'drop': a message in flight is sent again, a message that waited for a link is not", async () => {
    const peer = await stage().silentPeer();
    const { host, port } = peer.address;
    const client = stage().connection({ whenOffline: 'drop', autoRestart: true, reconnect: soon });
    await client.connect(host, port);
    const sent = client.sendData(numbered(1).value, acknowledged);
    expect(client.stats().unacknowledgedMessages).toBe(1);
    const meanwhile: Promise<boolean>[] = [];
    client.once('reconnecting', () => meanwhile.push(client.sendData(numbered(2).value, acknowledged)));
    peer.disconnect();
    const { server } = await stage().started({ port });
    const accepted = await server.getConnection();
    expect(await sent).toBe(true);
    expect(await Promise.all(meanwhile)).toEqual([false]);
    expect(await client.sendData(numbered(3).value, acknowledged)).toBe(true);
    expect([...accepted]).toEqual([1, 3].map((n) => numbered(n).data));
    expect(client.stats().droppedSending).toBe(1);
  });

  test('close() waits for acknowledgements that are due', async () => {
    const { client, accepted } = await stage().pair();
    const sent = [1, 2, 3].map((n) => trackPromise(client.sendData(numbered(n).value, acknowledged)));
    await client.close();
    expect(sent).toEqual(sent.map(() => ({ settled: 'resolved' })));
    expect([...accepted]).toEqual([1, 2, 3].map((n) => numbered(n).data));
  });

  test('close() at both ends at once settles everything', async () => {
    const { client, accepted } = await stage().pair();
    const sent = [1, 2, 3].flatMap((n) => [
      trackPromise(client.sendData(numbered(n).value, acknowledged)),
      trackPromise(accepted.sendData(numbered(n).value, acknowledged)),
    ]);
    await Promise.all([client.close(), accepted.close()]);
    await nextTurn();
    expect(sent).toEqual(sent.map(() => ({ settled: 'resolved' })));
    expect(client.closeInfo).toMatchObject({ reason: 'local-close', error: undefined });
    expect(accepted.closeInfo).toMatchObject({ reason: 'local-close', error: undefined });
  });

  test('messages sent in listeners of connect and reconnect arrive once, in order', async () => {
    const { server, address } = await stage().started();
    const client = stage().connection({ autoRestart: true, reconnect: soon });
    const results: boolean[] = [];
    const send = async (n: number) => results.push(await client.sendData(numbered(n).value, acknowledged));
    client.on('connect', () => void send(1));
    client.on('reconnect', () => void send(3));
    await client.connect(address.host, address.port);
    await send(2);
    const first = await server.getConnection();
    expect([...first]).toEqual([1, 2].map((n) => numbered(n).data));
    first.destroy();
    const second = await server.getConnection();
    await waitFor(() => results.length === 3);
    await send(4);
    expect([...second]).toEqual([3, 4].map((n) => numbered(n).data));
    expect(second.stats().messagesReceived).toBe(2);
  });

  test('a message that gets its place from a send that timed out is sent at once', async () => {
    const peer = await stage().silentPeer();
    const client = stage().connection({ sendQueue: { maxMessages: 1 } });
    await client.connect(peer.address.host, peer.address.port);
    const first = client.sendData(numbered(1).value, { ...acknowledged, timeoutMs: 5 });
    expect(await client.sendData(numbered(2).value)).toBe(true);
    expect(await first).toBe(false);
    await nextTurn();
    expect(client.stats()).toMatchObject({ messagesSent: 2, sendQueueMessages: 0 });
    client.destroy();
    peer.disconnect();
  });

  test('a message that gets its place from an acknowledgement behind a full receive queue is sent at once', async () => {
    const { client, accepted } = await stage().pair(
      { sendQueue: { maxMessages: 1 }, receiveQueue: { maxMessages: 1 } },
      { sendQueue: { maxMessages: 10 } },
    );
    // Everything behind the full queue arrives as one chunk, the acknowledgement last.
    const link = stage().network?.links.at(-1);
    if (link) link.toClient.slicing = 65_536;
    await accepted.sendData(numbered(1).value);
    await waitFor(() => client.isDataAvailable());
    for (const n of [2, 3]) await accepted.sendData(numbered(n).value);
    const sent = [11, 12].map((n) => trackPromise(client.sendData(numbered(n).value, acknowledged)));
    await waitFor(() => accepted.stats().messagesReceived === 1);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    for (const n of [1, 2, 3]) expect(await client.getData()).toEqual(numbered(n).data);
    await waitFor(() => sent.every(({ settled }) => settled === 'resolved'));
    expect([...accepted]).toEqual([11, 12].map((n) => numbered(n).data));
  });

  test('close() does not wait longer than the sends that wait for acknowledgements', async () => {
    const { clock } = stage().environment;
    const peer = await stage().silentPeer((transport) => ({ ended: () => transport.end() }));
    const client = stage().connection({ closeTimeoutMs: 1_000_000 });
    await client.connect(peer.address.host, peer.address.port);
    const sent = client.sendData(numbered(1).value, { ...acknowledged, timeoutMs: 20 });
    const startedMs = clock.now();
    await client.close();
    expect(await sent).toBe(false);
    expect(clock.now() - startedMs).toBeLessThan(500_000);
    peer.disconnect();
  });

  test('unacknowledged messages count in the bounds of the queue', async () => {
    const peer = await stage().silentPeer();
    const client = stage().connection({ sendQueue: { maxMessages: 2, whenFull: 'error' } });
    await client.connect(peer.address.host, peer.address.port);
    const sent = [1, 2].map((n) => client.sendData(numbered(n).value, acknowledged));
    await nextTurn();
    expect(client.stats().unacknowledgedMessages).toBe(2);
    await expect(client.sendData(numbered(3).value)).rejects.toMatchObject({ code: 'ERR_SERPY_QUEUE_FULL' });
    client.destroy();
    for (const each of sent) await expect(each).rejects.toMatchObject({ code: 'ERR_SERPY_LOST' });
    peer.disconnect();
  });

  test('a link that is cut at any byte, in any direction, loses no acknowledged message', async (context) => {
    const network = stage().network;
    if (!network) return context.skip();
    for (const direction of ['toServer', 'toClient'] as const) {
      for (const how of ['fin', 'reset', 'half-close'] as const) {
        for (let afterBytes = 1; afterBytes < 60; afterBytes += 3) {
          const { server, client, accepted } = await stage().pair({ autoRestart: true, reconnect: soon });
          const received: unknown[] = [];
          const take = async (connection: AsyncIterable<unknown>) => {
            for await (const data of connection) received.push(data);
          };
          void take(accepted);
          network.links.at(-1)?.[direction].cutAfter(afterBytes, how);
          const sent = [1, 2, 3].map((n) => client.sendData(numbered(n).value, acknowledged));
          const serving = (async () => {
            for await (const connection of server) void take(connection);
          })();
          expect(await Promise.all(sent)).toEqual([true, true, true]);
          await client.close();
          await server.closeServer();
          await serving;
          // Each message arrives at least once and in order. A message that the lost link had delivered may arrive twice.
          const seen = received.map((data) =>
            [1, 2, 3].find((n) => JSON.stringify(numbered(n).data) === JSON.stringify(data)),
          );
          expect(new Set(seen), `${direction} ${how} after ${afterBytes}`).toEqual(new Set([1, 2, 3]));
          await waitFor(() => network.links.length === 0);
        }
      }
    }
  });
}
