/** A link and its two endpoints, without sockets: what it passes on, what a cut does, and which sender it throttles. */
import { ManualClock } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import type { LinkEnd } from '../src/link.js';
import { LiveLink } from '../src/live-link.js';
import type { CutHow, Faults } from '../src/options/faults.js';
import type { LinkAnswer } from '../src/options/options.js';
import { FakeEnd } from './fake-end.js';

interface Given {
  readonly up?: Faults;
  readonly down?: Faults;
  readonly answer?: LinkAnswer;
  readonly maxBufferedBytes?: number;
  /** Whether the connection to the target succeeds at once. */
  readonly connected?: boolean;
}

/** Resolves after all microtasks and one turn of the event loop, which slices need. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function openLink({ up, down, answer = 'pass', maxBufferedBytes = 1000, connected = true }: Given = {}) {
  const client = new FakeEnd('client');
  const target = new FakeEnd('target');
  const clock = new ManualClock();
  const ends: LinkEnd[] = [];
  const failures: Error[] = [];
  let finishConnect = () => {};
  const link = new LiveLink({
    index: 0,
    client,
    target: { host: 'target', port: 1 },
    answer,
    seed: 1,
    clock,
    maxBufferedBytes,
    connect: (_, connected) => {
      finishConnect = connected;
      return target;
    },
    over: (_, end) => ends.push(end),
    failed: (error) => failures.push(error),
  });
  link.apply({ up, down });
  link.start();
  if (connected) finishConnect();
  return { client, target, clock, link, ends, failures, connect: () => finishConnect() };
}

describe('a link without faults', () => {
  test('passes bytes both ways and counts them', () => {
    const { client, target, link } = openLink();
    client.sends('question');
    target.sends('answer!');
    expect([target.done, client.done]).toEqual([['question'], ['answer!']]);
    expect([link.up.bytesIn, link.up.bytesOut, link.down.bytesIn, link.down.bytesOut]).toEqual([8, 8, 7, 7]);
  });

  test('reads nothing before the target is connected', () => {
    const { client, target, link, connect } = openLink({ connected: false });
    expect([client.reading, target.reading, link.isConnected]).toEqual([false, false, false]);
    connect();
    expect([client.reading, target.reading, link.isConnected]).toEqual([true, true, true]);
  });

  test('passes an end on as an end, and the other direction continues until it ends, too', async () => {
    const { client, target, ends } = openLink();
    client.sends('bye');
    client.ends();
    expect(target.done).toEqual(['bye', '<end>']);
    target.sends('still here');
    await settled();
    expect(client.done).toEqual(['still here']);
    expect(ends).toEqual([]);
    target.ends();
    await settled();
    expect(client.done).toEqual(['still here', '<end>']);
    expect(ends).toEqual([{ reason: 'ended', error: undefined }]);
  });

  test.each(['client', 'target'] as const)('passes a reset of the %s on as a reset', async (side) => {
    const ends = openLink();
    const other = side === 'client' ? ends.target : ends.client;
    ends[side].resets();
    await settled();
    expect(other.done).toEqual(['<reset>']);
    expect(ends.ends).toEqual([{ reason: `${side}-reset`, error: expect.any(Error) }]);
  });

  test('passes on a reset after an end', async () => {
    const { client, target, ends } = openLink();
    client.ends();
    client.resets();
    await settled();
    expect(target.done).toEqual(['<end>', '<reset>']);
    expect(ends).toHaveLength(1);
  });

  test('resets the client if the target cannot be reached, and reports the error', async () => {
    const { client, target, ends } = openLink({ connected: false });
    target.resets();
    await settled();
    expect(client.done).toEqual(['<reset>']);
    expect(ends).toEqual([{ reason: 'unreachable', error: expect.any(Error) }]);
  });

  test('cancels the connection attempt when the client is reset', async () => {
    const { client, target, ends } = openLink({ connected: false });
    client.resets();
    await settled();
    expect(target.done).toEqual(['<destroy>']);
    expect(ends).toEqual([{ reason: 'client-reset', error: expect.any(Error) }]);
  });
});

describe('back-pressure', () => {
  test('throttles the sender while written bytes do not leave', () => {
    const { client, target } = openLink({ maxBufferedBytes: 1000 });
    target.clogged = true;
    client.sends('x'.repeat(999));
    expect(client.reading).toBe(true);
    client.sends('x');
    expect(client.reading).toBe(false);
    target.unclog();
    expect(client.reading).toBe(true);
  });

  test('throttles the sender during a stall, and resumes it afterwards', () => {
    const { client, target, link } = openLink({ maxBufferedBytes: 1000 });
    link.up.stall();
    client.sends('x'.repeat(1000));
    expect(client.reading).toBe(false);
    expect(link.up.heldBytes).toBe(1000);
    link.up.resume();
    expect(client.reading).toBe(true);
    expect(target.done).toEqual(['x'.repeat(1000)]);
  });

  test('counts the memory of each piece besides its bytes, so that single bytes do not pile up', () => {
    const { client, link } = openLink({ maxBufferedBytes: 10_000 });
    link.up.stall();
    let pieces = 0;
    for (; client.reading; pieces++) client.sends('x');
    expect(pieces).toBeLessThan(100);
  });

  test('keeps the latency while the sender is throttled, and reads again afterwards', async () => {
    const { client, target, clock } = openLink({ up: { latencyMs: 100 }, maxBufferedBytes: 500 });
    client.sends('x'.repeat(500));
    expect(client.reading).toBe(false);
    await clock.advance(99);
    expect(target.done).toEqual([]);
    await clock.advance(1);
    expect(target.done).toHaveLength(1);
    expect(client.reading).toBe(true);
  });

  test('does not throttle the sender of a dead direction', () => {
    const { client, link } = openLink({ maxBufferedBytes: 10 });
    link.up.stall();
    client.sends('0123456789');
    expect(client.reading).toBe(false);
    link.cut('silent');
    expect(client.reading).toBe(true);
    client.sends('0123456789');
    expect(client.reading).toBe(true);
    expect([link.up.bytesIn, link.up.bytesOut, link.up.heldBytes]).toEqual([20, 0, 0]);
  });

  test('resumes a throttled sender when the direction dies', () => {
    const { client, target, link } = openLink({ maxBufferedBytes: 10 });
    target.clogged = true;
    client.sends('0123456789');
    expect(client.reading).toBe(false);
    link.cut('silent');
    expect(client.reading).toBe(true);
  });

  test('resumes a throttled sender when the receiver closes without notice to the sender', async () => {
    const { client, target, link } = openLink({
      up: { swallow: true },
      down: { stallAfterBytes: 0 },
      maxBufferedBytes: 10,
    });
    target.sends('0123456789');
    expect(target.reading).toBe(false);
    client.resets();
    await settled();
    expect([target.reading, link.down.heldBytes, target.done]).toEqual([true, 0, []]);
  });
});

/** What each cut does to the sender and the receiver, and whether the other direction continues. */
const cuts: { how: CutHow; sender: string[]; receiver: string[]; other: 'continues' | 'is dead' }[] = [
  { how: 'fin', sender: ['<end>'], receiver: ['<end>'], other: 'is dead' },
  { how: 'rst', sender: ['<reset>'], receiver: ['<reset>'], other: 'is dead' },
  { how: 'half-close', sender: [], receiver: ['<end>'], other: 'continues' },
  { how: 'half-open', sender: ['<reset>'], receiver: [], other: 'is dead' },
  { how: 'stall', sender: [], receiver: [], other: 'continues' },
  { how: 'silent', sender: [], receiver: [], other: 'is dead' },
];

