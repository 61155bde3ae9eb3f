/** Peers that break the rules of requests: the connection ends with a typed error, or the peer waits. Memory stays bounded. */
import { Connection as CoreConnection, parseOptions } from 'serpy-core';
import { type V2, v2ConnectionOptions, v2Protocol } from 'serpy-v2';
import { expect, test } from 'vitest';
import { stages } from './stage.js';

const stage = stages();
const noTimeout = { timeoutMs: Number.POSITIVE_INFINITY };

type Part = Parameters<ReturnType<ReturnType<typeof v2Protocol>['createSession']>['encodeRequestPart']>[0];

/** A client that changes the parts of its requests. */
function hostile(change: (part: Part) => Part): CoreConnection<V2> {
  const settings = parseOptions(v2ConnectionOptions, {
    session: 'require',
    replayQueue: { maxMessages: 1_000_000 },
    peerTimeoutMs: 0,
    pingIntervalMs: 0,
  });
  const base = v2Protocol(settings);
  const protocol = {
    ...base,
    createSession(...given: Parameters<typeof base.createSession>) {
      const session = base.createSession(...given);
      const encode = session.encodeRequestPart.bind(session);
      session.encodeRequestPart = (part, message) => encode(change(part), message);
      return session;
    },
  };
  return new CoreConnection<V2>(protocol, settings, stage().network);
}

test('two open requests with one number end the session', async () => {
  const server = await stage().server();
  server.onRequest(() => new Promise(() => {}));
  const client = hostile((part) => ({ ...part, id: 0 }));
  await client.connect('127.0.0.1', 5000);
  const accepted = await server.getConnection();
  const asked = [client.request('a', noTimeout), client.request('b', noTimeout)];
  const results = await Promise.allSettled(asked);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(accepted.closeInfo?.error).toMatchObject({
    code: 'ERR_SERPY_PROTOCOL',
    message: expect.stringContaining('request 0'),
  });
});

test('answers and cancellations of requests that do not exist are ignored', async () => {
  const { client, server, accepted } = await stage().pair();
  server.onRequest((value) => value as string);
  expect(await client.request('one', noTimeout)).toBe('one');
  const unrequested = hostile((part) => (part.kind === 'request' ? { kind: 'response', id: 77 } : part));
  await unrequested.connect('127.0.0.1', 5000);
  const lost = unrequested.request('x', noTimeout).catch(({ code }) => code);
  await unrequested.sendData('still there');
  const other = await server.getConnection();
  expect(await other.getData()).toBe('still there');
  unrequested.destroy();
  expect(await lost).toBe('ERR_SERPY_CLOSED');
  expect(accepted.state).toBe('connected');
});

test.each([
  ['block', 'it reads its answers', 'connected'],
  ['drop-oldest', 'it reads its answers', 'connected'],
  ['drop-oldest', 'it does not', 'closed'],
] as const)(
  "endless requests of a peer are bounded (whenFull: '%s', %s)",
  async (whenFull, how, state) => {
    const server = await stage().server({ receiveQueue: { maxMessages: 3000, whenFull }, writeTimeoutMs: 0 });
    const open = new Set<unknown>();
    server.onRequest((value) => {
      open.add(value);
      return new Promise(() => {});
    });
    // Its cancellations name no request, so that the server keeps all of them.
    const client = hostile((part) => (part.kind === 'cancel' ? { ...part, id: 9_999_999 } : part));
    await client.connect('127.0.0.1', 5000);
    const accepted = await server.getConnection();
    accepted.on('warning', () => {});
    if (how === 'it does not') {
      await client.sendData('x', { acknowledge: 'received' });
      stage().network.links.at(-1)?.toClient.stall();
    }
    for (let n = 0; n < 15 && client.state === 'connected' && accepted.state === 'connected'; n++) {
      const asked = Array.from({ length: 1000 }, (_, i) => client.request(`${n} ${i}`, { timeoutMs: 5 }));
      await Promise.allSettled(asked);
    }
    expect(open.size).toBe(256);
    expect(accepted.state).toBe(state);
    if (state === 'closed') expect(accepted.closeInfo?.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL' });
    client.destroy();
  },
  60_000,
);
