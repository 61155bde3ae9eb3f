/** Statements about the lifetime of a message: it expires, or a signal withdraws it, until it is handed to the link. */
import type { ConnectionOptions, ProtocolTypes, SendOptions } from 'serpy-core';
import { expect, test } from 'vitest';
import { type Pair, record, type TestBedSource, trackPromise, waitFor } from './stage.js';

const soon = { baseDelayMs: 20, maxDelayMs: 20, minDelayMs: 0 };

export function lifetimeStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number) => stage().subject.numbered(n);
  const expiring = (expiresMs: number, more: object = {}) => ({ expiresMs, ...more }) as SendOptions<T>;
  const withSignal = (signal: AbortSignal, more: object = {}) => ({ signal, ...more }) as SendOptions<T>;

  /** Starts the server of a stranded client again, sends one more message, and returns all messages up to that. */
  async function arrivalsAt({ client, address }: Pair<T>): Promise<unknown[]> {
    const { server } = await stage().started({ port: address.port });
    stage().letTimePass();
    const accepted = await server.getConnection();
    await waitFor(() => client.isConnected());
    const end = numbered(9999);
    expect(await client.sendData(end.value)).toBe(true);
    const received: unknown[] = [];
    for (;;) {
      const data = await accepted.getData();
      if (JSON.stringify(data) === JSON.stringify(end.data)) return received;
      received.push(data);
    }
  }

  const stranded = (options: ConnectionOptions = {}) => stage().stranded({ reconnect: soon, ...options });
  const offline = () => stage().stranded();

  test('with a link, a message with expiresMs or signal is sent at once', async () => {
    const { client, accepted } = await stage().pair();
    expect(await client.sendData(numbered(1).value, expiring(0))).toBe(true);
    expect(await client.sendData(numbered(2).value, withSignal(new AbortController().signal))).toBe(true);
    expect(await client.sendData(numbered(3).value, expiring(Number.POSITIVE_INFINITY))).toBe(true);
    for (const n of [1, 2, 3]) expect(await accepted.getData()).toEqual(numbered(n).data);
    expect(client.stats().droppedSending).toBe(0);
  });

  test('a message that expires without a link is dropped at that time: sendData resolves false', async () => {
    const pair = await offline();
    const { client } = pair;
    const warnings = record(client, ['warning']);
    const sent = client.sendData(numbered(1).value, expiring(50));
    expect(client.stats()).toMatchObject({ sendQueueMessages: 1, droppedSending: 0 });
    stage().letTimePass();
    expect(await sent).toBe(false);
    expect(client.state).toBe('reconnecting');
    expect(client.stats()).toMatchObject({ sendQueueMessages: 0, sendQueueBytes: 0, droppedSending: 1 });
    expect(warnings).toEqual([]); // `false` says it
    client.destroy();
  });

  test('a message that expired is never sent, and those around it are', async () => {
    const pair = await stage().stranded({ reconnect: { baseDelayMs: 300, maxDelayMs: 300, minDelayMs: 0 } });
    const { client } = pair;
    await client.sendData(numbered(1).value);
    const expired = client.sendData(numbered(2).value, expiring(1));
    await client.sendData(numbered(3).value);
    const lasting = client.sendData(numbered(4).value, expiring(600_000));
    stage().letTimePass();
    expect(await expired).toBe(false);
    expect(await arrivalsAt(pair)).toEqual([1, 3, 4].map((n) => numbered(n).data));
    expect(await lasting).toBe(true);
  });

  test('sendData with expiresMs is pending until the message is handed to the link', async () => {
    const pair = await stranded();
    const sent = trackPromise(pair.client.sendData(numbered(1).value, expiring(600_000)));
    await pair.client.sendData(numbered(2).value);
    expect(sent.settled).toBe('no');
    expect(await arrivalsAt(pair)).toEqual([1, 2].map((n) => numbered(n).data));
    expect(sent.settled).toBe('resolved');
  });

  test('a message that waits for room expires too, and the sends behind it take the room', async () => {
    const pair = await stage().stranded({ sendQueue: { maxMessages: 1 } });
    const { client } = pair;
    await client.sendData(numbered(1).value);
    const blocked = client.sendData(numbered(2).value, expiring(20));
    stage().letTimePass();
    expect(await blocked).toBe(false);
    expect(client.stats()).toMatchObject({ sendQueueMessages: 1, droppedSending: 1 });
    client.destroy();
  });

  test('a queued message that expires makes room for a send that waits', async () => {
    const { client } = await stage().stranded({ sendQueue: { maxMessages: 1 } });
    const queued = client.sendData(numbered(1).value, expiring(20));
    const blocked = client.sendData(numbered(2).value);
    stage().letTimePass();
    expect(await queued).toBe(false);
    expect(await blocked).toBe(true);
    client.destroy();
  });

  test('a signal withdraws a queued message: sendData rejects, and the message is never sent', async () => {
    const pair = await stranded();
    const { client } = pair;
    const controller = new AbortController();
    await client.sendData(numbered(1).value);
    const withdrawn = client.sendData(numbered(2).value, withSignal(controller.signal));
    const kept = client.sendData(numbered(3).value, withSignal(new AbortController().signal));
    const failure = expect(withdrawn).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED', cause: 'not now' });
    controller.abort('not now');
    await failure;
    expect(await arrivalsAt(pair)).toEqual([1, 3].map((n) => numbered(n).data));
    expect(await kept).toBe(true);
  });

  test('a signal that is aborted after the message was handed to the link changes nothing', async () => {
    const { client, accepted } = await stage().pair();
    const controller = new AbortController();
    expect(await client.sendData(numbered(1).value, withSignal(controller.signal))).toBe(true);
    controller.abort();
    expect(await accepted.getData()).toEqual(numbered(1).data);
  });

  stage.inMemory('one signal withdraws many messages', async () => {
    const { client } = await stage().stranded({ sendQueue: { maxMessages: 2 } });
    const controller = new AbortController();
    const sent = [1, 2, 3, 4].map((n) => client.sendData(numbered(n).value, withSignal(controller.signal)));
    const settled = Promise.allSettled(sent);
    controller.abort();
    expect((await settled).map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
    expect(client.stats()).toMatchObject({ sendQueueMessages: 0, sendQueueBytes: 0 });
    client.destroy();
  });

  stage.inMemory('timeoutMs ends the wait for the link and removes the message', async () => {
    const { client } = await stage().stranded();
    const sent = client.sendData(numbered(1).value, expiring(600_000, { timeoutMs: 20 }));
    stage().letTimePass();
    expect(await sent).toBe(false);
    expect(client.stats().sendQueueMessages).toBe(0);
    client.destroy();
  });

  stage.inMemory('destroy rejects messages that can be withdrawn, with or without a listener', async () => {
    const { client } = await stage().stranded();
    client.on('warning', () => {});
    const sent = client.sendData(numbered(1).value, expiring(600_000));
    void client.sendData(numbered(2).value, expiring(600_000)); // unawaited: must not end the program
    client.destroy();
    await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });

  stage.inMemory("whenOffline 'drop' drops at once, whatever the lifetime", async () => {
    const { client } = await stage().stranded({ whenOffline: 'drop' });
    client.on('warning', () => {});
    expect(await client.sendData(numbered(1).value, expiring(600_000))).toBe(false);
    client.destroy();
  });

  stage.inMemory('a loop that awaits sends with a signal leaves time for everything else', async () => {
    const { client, accepted } = await stage().pair();
    const { signal } = new AbortController();
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    for (let n = 0; !turned && n < 10_000; n++) await client.sendData(numbered(1).value, withSignal(signal));
    expect(turned).toBe(true);
    accepted.destroy();
  });

  stage.inMemory('a wrong expiresMs is refused', async () => {
    const { client } = await stage().pair();
    for (const expiresMs of [-1, Number.NaN, '5', 2 ** 31]) {
      await expect(client.sendData(numbered(1).value, { expiresMs } as never)).rejects.toMatchObject({
        code: 'ERR_SERPY_OPTION',
        message: expect.stringContaining('expiresMs takes a number of milliseconds'),
      });
    }
    await expect(client.sendData(numbered(1).value, { expireMs: 5 } as never)).rejects.toMatchObject({
      message: expect.stringContaining('did you mean expiresMs'),
    });
    await expect(client.getData({ expiresMs: 5 } as never)).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
  });

  const acknowledged = () => stage().subject.acknowledged;

  test('with an acknowledgement, a message expires only until it is handed to the link', async () => {
    const options = acknowledged();
    if (options === undefined) return;
    const { client } = await stage().stranded();
    const sent = client.sendData(numbered(1).value, expiring(20, options));
    stage().letTimePass();
    expect(await sent).toBe(false);
    expect(client.stats()).toMatchObject({ sendQueueMessages: 0, droppedSending: 1, unacknowledgedMessages: 0 });
    client.destroy();
    const peer = await stage().silentPeer();
    const other = await stage().connection().connect(peer.address.host, peer.address.port);
    const waiting = trackPromise(other.sendData(numbered(1).value, expiring(5, options)));
    expect(await other.sendData(numbered(2).value, expiring(600_000, { ...options, timeoutMs: 50 }))).toBe(false);
    expect(waiting.settled).toBe('no'); // it was sent: only its acknowledgement counts now
    other.destroy();
    peer.disconnect();
    await waitFor(() => waiting.settled === 'rejected');
  });
}