describe.each(cuts)('a cut with $how', ({ how, sender, receiver, other }) => {
  test.each(['up', 'down'] as const)('happens after the planned bytes of %s', async (name) => {
    const ends = openLink({ [name]: { cut: { atByte: 3, how } } });
    const [from, to] = name === 'up' ? [ends.client, ends.target] : [ends.target, ends.client];
    from.sends('12');
    expect(to.done).toEqual(['12']);
    from.sends('345');
    await settled();
    expect(to.done).toEqual(['12', '3', ...receiver]);
    expect(from.done).toEqual(sender);
    from.sends('6');
    to.sends('back');
    await settled();
    expect(to.done).toEqual(['12', '3', ...receiver]);
    expect(from.done).toEqual(other === 'continues' ? [...sender, 'back'] : sender);
  });

  test.each(['up', 'down'] as const)(
    'happens at once when %s is cut, and drops the bytes inside the proxy',
    async (name) => {
      const ends = openLink({ [name]: { latencyMs: 10 } });
      const [from, to] = name === 'up' ? [ends.client, ends.target] : [ends.target, ends.client];
      from.sends('lost');
      ends.link[name].cut(how);
      await ends.clock.runAll();
      await settled();
      expect(to.done).toEqual(receiver);
      expect(from.done).toEqual(sender);
    },
  );
});

