/** What a link does with its two ends, without sockets: what is passed on, what a cut does, who is held back. */
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
  /** Whether the target answers the dial at once. */
  readonly connected?: boolean;
}

/** All microtasks, and a turn for slices. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function lay({ up, down, answer = 'pass', maxBufferedBytes = 1000, connected = true }: Given = {}) {
  const client = new FakeEnd('client');
  const target = new FakeEnd('target');
  const clock = new ManualClock();
  const overs: LinkEnd[] = [];
  const failures: Error[] = [];
  let connect = () => {};
  const link = new LiveLink({
    index: 0,
    client,
    target: { host: 'target', port: 1 },
    answer,
    seed: 1,
    clock,
    maxBufferedBytes,
    dial: (_, told) => {
      connect = told;
      return target;
    },
    over: (_, end) => overs.push(end),
    failed: (error) => failures.push(error),
  });
  link.apply({ up, down });
  link.start();
  if (connected) connect();
  return { client, target, clock, link, overs, failures, connect: () => connect() };
}

describe('a link without faults', () => {
  test('passes bytes both ways and counts them', () => {
    const { client, target, link } = lay();
    client.says('question');
    target.says('answer!');
    expect([target.done, client.done]).toEqual([['question'], ['answer!']]);
    expect([link.up.bytesIn, link.up.bytesOut, link.down.bytesIn, link.down.bytesOut]).toEqual([8, 8, 7, 7]);
  });

  test('reads nothing before the target is there', () => {
    const { client, target, link, connect } = lay({ connected: false });
    expect([client.reading, target.reading, link.isConnected]).toEqual([false, false, false]);
    connect();
    expect([client.reading, target.reading, link.isConnected]).toEqual([true, true, true]);
  });

  test('passes an end on as an end, and the other direction goes on until it ends as well', async () => {
    const { client, target, overs } = lay();
    client.says('bye');
    client.ends();
    expect(target.done).toEqual(['bye', '<end>']);
    target.says('still here');
    await settled();
    expect(client.done).toEqual(['still here']);
    expect(overs).toEqual([]);
    target.ends();
    await settled();
    expect(client.done).toEqual(['still here', '<end>']);
    expect(overs).toEqual([{ reason: 'ended', error: undefined }]);
  });

  test.each(['client', 'target'] as const)('passes a reset of the %s on as a reset', async (side) => {
    const ends = lay();
    const other = side === 'client' ? ends.target : ends.client;
    ends[side].breaks();
    await settled();
    expect(other.done).toEqual(['<reset>']);
    expect(ends.overs).toEqual([{ reason: `${side}-reset`, error: expect.any(Error) }]);
  });

  test('passes a reset on behind an end', async () => {
    const { client, target, overs } = lay();
    client.ends();
    client.breaks();
    await settled();
    expect(target.done).toEqual(['<end>', '<reset>']);
    expect(overs).toHaveLength(1);
  });

  test('resets a client whose target cannot be dialled, and tells why', async () => {
    const { client, target, overs } = lay({ connected: false });
    target.breaks();
    await settled();
    expect(client.done).toEqual(['<reset>']);
    expect(overs).toEqual([{ reason: 'unreachable', error: expect.any(Error) }]);
  });

  test('gives up the dial when the client is reset meanwhile', async () => {
    const { client, target, overs } = lay({ connected: false });
    client.breaks();
    await settled();
    expect(target.done).toEqual(['<destroy>']);
    expect(overs).toEqual([{ reason: 'client-reset', error: expect.any(Error) }]);
  });
});

describe('back-pressure', () => {
  test('holds the sender back while the receiver does not take what was written', () => {
    const { client, target } = lay({ maxBufferedBytes: 1000 });
    target.clogged = true;
    client.says('x'.repeat(999));
    expect(client.reading).toBe(true);
    client.says('x');
    expect(client.reading).toBe(false);
    target.unclog();
    expect(client.reading).toBe(true);
  });

  test('holds the sender back while a stall holds what it sent, and lets go with it', () => {
    const { client, target, link } = lay({ maxBufferedBytes: 1000 });
    link.up.stall();
    client.says('x'.repeat(1000));
    expect(client.reading).toBe(false);
    expect(link.up.heldBytes).toBe(1000);
    link.up.resume();
    expect(client.reading).toBe(true);
    expect(target.done).toEqual(['x'.repeat(1000)]);
  });

  test('counts what a piece costs beside its bytes: single bytes do not pile up', () => {
    const { client, link } = lay({ maxBufferedBytes: 10_000 });
    link.up.stall();
    let pieces = 0;
    for (; client.reading; pieces++) client.says('x');
    expect(pieces).toBeLessThan(100);
  });

  test('lets latency go on holding, and reads on when it has let go', async () => {
    const { client, target, clock } = lay({ up: { latencyMs: 100 }, maxBufferedBytes: 500 });
    client.says('x'.repeat(500));
    expect(client.reading).toBe(false);
    await clock.advance(99);
    expect(target.done).toEqual([]);
    await clock.advance(1);
    expect(target.done).toHaveLength(1);
    expect(client.reading).toBe(true);
  });

  test('does not hold back who talks to a dead direction', () => {
    const { client, link } = lay({ maxBufferedBytes: 10 });
    link.up.stall();
    client.says('0123456789');
    expect(client.reading).toBe(false);
    link.cut('silent');
    expect(client.reading).toBe(true);
    client.says('0123456789');
    expect(client.reading).toBe(true);
    expect([link.up.bytesIn, link.up.bytesOut, link.up.heldBytes]).toEqual([20, 0, 0]);
  });

  test('lets go of a sender whose receiver takes nothing when the direction dies', () => {
    const { client, target, link } = lay({ maxBufferedBytes: 10 });
    target.clogged = true;
    client.says('0123456789');
    expect(client.reading).toBe(false);
    link.cut('silent');
    expect(client.reading).toBe(true);
  });

  test('lets go of a sender whose receiver has gone without its being told', async () => {
    const { client, target, link } = lay({ up: { swallow: true }, down: { stallAfterBytes: 0 }, maxBufferedBytes: 10 });
    target.says('0123456789');
    expect(target.reading).toBe(false);
    client.breaks();
    await settled();
    expect([target.reading, link.down.heldBytes, target.done]).toEqual([true, 0, []]);
  });
});

/** What each cut does to sender and receiver, and whether the other direction goes on. */
const cuts: { how: CutHow; sender: string[]; receiver: string[]; other: 'goes on' | 'is dead' }[] = [
  { how: 'fin', sender: ['<end>'], receiver: ['<end>'], other: 'is dead' },
  { how: 'rst', sender: ['<reset>'], receiver: ['<reset>'], other: 'is dead' },
  { how: 'half-close', sender: [], receiver: ['<end>'], other: 'goes on' },
  { how: 'half-open', sender: ['<reset>'], receiver: [], other: 'is dead' },
  { how: 'stall', sender: [], receiver: [], other: 'goes on' },
  { how: 'silent', sender: [], receiver: [], other: 'is dead' },
];

