/** Heartbeats to Python peers: they answer them in both roles without harm, and a peer that stopped reading is detected. */
import { once } from 'node:events';
import type { Mode } from 'serpy-v1';
import { afterEach, describe, expect, test } from 'vitest';
import { hasPython, titled } from './python-peer.js';
import { roles, Stage, warningsOf } from './stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

describe.skipIf(!hasPython).each(roles)(titled('v1, %s listens: Python', hasPython), (listens) => {
  test('answers heartbeats, with messages in all modes between them', async () => {
    const { peer, connection } = await stage.v1(listens, { heartbeatIntervalMs: 200 }, '--trace');
    const warnings = warningsOf(connection);
    for (const mode of [0, 1, 2, 3, 4, 5] as const satisfies Mode[]) {
      const asked = (word: unknown) => word === `SETMODE${mode}`;
      if (mode !== 0) {
        expect(await connection.sendData(`out ${mode}`, { mode })).toBe(true);
        await peer.next('message');
        await peer.next(({ event, word }) => event === 'control' && asked(word)); // the mode change
      }
      await peer.next(({ event, word }) => event === 'control' && asked(word)); // the heartbeat
      await peer.send('text', `back ${mode}`, { mode });
      expect((await connection.getMessage()).mode).toBe(mode);
    }
    expect([connection.isConnected(), warnings, peer.all('receiver_dead')]).toEqual([true, [], []]);
  });

  test('that has stopped reading is considered dead after three of them', async () => {
    const { peer, connection } = await stage.v1(listens, { heartbeatIntervalMs: 100 });
    warningsOf(connection);
    const closed = once(connection, 'close');
    await peer.do({ do: 'pause' });
    expect(await closed).toMatchObject([{ reason: 'timeout', error: { code: 'ERR_SERPY_PEER_TIMEOUT' } }]);
  });
});
