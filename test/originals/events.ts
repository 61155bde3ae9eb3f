/** What may happen in a life with originals, as fast-check draws it. */
import fc from 'fast-check';
import type { Event, Weather } from './life.js';

/** Text of the pieces that mean something on one of the wires, and of plain ones. */
export const awkwardText = fc
  .array(
    fc.constantFrom(
      ...['\x1f', '\x04', '\x01', '\x01SETMODE5\x1f', 'SETMODE2', '\x01ACKEOT!!\x1f', 'ACKMODCG', '\x00', ' ', 'a'],
      ...['hello', '~', 'GET / HTTP/1.1\r\n', 'SSH-2.0-x', '\x16\x03', 'é', 'µ', '\ud800', '\xde\xca\xfe\xca\xfe'],
      '\x01SETMODE0\x1f\x1f\x1f\x1f\x1f',
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

export const text = fc.oneof(awkwardText, fc.string({ unit: 'binary', maxLength: 20 }), fc.string({ maxLength: 20 }));

/** Small ones, those of a v2 header and a probe, and some that are not copied. */
export const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .constantFrom('decafecafe', 'decafecafe7e00000000000000', '015345544d4f4445301f1f1f1f1f')
    .map((hex) => Buffer.from(hex, 'hex')),
  fc.constantFrom(4095, 4096, 9000).map((length) => Buffer.alloc(length, length)),
);

export const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(0, -0, 2 ** 53, Number.MIN_VALUE, Number.MAX_VALUE, Number.NaN, Number.POSITIVE_INFINITY),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
);

/** What no protocol can send, so that its errors are part of the life. */
export const nonsense = fc.constantFrom<unknown>(
  undefined,
  null,
  true,
  Symbol('s'),
  [1],
  { a: 1 },
  () => 1,
  new Date(0),
);

/** What ends a conversation with one of ours, in either protocol. */
const rubbish = fc.oneof(
  fc
    .constantFrom('\x01NONSENSE\x1f', '\x01', 'GET / HTTP/1.1\r\n', 'V"X\x1f')
    .map((each) => Buffer.from(each, 'latin1')),
  fc
    .constantFrom('decafecafe7e00000000000000', 'decafecafe21ffffffffffffffff', 'decafeca00')
    .map((hex) => Buffer.from(hex, 'hex')),
  fc.uint8Array({ minLength: 1, maxLength: 30 }),
);

const which = fc.nat(11);

/** What both ends of a life have in common; `stall` leaves it to a client of auto that silence means v2. */
function sharedEvents(withStalls: boolean): fc.WeightedArbitrary<Event>[] {
  const ways = ['reset', 'finish', 'release', ...(withStalls ? (['stall'] as const) : [])] as const;
  return [
    { weight: 3, arbitrary: fc.record({ what: fc.constant('say' as const), n: fc.nat(99), which }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('rubbish' as const), bytes: rubbish, which }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('hang up', 'mute', 'pause', 'resume'), which }) },
    { weight: 4, arbitrary: fc.record({ what: fc.constantFrom(...ways), which }) },
    {
      weight: 2,
      arbitrary: fc.record({
        what: fc.constant('cut' as const),
        which,
        toServer: fc.boolean(),
        bytes: fc.nat(60),
        how: fc.constantFrom('fin' as const, 'reset' as const, 'half-close' as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('dial', 'take') }) },
    {
      weight: 5,
      arbitrary: fc.record({ what: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 20, 300, 1000, 5000) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        what: fc.constantFrom('close', 'destroy', 'restart', 'restart', 'restart', 'no restart'),
        which,
      }),
    },
  ];
}

/** A life's events: `sends` are values with the options of `sendData`. */
export function eventsOf(
  sends: fc.Arbitrary<{ value: unknown; options: object }>,
  { withStalls = true } = {},
): fc.Arbitrary<Event[]> {
  const send = fc
    .tuple(sends, fc.option(fc.constantFrom(0, 20, 1000)), fc.nat(19), which)
    .map(([{ value, options }, timeoutMs, abort, which]): Event => {
      const all = timeoutMs === null ? options : { ...options, timeoutMs };
      return { what: 'send', value, options: all, abort: abort === 0, which };
    });
  return fc.array(fc.oneof({ weight: 14, arbitrary: send }, ...sharedEvents(withStalls)), {
    maxLength: 50,
    size: 'max',
  });
}

const whenFull = fc.constantFrom('block' as const, 'drop-oldest' as const, 'drop-newest' as const, 'error' as const);
const queue = fc.record({
  maxMessages: fc.constantFrom(1, 2, 5, 1000),
  maxBytes: fc.constantFrom(1, 50, 10_000),
  whenFull,
});

/** Options that every connection has. */
export const accepted = fc.record({
  closeTimeoutMs: fc.constantFrom(0, 100, 5_000),
  keepAliveMs: fc.constantFrom(0, 5_000),
  maxMessageBytes: fc.constantFrom(30, 5_000, 2 ** 26),
  sendQueue: queue,
  receiveQueue: queue,
});

/** Those of an end that dials. Mostly it dials again; never without a pause: a link that is refused at once would take no time, for ever. */
export const dialling = fc.record({
  autoRestart: fc.constantFrom(true, true, false),
  connectTimeoutMs: fc.constantFrom(100, 10_000),
  reconnect: fc.record({
    minDelayMs: fc.constantFrom(100, 500),
    baseDelayMs: fc.constantFrom(0, 10, 250),
    maxDelayMs: fc.constantFrom(500, 1_000, 15_000),
    maxAttempts: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
    resetAfterMs: fc.constantFrom(0, 10_000),
  }),
});

export const weather: fc.Arbitrary<Weather> = fc.record({
  seed: fc.nat(),
  slicing: fc.constantFrom('writes' as const, 'random' as const, 1, 7),
  pipeBytes: fc.constantFrom(20, 1000, 65_536),
});
