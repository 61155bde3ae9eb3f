/** What holds for all messages, all cuts and all bytes. */
import { fc } from 'serpy-contract-tests/properties';
import { ChecksumError, isSerpyError } from 'serpy-core';
import { randomPieces, seededRandom } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { float, type TypedValue } from '../src/values/values.js';
import { asOracle, expectMessages, frameOf, receive } from './conversation.js';
import * as oracle from './oracle.js';

const bytes = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 100 }) },
  { weight: 1, arbitrary: fc.integer({ min: 4000, max: 20_000 }).map((length) => new Uint8Array(length).fill(length)) },
);
const integer = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger());
const message: fc.Arbitrary<TypedValue> = fc.oneof(
  integer.map((value) => {
    const number = Number(value);
    return { type: 'int' as const, value: Number.isSafeInteger(number) ? number || 0 : BigInt(value) };
  }),
  fc.double().map((value) => ({ type: 'float' as const, value })),
  fc.string({ unit: 'binary' }).map((value) => ({ type: 'str' as const, value })),
  bytes.map((value) => ({ type: 'bytes' as const, value: Buffer.from(value) })),
);

/** The frame that this package sends for a message. */
const send = ({ type, value }: TypedValue) => frameOf(type === 'float' ? float(value) : value);

/** How a stream is cut: the longest piece, and the seed of the rest. */
const cut = fc.record({
  longest: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30_000 })),
  seed: fc.nat(),
});
const cutUp = (stream: Uint8Array, { longest, seed }: { longest: number; seed: number }) =>
  randomPieces(stream, longest, seededRandom(seed));

/** A frame of any type, right or damaged. */
const anyFrame = fc
  .record({
    type: fc.oneof(fc.constantFrom(0x01, 0x11, 0x21, 0x81, 0x7e), fc.nat(255)),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom('0x1.8p+1', ' inf ', '0x1p1024', 'µ', '').map((text) => Uint8Array.from(Buffer.from(text))),
    ),
    checksumOff: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(2 ** 32 - 1) }),
  })
  .map(({ type, payload, checksumOff }) => {
    return Buffer.from(oracle.frame(type, payload, (oracle.byteSum(payload) + checksumOff) % 2 ** 32));
  });
/** What is no frame, or only a part of one. */
const strange = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((any) => Buffer.from(any)),
  fc
    .constantFrom('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f', '\x01SETMODE', 'GET / HTTP/1.1\r\n')
    .map((text) => Buffer.from(text)),
  fc
    .constantFrom('decafe', 'decafecafe', 'decafecafe2100', 'decafecafe8100000000ffffffff')
    .map((hex) => Buffer.from(hex, 'hex')),
);
const rarely = fc.nat(3).map((choice) => choice === 0);

/** A stream as a hostile or broken peer may send it: frames right and wrong, other things, flipped bits, an early end. */
const hostileStream = fc
  .record({
    probe: fc.boolean(),
    parts: fc.array(
      fc.oneof(
        { weight: 6, arbitrary: message.map(send) },
        { weight: 4, arbitrary: anyFrame },
        { weight: 1, arbitrary: strange },
      ),
      { maxLength: 8 },
    ),
    flip: rarely,
    flips: fc.array(fc.record({ at: fc.nat(), bit: fc.nat(7) }), { maxLength: 2 }),
    endEarly: rarely,
    missingBytes: fc.nat(40),
  })
  .map(({ probe, parts, flip, flips, endEarly, missingBytes }) => {
    const stream = Buffer.concat([Buffer.from(probe ? '\x01SETMODE0\x1f\x1f\x1f\x1f\x1f' : ''), ...parts]);
    for (const { at, bit } of flip && stream.length > 0 ? flips : []) {
      stream[at % stream.length] = (stream[at % stream.length] as number) ^ (1 << bit);
    }
    return endEarly ? stream.subarray(0, Math.max(0, stream.length - missingBytes)) : stream;
  });

describe('for all messages and cuts', () => {
  test('what is sent arrives, in order', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), cut, (messages, how) => {
        const { messages: received, warnings, error, ended } = receive(cutUp(Buffer.concat(messages.map(send)), how));
        expectMessages(received, messages);
        expect([warnings, error, ended]).toEqual([[], undefined, undefined]);
      }),
      { numRuns: 500 },
    );
  });

  test('the oracle sends the same bytes', () => {
    fc.assert(
      fc.property(message, (each) => send(each).equals(Buffer.from(oracle.encode(asOracle(each))))),
      { numRuns: 500 },
    );
  });
});

describe('for all bytes', () => {
  test('only errors of serpy are thrown and reported, and reading comes to an end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), cut, (stream, how) => {
        const { error, warnings } = receive(cutUp(stream, how)); // rethrows what is no error of serpy
        expect(warnings.every(isSerpyError)).toBe(true);
        if (stream.length > 0 && stream[0] !== 0xde && stream[0] !== 0x01)
          expect(error?.code).toBe('ERR_SERPY_PROTOCOL');
      }),
      { numRuns: 1000 },
    );
  });

  test('the oracle reads the same from the streams of hostile and broken peers', () => {
    const maxMessageBytes = 10_000;
    const seen = { protocol: 0, 'too large': 0, damaged: 0, truncated: 0, whole: 0 };
    fc.assert(
      fc.property(hostileStream, cut, (stream, how) => {
        const ours = receive(cutUp(stream, how), maxMessageBytes);
        const theirs = oracle.decode(stream, maxMessageBytes);
        expect(ours.messages.map(asOracle)).toEqual(theirs.messages);
        expect(ours.damaged).toBe(theirs.damaged);
        expect(ours.warnings.length).toBeLessThanOrEqual(theirs.damaged);
        expect(ours.warnings.every((warning) => warning instanceof ChecksumError)).toBe(true);
        const code = { protocol: 'ERR_SERPY_PROTOCOL', 'too large': 'ERR_SERPY_TOO_LARGE' } as const;
        expect(ours.error?.code).toBe(theirs.problem && code[theirs.problem]);
        expect(ours.ended?.code).toBe(!theirs.problem && theirs.leftBytes > 0 ? 'ERR_SERPY_TRUNCATED' : undefined);
        seen[theirs.problem ?? (theirs.damaged > 0 ? 'damaged' : theirs.leftBytes > 0 ? 'truncated' : 'whole')]++;
      }),
      { numRuns: 1500, seed: 5 },
    );
    for (const [outcome, times] of Object.entries(seen))
      expect(times, `there are streams that are ${outcome}`).toBeGreaterThan(20);
  });

  test('each bit that is flipped in a frame is noticed, or is the type of a message that reads as another', () => {
    const frame = frameOf(Buffer.from('0x1p0'));
    for (let position = 0; position < frame.length; position++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(frame);
        flipped[position] = (flipped[position] as number) ^ (1 << bit);
        const { messages, warnings, error, ended } = receive([flipped]);
        const noticed = error !== undefined || warnings.length > 0 || ended !== undefined;
        expect(noticed || (position === 5 && messages.length === 1), `bit ${bit} of byte ${position}`).toBe(true);
      }
    }
  });
});
