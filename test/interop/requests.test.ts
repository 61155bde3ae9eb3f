/** Requests with Python at the other end, in both roles: each end asks and answers, and late answers are not taken for others. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasPython, type PythonPeer, titled } from './python-peer.js';
import { roles, Stage } from './stage.js';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.clear());

interface Asking {
  request(value: string, options?: { timeoutMs?: number }): Promise<unknown>;
  onRequest(handler: (value: unknown) => string): void;
}

async function pair(protocol: 'v1' | 'v2', listens: (typeof roles)[number], options: object = {}) {
  const { peer, connection } = await stage[protocol](listens, options);
  return { peer, connection: connection as unknown as Asking };
}

/** The Python program answers its next message. */
async function answerNext(peer: PythonPeer, protocol: string, text: string): Promise<string> {
  const { value } = await peer.next('message');
  await peer.send(protocol === 'v1' ? 'text' : 'str', text);
  return String(value);
}

describe.skipIf(!hasPython).each(['v1', 'v2'] as const)(titled('requests over %s', hasPython), (protocol) => {
  test.each(roles)('Node asks and Python answers (%s listens)', async (listens) => {
    const { peer, connection } = await pair(protocol, listens);
    for (let n = 0; n < 5; n++) {
      const answer = connection.request(`question ${n}`);
      expect(await answerNext(peer, protocol, `answer ${n}`)).toBe(`question ${n}`);
      expect(String(await answer)).toBe(`answer ${n}`);
    }
  });

  test.each(roles)('Python asks and Node answers (%s listens)', async (listens) => {
    const { peer, connection } = await pair(protocol, listens);
    connection.onRequest((value) => `answer to ${value}`);
    for (let n = 0; n < 5; n++) {
      await peer.send(protocol === 'v1' ? 'text' : 'str', `question ${n}`);
      expect((await peer.next('message')).value).toBe(`answer to question ${n}`);
    }
  });

  test('requests that are sent at once reach Python one after the other', async () => {
    const { peer, connection } = await pair(protocol, 'Python');
    const answers = [0, 1, 2].map((n) => connection.request(`question ${n}`));
    for (const n of [0, 1, 2]) {
      const { value } = await peer.next('message');
      expect(value).toBe(`question ${n}`);
      expect(peer.all('message')).toHaveLength(n + 1);
      await peer.send(protocol === 'v1' ? 'text' : 'str', `answer ${n}`);
    }
    expect((await Promise.all(answers)).map(String)).toEqual(['answer 0', 'answer 1', 'answer 2']);
  });

  test('a late answer of Python is not taken for that of the next request', async () => {
    const reconnect = { baseDelayMs: 1, minDelayMs: 50, maxDelayMs: 100 };
    const { peer, connection } = await pair(protocol, 'Python', { autoRestart: true, reconnect });
    await expect(connection.request('slow', { timeoutMs: 50 })).rejects.toMatchObject({ code: 'ERR_SERPY_TIMEOUT' });
    await peer.next('message');
    const next = connection.request('next', { timeoutMs: 30_000 });
    await peer.next('connected');
    await peer.next('message');
    await peer.send(protocol === 'v1' ? 'text' : 'str', 'answer to next');
    expect(String(await next)).toBe('answer to next');
  });
});