describe('a cut', () => {
  test('with rst waits until the bytes before it have left', async () => {
    const { client, target, ends } = openLink({ up: { cut: { atByte: 3, how: 'rst' } } });
    target.clogged = true;
    client.sends('12345');
    await settled();
    expect([client.done, target.done, ends]).toEqual([[], ['123'], []]);
    target.unclog();
    await settled();
    expect([client.done, target.done]).toEqual([['<reset>'], ['123', '<reset>']]);
    expect(ends).toEqual([{ reason: 'cut', error: undefined }]);
  });

  test('with rst that waits for them happens when the receiver closes', async () => {
    const { client, target, ends } = openLink({ up: { cut: { atByte: 3, how: 'rst' } }, down: { swallow: true } });
    target.clogged = true;
    client.sends('12345');
    target.resets();
    await settled();
    expect(client.done).toEqual(['<reset>']);
    expect(ends).toHaveLength(1);
  });

  test('with fin is over when both peers have ended, too', async () => {
    const { client, target, link, ends } = openLink();
    link.cut('fin');
    client.ends();
    await settled();
    expect(ends).toEqual([]);
    target.ends();
    await settled();
    expect(ends).toEqual([{ reason: 'cut', error: undefined }]);
  });

  test.each(['fin', 'rst', 'silent'] as const)(
    'with %s before the target is connected cancels the connection attempt',
    async (how) => {
      const { client, target, link, ends, connect } = openLink({ connected: false });
      link.cut(how);
      connect(); // too late
      expect([link.isConnected, target.reading]).toEqual([false, false]);
      if (how !== 'rst') expect(client.reading).toBe(true); // to notice its end
      await settled();
      expect(target.done.at(-1)).toMatch(/<destroy>|<reset>/);
      client.ends();
      await settled();
      expect(ends).toEqual([{ reason: 'cut', error: undefined }]);
    },
  );

  test('with half-close before the target is connected happens as soon as it is', async () => {
    const { client, target, link, connect } = openLink({ connected: false });
    link.up.cut('half-close');
    connect();
    client.sends('lost');
    target.sends('heard');
    await settled();
    expect([target.done, client.done]).toEqual([['<end>'], ['heard']]);
  });

  test('of a link accepts only kinds that do the same to both directions', () => {
    const { link } = openLink();
    for (const how of ['half-close', 'half-open', 'scissors']) {
      expect(() => link.cut(how as never)).toThrow(expect.objectContaining({ code: 'ERR_FAULT_PROXY_OPTION' }));
    }
    expect(() => link.up.cut('scissors' as never)).toThrow(/the option how takes 'fin' or 'rst' or/);
  });
});

describe('silence', () => {
  test('hides the end of one side from the other, and is over when both have closed', async () => {
    const { client, target, link, ends } = openLink();
    link.cut('silent');
    client.resets();
    await settled();
    expect([target.done, ends]).toEqual([[], []]);
    target.sends('anybody there?');
    target.ends();
    await settled();
    expect(ends).toEqual([{ reason: 'cut', error: undefined }]);
  });

  test('in one direction does not affect the other', async () => {
    const { client, target, ends } = openLink({ up: { swallow: true } });
    client.sends('lost');
    target.sends('heard');
    client.ends();
    await settled();
    expect([target.done, client.done]).toEqual([[], ['heard']]);
    target.ends();
    await settled();
    expect([target.done, client.done]).toEqual([['<end>'], ['heard', '<end>']]);
    expect(ends).toHaveLength(1);
  });

  test('in one direction passes no reset on', async () => {
    const { client, target, ends } = openLink({ up: { swallow: true } });
    client.resets();
    await settled();
    expect([target.done, ends]).toEqual([[], []]);
  });
});

describe('a half-open link', () => {
  test('stays open at the side without a reset, until that side ends', async () => {
    const { client, target, link, ends } = openLink();
    link.up.cut('half-open');
    await settled();
    target.sends('still there?');
    await settled();
    expect([client.done, target.done, ends]).toEqual([['<reset>'], [], []]);
    target.ends();
    await settled();
    expect(ends).toEqual([{ reason: 'cut', error: undefined }]);
  });
});

