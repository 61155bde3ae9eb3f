/** Messages as the application gets them: their types in each mode, and the memory that they own. */
import { everyCut, randomPieces, seededRandom } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { dataOf, messageOf, OpaquePickle } from '../../src/values/messages.js';
import type { Encoding } from '../../src/values/text.js';
import type { Value } from '../../src/values/values.js';
import type { ReceivedBlock } from '../../src/wire/block.js';
import type { Mode } from '../../src/wire/constants.js';
import { Conversation } from '../conversation.js';

/** What arrives at the other end. */
function arrive(value: Value, mode: Mode, encoding: Encoding = 'utf-8'): ReceivedBlock {
  const sender = new Conversation({ encoding });
  sender.say(value, { mode, forceMode: mode < 2 });
  return new Conversation({ encoding }).hear(sender.takeWritten())[0] as ReceivedBlock;
}

const block = (mode: Mode, bytes: Buffer): ReceivedBlock => ({ mode, bytes, sizeBytes: bytes.length });

describe('getMessage', () => {
  test.each([0, 1] as const)('gives text in mode %i', (mode) => {
    expect(messageOf(arrive('é', mode), 'utf-8')).toEqual({ type: 'text', value: 'é', mode });
    expect(messageOf(arrive(3.5, mode), 'utf-8')).toEqual({ type: 'text', value: '3.5', mode });
  });

  test.each([0, 1] as const)('gives bytes in mode %i for invalid text', (mode) => {
    const bytes = Buffer.from('61ff', 'hex');
    expect(messageOf(block(mode, bytes), 'utf-8')).toEqual({ type: 'bytes', value: bytes, mode });
    expect(messageOf(block(mode, bytes), 'ascii')).toEqual({ type: 'bytes', value: bytes, mode });
    expect(messageOf(block(mode, bytes), 'latin1')).toEqual({ type: 'text', value: 'aÿ', mode });
  });

  test.each([2, 3] as const)('gives bytes in mode %i, for text too', (mode) => {
    expect(messageOf(arrive('text', mode), 'utf-8')).toEqual({ type: 'bytes', value: Buffer.from('text'), mode });
  });

  test.each([4, 5] as const)('gives an object in mode %i', (mode) => {
    const value = new Map([['a', [1, null, true, 'é', Buffer.of(1)]]]);
    expect(messageOf(arrive(value, mode), 'utf-8')).toEqual({ type: 'object', value, mode });
  });

  test.each([4, 5] as const)('gives a pickle that is not plain data unchanged, with the reason, in mode %i', (mode) => {
    const pickle = Buffer.from("cos\nsystem\n(S'true'\ntR.", 'latin1');
    const message = messageOf(block(mode, pickle), 'utf-8');
    expect(message).toEqual({ type: 'object', mode, value: expect.any(OpaquePickle) });
    const { bytes, reason } = message.value as OpaquePickle;
    expect(bytes.equals(pickle)).toBe(true);
    expect(reason).toMatch(/os.system/);
  });

  test('gives a corrupted pickle unchanged, too', () => {
    const message = messageOf(block(4, Buffer.from('no pickle')), 'utf-8');
    expect((message.value as OpaquePickle).reason).not.toBe('');
  });
});

describe('getData', () => {
  test.each([0, 1, 2, 3] as const)('gives bytes in mode %i', (mode) => {
    expect(dataOf(arrive('é', mode))).toEqual(Buffer.from('é'));
  });

  test.each([4, 5] as const)('gives the object in mode %i', (mode) => {
    expect(dataOf(arrive([1, 'two'], mode))).toEqual([1, 'two']);
  });
});

describe('a delivered Buffer', () => {
  const modes: readonly Mode[] = [0, 1, 2, 3, 4, 5];

  test.each(modes)('owns its memory exactly from 4 KiB on, however it came, in mode %i', (mode) => {
    for (const length of [4096, 4097, 10_000]) {
      const sender = new Conversation();
      sender.say('before');
      sender.say(Buffer.alloc(length, 'x'), { mode, forceMode: true });
      sender.say('after');
      const stream = sender.takeWritten();
      const cuts = [
        { name: 'small pieces', chunks: [...randomPieces(stream, 100, seededRandom(4))] },
        ...everyCut(stream),
      ];
      for (const { name, chunks } of cuts) {
        const receiver = new Conversation();
        const data = chunks.flatMap((chunk) => receiver.hear(chunk)).map(dataOf)[1] as Buffer;
        expect([data.length, data.byteOffset, data.buffer.byteLength], name).toEqual([length, 0, length]);
        expect(
          data.every((byte) => byte === 0x78),
          name,
        ).toBe(true);
      }
    }
  });

  test('stays as it is when more comes', () => {
    const receiver = new Conversation();
    const [first] = receiver.hear('first|sec');
    receiver.hear('ond|third|'.repeat(500));
    expect(first?.bytes.toString()).toBe('first');
  });
});