describe.each(cuts)('a cut with $how', ({ how, sender, receiver, other }) => {
  test.each(['up', 'down'] as const)('does its work behind the bytes of %s that it was planned for', async (name) => {
    const ends = lay({ [name]: { cut: { atByte: 3, how } } });
    const [from, to] = name === 'up' ? [ends.client, ends.target] : [ends.target, ends.client];
    from.says('12');
    expect(to.done).toEqual(['12']);
    from.says('345');
    await settled();
    expect(to.done).toEqual(['12', '3', ...receiver]);
    expect(from.done).toEqual(sender);
    from.says('6');
    to.says('back');
    await settled();
    expect(to.done).toEqual(['12', '3', ...receiver]);
    expect(from.done).toEqual(other === 'goes on' ? [...sender, 'back'] : sender);
  });

  test.each(['up', 'down'] as const)('does it now when %s is told to, and loses what was under way', async (name) => {
    const ends = lay({ [name]: { latencyMs: 10 } });
    const [from, to] = name === 'up' ? [ends.client, ends.target] : [ends.target, ends.client];
    from.says('lost');
    ends.link[name].cut(how);
    await ends.clock.runAll();
    await settled();
    expect(to.done).toEqual(receiver);
    expect(from.done).toEqual(sender);
  });
});

