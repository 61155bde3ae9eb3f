/** A large message behind which nothing follows. */
import { expect, test } from 'vitest';
import { stages } from './stage.js';

const stage = stages();

test('a large message that is sent by itself leaves at once, in both directions', async () => {
  const { client, accepted } = await stage().pair();
  for (const [from, to] of [
    [client, accepted],
    [accepted, client],
  ] as const) {
    const image = Buffer.alloc(3_000_000, 7);
    await from.sendData(image);
    const received = (await to.getData({ timeoutMs: 1000 })) as Buffer; // no ping is due so soon
    expect(received.equals(image)).toBe(true);
  }
});
