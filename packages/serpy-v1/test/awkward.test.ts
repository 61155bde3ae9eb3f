/** For every value and mode: the stream holds no unintended control block, and the receiver gets the same value. */
import { fc } from 'serpy-contract-tests/properties';
import { randomPieces, seededRandom } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { readPickle } from '../src/pickle/index.js';
import { formatNumber } from '../src/values/number-text.js';
import { type Encoding, encodeText } from '../src/values/text.js';
import type { Value } from '../src/values/values.js';
import type { Mode } from '../src/wire/constants.js';
import { Conversation, receive } from './conversation.js';
import { Original } from './oracle.js';

interface Send {
  readonly value: string | number | bigint | Uint8Array;
  readonly mode: Mode;
}

/** Text of the pieces that mean something on the wire, and of plain ones. */
const awkwardText = fc
  .array(
    fc.constantFrom(
      ...['\x1f', '\x04', '\x01', '\x01SETMODE5\x1f', 'SETMODE2', '\x01ACKEOT!!\x1f', 'ACKMODCG', '\x00', ' ', 'a'],
      ...[
        'hello',
        '~',
        'GET / HTTP/1.1\r\n',
        'SSH-2.0-x',
        '\x16\x03',
        '\x15\x03\x03\x00\x02',
        'é',
        '\xde\xca\xfe\xca\xfe',
      ],
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

const latin1Text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
const awkwardBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  awkwardText.map((text) => Buffer.from(text, 'latin1')),
  fc.array(fc.constantFrom(0x1f, 0x04, 0x01, 0x41), { maxLength: 6 }).map((bytes) => Uint8Array.from(bytes)),
);
const mode = fc.constantFrom<Mode[]>(0, 1, 2, 3, 4, 5);

function sendsOf(text: fc.Arbitrary<string>): fc.Arbitrary<Send[]> {
  const value = fc.oneof(text, text, awkwardBytes, awkwardBytes, fc.double({ noNaN: true }), fc.bigInt());
  return fc.array(fc.record({ value, mode }), { minLength: 1, maxLength: 12 });
}

/** What arrives: the value's bytes, or in modes 4 and 5 the value. */
function arrivalOf({ value, mode }: Send, encoding: Encoding): unknown {
  if (mode >= 4)
    return value instanceof Uint8Array ? Buffer.from(value) : typeof value === 'bigint' ? safe(value) : value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  return encodeText(typeof value === 'string' ? value : formatNumber(value), encoding);
}

function safe(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function arrived(mode: number, bytes: Buffer): unknown {
  if (mode < 4) return bytes;
  const result = readPickle(bytes);
  return result.ok ? result.value : result.reason;
}

/** Sends all of it, answered after each message or after all, and compares what the strict model got. */
function check(sends: readonly Send[], encoding: Encoding, answerEach: boolean): Buffer {
  const conversation = new Conversation({ encoding });
  const peer = new Original();
  const written: Buffer[] = [];
  const blocks = sends.map(({ value, mode }) => {
    const block = conversation.say(value as Value, { mode });
    if (answerEach) written.push(conversation.exchange(peer));
    return block;
  });
  written.push(conversation.exchange(peer));

  expect(peer.deaf).toBeUndefined();
  expect(peer.messages.map(({ mode, bytes }) => arrived(mode, Buffer.from(bytes)))).toEqual(
    sends.map((send) => arrivalOf(send, encoding)),
  );
  // What the session meant: one SETMODE for each change, and nothing else.
  const changes = blocks.filter((block, i) => block.mode !== (blocks[i - 1]?.mode ?? 0));
  expect(peer.controls).toEqual(changes.map((block) => `SETMODE${block.mode}`));
  const waitedFor = blocks.filter(({ awaitsAck }) => awaitsAck);
  expect(conversation.acknowledged).toEqual(waitedFor);
  expect(conversation.warnings).toEqual([]);
  for (const [i, { mode }] of sends.entries()) {
    expect(blocks[i]?.awaitsAck).toBe(mode % 2 === 1);
    if (mode % 2 === 1) expect((blocks[i]?.mode ?? 0) % 2).toBe(1);
  }
  return Buffer.concat(written);
}

const kinds: [Encoding, string, fc.Arbitrary<string>][] = [
  ['utf-8', 'awkward text', awkwardText],
  ['utf-8', 'any text', fc.string({ unit: 'binary' })],
  ['latin1', 'awkward text', awkwardText],
  ['latin1', 'any text', latin1Text],
  ['ascii', 'any text', fc.string({ unit: 'binary-ascii' })],
];

describe.each(kinds)('%s, %s', (encoding, _, text) => {
  test('reaches a Python peer unchanged and never terminates its receiver thread', () => {
    fc.assert(
      fc.property(sendsOf(text), fc.boolean(), (sends, answerEach) => {
        check(sends, encoding, answerEach);
      }),
      { numRuns: 400 },
    );
  });

  test('reaches serpy for Node unchanged, for all chunks', () => {
    fc.assert(
      fc.property(sendsOf(text), fc.integer(), (sends, seed) => {
        const stream = check(sends, encoding, false);
        const outcome = receive(randomPieces(stream, 11, seededRandom(seed)), { encoding });
        expect(outcome.error).toBeUndefined();
        expect(outcome.ended).toBeUndefined();
        expect(outcome.messages.map(({ mode, bytes }) => arrived(mode, bytes))).toEqual(
          sends.map((send) => arrivalOf(send, encoding)),
        );
      }),
      { numRuns: 400 },
    );
  });
});

describe('each awkward message alone, first on its wire, in every mode', () => {
  const values: (string | Uint8Array)[] = [
    ...['', '\x1f', '\x04', '\x01', '\x1f\x1f', 'a\x1f', '\x1fa', 'a\x04', '\x04a', '\x01a', 'a\x01', '\x00'],
    ...['\x01SETMODE3', '\x01SETMODE3\x1f', 'x\x1f\x01SETMODE3\x1f', '\x01ACKEOT!!', '\x01ACKMODCG'],
    ...['\x15\x03\x03\x00\x02\x02\x0a', '\x15', '\x15\x03'],
    ...['<!DOCTYPE HTML>\n<html lang="en">', '<html>\n', '<html>', '<HTML lang="en">\r\n'],
    ...['GET / HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\n', 'SSH-2.0-OpenSSH', '\x16\x03\x01\x02', '\xde\xca\xfe\xca\xfe'],
  ].flatMap((text) => [text, Buffer.from(text, 'latin1')]);

  test.each([0, 1, 2, 3, 4, 5] as const)('mode %i', (mode) => {
    for (const value of values) {
      const stream = check([{ value, mode }], 'latin1', true);
      const { messages, error } = receive([stream], { encoding: 'latin1' });
      expect(error, JSON.stringify(value)).toBeUndefined();
      expect(messages.map(({ mode, bytes }) => arrived(mode, bytes))).toEqual([arrivalOf({ value, mode }, 'latin1')]);
    }
  });
});

test('a link that breaks at any place, with or without answers, never acknowledges a message that did not arrive', () => {
  const text = fc.constantFrom('a', 'b\x1f', '', '\x04', 'long enough to be cut');
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ what: fc.constant('send' as const), text, mode }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('answer' as const) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('break' as const), keptBytes: fc.nat({ max: 60 }) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('forget' as const), which: fc.nat({ max: 3 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const conversation = new Conversation();
      let peer = new Original();
      const got: string[] = [];
      const listen = (peer: Original) =>
        got.push(...peer.messages.splice(0).map((m) => `${arrived(m.mode, Buffer.from(m.bytes))}`));
      const waiting = new Map<object, string>();
      const answered = () => {
        for (const block of conversation.acknowledged) waiting.delete(block);
      };
      for (const [i, step] of steps.entries()) {
        switch (step.what) {
          case 'send': {
            const value = step.text && `${step.text} ${i}`;
            const block = conversation.say(value, { mode: step.mode });
            if (block.awaitsAck) waiting.set(block, value);
            break;
          }
          case 'answer':
            conversation.exchange(peer);
            listen(peer);
            answered();
            break;
          case 'forget': {
            const block = [...waiting.keys()][step.which];
            if (block === undefined) break;
            conversation.session.cancelAck(block as Parameters<typeof conversation.session.cancelAck>[0]);
            waiting.delete(block);
            break;
          }
          case 'break':
            peer.receive(conversation.takeWritten().subarray(0, step.keptBytes));
            listen(peer);
            conversation.reconnect();
            peer = new Original();
        }
      }
      const due = [...waiting.values()];
      conversation.exchange(peer);
      listen(peer);
      answered();
      expect(peer.deaf).toBeUndefined();
      expect(waiting.size).toBe(0);
      expect(conversation.warnings).toEqual([]);
      for (const value of due) expect(got).toContain(value);
    }),
    { numRuns: 1500 },
  );
});