describe('a cut', () => {
  test('with rst lets the bytes before it leave first', async () => {
    const { client, target, overs } = lay({ up: { cut: { atByte: 3, how: 'rst' } } });
    target.clogged = true;
    client.says('12345');
    await settled();
    expect([client.done, target.done, overs]).toEqual([[], ['123'], []]);
    target.unclog();
    await settled();
    expect([client.done, target.done]).toEqual([['<reset>'], ['123', '<reset>']]);
    expect(overs).toEqual([{ reason: 'cut', error: undefined }]);
  });

  test('with rst that waits for them is done when the receiver goes', async () => {
    const { client, target, overs } = lay({ up: { cut: { atByte: 3, how: 'rst' } }, down: { swallow: true } });
    target.clogged = true;
    client.says('12345');
    target.breaks();
    await settled();
    expect(client.done).toEqual(['<reset>']);
    expect(overs).toHaveLength(1);
  });

  test('with fin is over when both peers have ended as well', async () => {
    const { client, target, link, overs } = lay();
    link.cut('fin');
    client.ends();
    await settled();
    expect(overs).toEqual([]);
    target.ends();
    await settled();
    expect(overs).toEqual([{ reason: 'cut', error: undefined }]);
  });

  test.each(['fin', 'rst', 'silent'] as const)('with %s before the target is there gives up the dial', async (how) => {
    const { client, target, link, overs, connect } = lay({ connected: false });
    link.cut(how);
    connect(); // too late
    expect([link.isConnected, target.reading]).toEqual([false, false]);
    if (how !== 'rst') expect(client.reading).toBe(true); // to see it leave
    await settled();
    expect(target.done.at(-1)).toMatch(/<destroy>|<reset>/);
    client.ends();
    await settled();
    expect(overs).toEqual([{ reason: 'cut', error: undefined }]);
  });

  test('with half-close before the target is there is done as soon as it is', async () => {
    const { client, target, link, connect } = lay({ connected: false });
    link.up.cut('half-close');
    connect();
    client.says('lost');
    target.says('heard');
    await settled();
    expect([target.done, client.done]).toEqual([['<end>'], ['heard']]);
  });

  test('of a link takes only what is the same whichever way one looks', () => {
    const { link } = lay();
    for (const how of ['half-close', 'half-open', 'scissors']) {
      expect(() => link.cut(how as never)).toThrow(expect.objectContaining({ code: 'ERR_FAULT_PROXY_OPTION' }));
    }
    expect(() => link.up.cut('scissors' as never)).toThrow(/the option how takes 'fin' or 'rst' or/);
  });
});

describe('silence', () => {
  test('tells nobody that the other side has gone, and is over when both have', async () => {
    const { client, target, link, overs } = lay();
    link.cut('silent');
    client.breaks();
    await settled();
    expect([target.done, overs]).toEqual([[], []]);
    target.says('anybody there?');
    target.ends();
    await settled();
    expect(overs).toEqual([{ reason: 'cut', error: undefined }]);
  });

  test('in one direction leaves the other one alone', async () => {
    const { client, target, overs } = lay({ up: { swallow: true } });
    client.says('lost');
    target.says('heard');
    client.ends();
    await settled();
    expect([target.done, client.done]).toEqual([[], ['heard']]);
    target.ends();
    await settled();
    expect([target.done, client.done]).toEqual([['<end>'], ['heard', '<end>']]);
    expect(overs).toHaveLength(1);
  });

  test('in one direction passes no reset on', async () => {
    const { client, target, overs } = lay({ up: { swallow: true } });
    client.breaks();
    await settled();
    expect([target.done, overs]).toEqual([[], []]);
  });
});

describe('a half-open link', () => {
  test('stays up at the side that was not told, until that side ends', async () => {
    const { client, target, link, overs } = lay();
    link.up.cut('half-open');
    await settled();
    target.says('still there?');
    await settled();
    expect([client.done, target.done, overs]).toEqual([['<reset>'], [], []]);
    target.ends();
    await settled();
    expect(overs).toEqual([{ reason: 'cut', error: undefined }]);
  });
});

