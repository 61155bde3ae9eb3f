/** What becomes of sends that wait when a session ends: each settles at once, and none is accepted any more. */
import { once } from 'node:events';
import type { Connection } from 'serpy-v2';
import { describe, expect, test } from 'vitest';
import { stages } from './stage.js';

const stage = stages();

/** What a send came to. */
const outcome = (sent: Promise<boolean>) => sent.catch((error: { code?: string }) => error.code ?? String(error));

const ends: readonly [string, (connection: Connection, other: Connection) => void][] = [
  ['it is destroyed', (connection) => connection.destroy()],
  ['its peer closes', (_, other) => other.close()],
  ['its peer is destroyed, and does not come back', (_, other) => other.destroy()],
];

describe.each(['client', 'server'] as const)('a send at a %s that waits for room', (side) => {
  test.each(ends)('is not accepted when %s, and what is not sent is counted', async (_, end) => {
    const options = { sendQueue: { maxMessages: 1 }, autoRestart: false, resumeWindowMs: 0 };
    const { client, accepted } = await stage().pair(options, { sendQueue: { maxMessages: 1 }, resumeWindowMs: 0 });
    const [connection, other] = side === 'client' ? [client, accepted] : [accepted, client];
    const warnings: unknown[] = [];
    connection.on('warning', ({ code }) => warnings.push(code));
    const first = connection.sendData('is on the wire', { acknowledge: 'consumed' });
    const second = connection.sendData('waits for room');
    const closed = once(connection, 'close');
    end(connection, other);
    await closed;
    expect(await outcome(first)).toBe('ERR_SERPY_LOST');
    expect(await outcome(second)).toBe('ERR_SERPY_CLOSED');
    expect(connection.closeInfo?.unsentMessages).toBe(0);
    expect(warnings).not.toContain('ERR_SERPY_DROPPED');
  });
});

test('sends that wait when the peer closes settle at once, although the client reconnects', async () => {
  const { client, server, accepted } = await stage().pair({
    reconnect: { minDelayMs: 3_600_000, maxDelayMs: 3_600_000 },
  });
  const processed = outcome(client.sendData('never taken', { acknowledge: 'consumed' }));
  const stream = outcome(client.sendStream(resting()));
  const arriving = await accepted.getStream();
  const arrived = once(arriving, 'error');
  const waiting = once(client, 'reconnecting');
  const closed = server.closeServer({ reason: 'done for today' });
  await waiting;
  stage().network.clock.stop();
  expect(await processed).toBe('ERR_SERPY_LOST');
  expect(await stream).toBe('ERR_SERPY_LOST');
  expect(client.state).toBe('reconnecting');
  expect(await arrived).toMatchObject([{ code: 'ERR_SERPY_TRUNCATED' }]);
  await closed;
});

test('messages that the peer had not acknowledged when it closed are reported at once', async () => {
  const { client, accepted } = await stage().pair();
  const warned = once(client, 'warning');
  stage().network.links[0]?.toServer.stall();
  await client.sendData('never arrives');
  const closing = accepted.close();
  expect(await warned).toMatchObject([{ code: 'ERR_SERPY_DELIVERY_UNKNOWN', messages: [{ value: 'never arrives' }] }]);
  await closing;
});

/** Gives a little, and then nothing for ever. */
async function* resting(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(100);
  await new Promise(() => {});
}
