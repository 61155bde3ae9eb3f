/** Statements about `keep` for some messages: the newest of a kind or of a key, and all others. */
import type { Connection, ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { record, type TestBedSource, waitFor } from './stage.js';

export function keepStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number, sizeBytes?: number) => stage().subject.numbered(n, sizeBytes);
  const dropped = { name: 'warning', info: { code: 'ERR_SERPY_DROPPED' } };
  const npy = (n: number) => Buffer.from(`\x93NUMPY image ${n}`, 'latin1');
  const textOf = (data: unknown) => (Buffer.isBuffer(data) ? data.toString('latin1') : String(data));

  /** Sends values, and waits until they have arrived. */
  async function sendAll(client: Connection<T>, accepted: Connection<T>, values: readonly unknown[]): Promise<void> {
    const before = accepted.stats().messagesReceived;
    for (const value of values) expect(await client.sendData(value as T['value'])).toBe(true);
    await waitFor(() => accepted.stats().messagesReceived === before + values.length);
  }

  /** Keeps the newest message of each parity; numbers from 100 on have no key. */
  const byParity = ({ value }: { value: unknown }) => {
    const n = Number(typeof value === 'string' ? value.trim().split(' ')[0] : (value as Buffer).readUInt32LE(0));
    return n >= 100 ? undefined : String(n % 2);
  };

  test('a function: messages with the same text replace each other, and others all wait', async () => {
    const { client, accepted } = await stage().pair({}, { keep: byParity });
    const warnings = record(accepted, ['warning']);
    const numbers = [1, 100, 2, 3, 101, 4, 102, 5, 103];
    await sendAll(
      client,
      accepted,
      numbers.map((n) => numbered(n).value),
    );
    expect(accepted.stats()).toMatchObject({ receiveQueueMessages: 6, droppedReceiving: 3 });
    for (const n of [100, 101, 4, 102, 5, 103]) expect(await accepted.getData()).toEqual(numbered(n).data);
    expect(accepted.isDataAvailable()).toBe(false);
    await waitFor(() => warnings.length > 0);
    expect(warnings).toMatchObject([dropped]);
  });

  test('a message that was read is not replaced, and nothing is dropped while getData waits', async () => {
    const { client, accepted } = await stage().pair({}, { keep: byParity });
    const waiting = accepted.getData();
    await sendAll(client, accepted, [numbered(1).value]);
    expect(await waiting).toEqual(numbered(1).data);
    await sendAll(client, accepted, [numbered(3).value]);
    expect(await accepted.getData()).toEqual(numbered(3).data);
    await sendAll(client, accepted, [numbered(5).value]);
    expect([...accepted]).toEqual([numbered(5).data]);
    expect(accepted.stats().droppedReceiving).toBe(0);
  });

  test('the sender is never throttled by messages that replace each other', async () => {
    const { client, accepted } = await stage().pair({}, { keep: byParity, receiveQueue: { maxMessages: 2 } });
    const count = 2500; // more than any queue holds
    await sendAll(client, accepted, [numbered(101).value, ...Array.from({ length: count }, () => numbered(4).value)]);
    expect(client.stats().sendQueueMessages).toBe(0);
    expect(accepted.stats()).toMatchObject({ receiveQueueMessages: 2, droppedReceiving: count - 1 });
    expect([...accepted]).toEqual([numbered(101).data, numbered(4).data]);
  });

  test('a function that fails is reported once, and its messages are kept', async () => {
    const failing = ({ value }: { value: unknown }) => {
      const key = byParity({ value });
      if (key === '1') throw new RangeError('odd');
      return key === '0' ? (5 as never) : undefined;
    };
    const { client, accepted } = await stage().pair({}, { keep: failing });
    const warnings = record(accepted, ['warning']);
    await sendAll(
      client,
      accepted,
      [1, 3, 2, 4, 100].map((n) => numbered(n).value),
    );
    await waitFor(() => warnings.length > 0);
    expect(warnings).toMatchObject([
      {
        info: { code: 'ERR_SERPY_OPTION', message: expect.stringContaining('function of the option keep failed: odd') },
      },
    ]);
    expect([...accepted]).toEqual([1, 3, 2, 4, 100].map((n) => numbered(n).data));
  });

  stage.inMemory('a function that closes its connection does no harm', async () => {
    const { client, accepted } = await stage().pair(
      {},
      {
        keep: () => {
          accepted.destroy();
          return 'key';
        },
      },
    );
    for (let n = 1; n <= 3; n++) await client.sendData(numbered(n).value).catch(() => {});
    await waitFor(() => accepted.state === 'closed' && accepted.stats().sendQueueMessages === 0);
    client.destroy();
  });

  test("{ arrays: 'latest' } keeps the newest image, and swallows no text and no other bytes", async () => {
    if (stage().subject.textOnly) return;
    const { client, accepted } = await stage().pair({}, { keep: { arrays: 'latest', text: 'all' } });
    const values = ['start', npy(1), 'a', npy(2), Buffer.from('raw'), 'b', Buffer.from('raw'), npy(3), 'stop'];
    await sendAll(client, accepted, values);
    expect([...accepted].map(textOf)).toEqual(['start', 'a', 'raw', 'b', 'raw', npy(3).toString('latin1'), 'stop']);
    expect(accepted.stats().droppedReceiving).toBe(2);
  });

  test("{ text: 'latest' } keeps the newest text", async () => {
    const { client, accepted } = await stage().pair({}, { keep: { text: 'latest' } });
    const bytes = stage().subject.textOnly ? [] : [Buffer.of(0, 255)];
    await sendAll(client, accepted, ['1', ...bytes, '2', '3']);
    expect([...accepted].map(textOf)).toEqual([...bytes.map((each) => each.toString('latin1')), '3']);
  });

  test('an acknowledgement arrives for a message that was replaced', async () => {
    const { acknowledged } = stage().subject;
    if (acknowledged === undefined) return;
    const { client, accepted } = await stage().pair({}, { keep: byParity });
    const sent = [1, 100, 3, 5].map((n) => client.sendData(numbered(n).value, acknowledged));
    await waitFor(() => accepted.stats().messagesReceived === 4);
    for (const n of [100, 5]) expect(await accepted.getData()).toEqual(numbered(n).data);
    expect(await Promise.all(sent)).toEqual([true, true, true, true]);
  });

  stage.inMemory('a wrong keep is refused', () => {
    for (const [keep, words] of [
      ['newest', /keep takes 'all' or 'latest', not 'newest'/],
      [{ array: 'latest' }, /did you mean keep\.arrays/],
      [{ images: 'latest' }, /there is no option keep\.images/],
      [{ arrays: 'newest' }, /keep\.arrays takes 'all' or 'latest'/],
      [[], /keep takes/],
      [5, /keep takes/],
    ] as const) {
      const refused = expect.objectContaining({ code: 'ERR_SERPY_OPTION', message: expect.stringMatching(words) });
      expect(() => stage().connection({ keep: keep as never })).toThrow(refused);
      expect(() => stage().server({ port: 0, keep: keep as never })).toThrow(refused);
    }
    stage().connection({ keep: { arrays: 'latest', bytes: undefined }, receiveQueue: { maxMessages: 5 } });
  });
}