describe('a stall', () => {
  test('of the link stops both directions, including ends and resets, and then passes everything in order', async () => {
    const { client, target, link } = openLink();
    link.stall();
    client.sends('a');
    client.ends();
    target.sends('b');
    target.resets();
    await settled();
    expect([client.done, target.done]).toEqual([[], []]);
    link.resume();
    await settled();
    expect(client.done).toEqual(['b', '<reset>']);
  });

  test('is ended by clear, with all other faults', async () => {
    const { client, target, link, clock } = openLink({ up: { latencyMs: 1000, stallAfterBytes: 0 } });
    client.sends('a');
    await clock.advance(2000);
    expect(target.done).toEqual([]);
    link.clear();
    client.sends('b');
    expect(target.done).toEqual(['a', 'b']);
    expect(link.up.faults.latencyMs).toBe(0);
  });
});

describe('faults of a running link', () => {
  test('are added to the current ones', async () => {
    const { client, target, link, clock } = openLink({ up: { latencyMs: 100 } });
    link.up.apply({ corrupt: { atByte: 0, xor: 1 } });
    client.sends('a');
    await clock.advance(100);
    expect(target.done).toEqual(['`']);
    expect(link.up.faults).toMatchObject({ latencyMs: 100, corrupt: [{ atByte: 0, xor: 1 }] });
  });

  test('happen now if their position has already passed', async () => {
    const { client, target, link } = openLink();
    client.sends('abc');
    link.up.apply({ insert: { atByte: 0, bytes: 'garbage' } });
    expect(target.done).toEqual(['abc', 'garbage']);
    link.apply({ up: { cut: { atByte: 2 } } });
    await settled();
    expect([client.done, target.done]).toEqual([['<reset>'], ['abc', 'garbage', '<reset>']]);
  });

  test('at byte 0 need no byte: the target receives an insertion as soon as it is connected', () => {
    expect(openLink({ up: { insert: { atByte: 0, bytes: 'GET /' } } }).target.done).toEqual(['GET /']);
  });
});

describe('slices', () => {
  test('leave one per turn, and only when the previous one has left', async () => {
    const { client, target } = openLink({ up: { sliceBytes: 1 } });
    client.sends('abc');
    await settled();
    await settled();
    await settled();
    await settled();
    expect(target.done).toEqual(['a', 'b', 'c']);
    target.clogged = true;
    client.sends('de');
    for (let turn = 0; turn < 5; turn++) await settled();
    expect(target.done).toEqual(['a', 'b', 'c', 'd']);
    target.unclog();
    for (let turn = 0; turn < 5; turn++) await settled();
    expect(target.done).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

describe('an answer', () => {
  test('with rst resets the client and connects to no target', async () => {
    const { client, target, ends } = openLink({ answer: 'rst' });
    await settled();
    expect([client.done, target.reading]).toEqual([['<reset>'], false]);
    expect(ends).toEqual([{ reason: 'refused', error: undefined }]);
  });

  test('with a tarpit reads the data and sends nothing, until the client ends', async () => {
    const { client, target, link, ends } = openLink({ answer: 'tarpit' });
    client.sends('hello?');
    await settled();
    expect([client.done, target.done, link.up.bytesIn, client.reading]).toEqual([[], [], 6, true]);
    client.ends();
    await settled();
    expect(ends).toHaveLength(1);
  });
});

test('a function frames that throws resets the link and is reported', async () => {
  const frames = () => 0;
  const { client, target, ends, failures } = openLink({ up: { frames, cut: { frame: 1 } } });
  client.sends('a');
  await settled();
  expect([client.done, target.done]).toEqual([['<reset>'], ['<reset>']]);
  expect(failures).toEqual([expect.objectContaining({ code: 'ERR_FAULT_PROXY_CALLBACK' })]);
  expect(ends).toEqual([{ reason: 'failed', error: failures[0] }]);
});

test('a link that is destroyed leaves no timer', async () => {
  const { client, link, clock, ends } = openLink({
    up: { latencyMs: 1000 },
    down: { stallAfterBytes: 0, stallMs: 1000 },
  });
  client.sends('a');
  expect(clock.pending).toBe(2);
  link.destroy('closed');
  await settled();
  expect(clock.pending).toBe(0);
  expect(ends).toEqual([{ reason: 'closed', error: undefined }]);
});