describe('a stall', () => {
  test('of the link holds both directions, ends and resets too, and lets go in order', async () => {
    const { client, target, link } = lay();
    link.stall();
    client.says('a');
    client.ends();
    target.says('b');
    target.breaks();
    await settled();
    expect([client.done, target.done]).toEqual([[], []]);
    link.resume();
    await settled();
    expect(client.done).toEqual(['b', '<reset>']);
  });

  test('is ended by clear, with all other faults', async () => {
    const { client, target, link, clock } = lay({ up: { latencyMs: 1000, stallAfterBytes: 0 } });
    client.says('a');
    await clock.advance(2000);
    expect(target.done).toEqual([]);
    link.clear();
    client.says('b');
    expect(target.done).toEqual(['a', 'b']);
    expect(link.up.faults.latencyMs).toBe(0);
  });
});

describe('faults of a running link', () => {
  test('are added to those there are', async () => {
    const { client, target, link, clock } = lay({ up: { latencyMs: 100 } });
    link.up.apply({ corrupt: { atByte: 0, xor: 1 } });
    client.says('a');
    await clock.advance(100);
    expect(target.done).toEqual(['`']);
    expect(link.up.faults).toMatchObject({ latencyMs: 100, corrupt: [{ atByte: 0, xor: 1 }] });
  });

  test('happen now where their place has been passed already', async () => {
    const { client, target, link } = lay();
    client.says('abc');
    link.up.apply({ insert: { atByte: 0, bytes: 'garbage' } });
    expect(target.done).toEqual(['abc', 'garbage']);
    link.apply({ up: { cut: { atByte: 2 } } });
    await settled();
    expect([client.done, target.done]).toEqual([['<reset>'], ['abc', 'garbage', '<reset>']]);
  });

  test('at byte 0 need no byte: a target hears what nobody sent as soon as the link is up', () => {
    expect(lay({ up: { insert: { atByte: 0, bytes: 'GET /' } } }).target.done).toEqual(['GET /']);
  });
});

describe('slices', () => {
  test('leave one a turn, and only when the one before has left', async () => {
    const { client, target } = lay({ up: { sliceBytes: 1 } });
    client.says('abc');
    await settled();
    await settled();
    await settled();
    await settled();
    expect(target.done).toEqual(['a', 'b', 'c']);
    target.clogged = true;
    client.says('de');
    for (let turn = 0; turn < 5; turn++) await settled();
    expect(target.done).toEqual(['a', 'b', 'c', 'd']);
    target.unclog();
    for (let turn = 0; turn < 5; turn++) await settled();
    expect(target.done).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

describe('an answer', () => {
  test('with rst resets the client and dials nothing', async () => {
    const { client, target, overs } = lay({ answer: 'rst' });
    await settled();
    expect([client.done, target.reading]).toEqual([['<reset>'], false]);
    expect(overs).toEqual([{ reason: 'refused', error: undefined }]);
  });

  test('with a tarpit takes what comes and says nothing, until the client ends', async () => {
    const { client, target, link, overs } = lay({ answer: 'tarpit' });
    client.says('hello?');
    await settled();
    expect([client.done, target.done, link.up.bytesIn, client.reading]).toEqual([[], [], 6, true]);
    client.ends();
    await settled();
    expect(overs).toHaveLength(1);
  });
});

test('a function frames that throws breaks the link and is told', async () => {
  const frames = () => 0;
  const { client, target, overs, failures } = lay({ up: { frames, cut: { frame: 1 } } });
  client.says('a');
  await settled();
  expect([client.done, target.done]).toEqual([['<reset>'], ['<reset>']]);
  expect(failures).toEqual([expect.objectContaining({ code: 'ERR_FAULT_PROXY_CALLBACK' })]);
  expect(overs).toEqual([{ reason: 'failed', error: failures[0] }]);
});

test('a link that is destroyed leaves no timer', async () => {
  const { client, link, clock, overs } = lay({ up: { latencyMs: 1000 }, down: { stallAfterBytes: 0, stallMs: 1000 } });
  client.says('a');
  expect(clock.pending).toBe(2);
  link.destroy('closed');
  await settled();
  expect(clock.pending).toBe(0);
  expect(overs).toEqual([{ reason: 'closed', error: undefined }]);
});
