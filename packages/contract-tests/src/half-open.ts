/** Statements about half-open links, on which no byte leaves. */
import { once } from 'node:events';
import type { ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { record, type TestBedSource, trackPromise } from './stage.js';

/** More than the buffers of the systems hold. */
const count = 300;
const sizeBytes = 65_536;

export function halfOpenStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number) => stage().subject.numbered(n, sizeBytes);

  test('a link to a peer that reads nothing ends after writeTimeoutMs, and waiting calls settle', async () => {
    const peer = await stage().silentPeer();
    const client = stage().connection({ writeTimeoutMs: 100 });
    const events = record(client, ['disconnect', 'warning', 'close']);
    await client.connect(peer.address.host, peer.address.port);
    const startedMs = stage().environment.clock.now();
    const closed = once(client, 'close');
    const waiting = trackPromise(client.getData());
    const sent = Array.from({ length: count }, (_, n) => trackPromise(client.sendData(numbered(n).value)));
    await closed;
    expect(stage().environment.clock.now() - startedMs).toBeGreaterThanOrEqual(100);
    expect(events.slice(0, 2)).toMatchObject([
      { name: 'disconnect', info: { reason: 'timeout', error: { code: 'ERR_SERPY_PEER_TIMEOUT' } } },
      { name: 'warning', info: { code: 'ERR_SERPY_PEER_TIMEOUT' } },
    ]);
    expect(client.closeInfo).toMatchObject({ reason: 'timeout', error: { code: 'ERR_SERPY_PEER_TIMEOUT' } });
    expect(client.closeInfo?.unsentMessages).toBeGreaterThan(0);
    expect(waiting).toEqual({ settled: 'rejected', code: 'ERR_SERPY_CLOSED' });
    expect(sent.filter(({ settled }) => settled === 'no')).toEqual([]);
    peer.disconnect();
  });

  test('a client with auto restart reconnects to a peer that reads nothing', async () => {
    const peer = await stage().silentPeer();
    const reconnect = { baseDelayMs: 2, maxDelayMs: 20, minDelayMs: 0 };
    const client = stage().connection({ autoRestart: true, reconnect, writeTimeoutMs: 100 });
    client.on('warning', () => {});
    await client.connect(peer.address.host, peer.address.port);
    for (let n = 0; n < count; n++) void client.sendData(numbered(n).value);
    await once(client, 'reconnect');
    expect(client.stats().reconnects).toBe(1);
    client.destroy();
    peer.disconnect();
  });
}
