/** The v1 session: modes of both directions, answers, acknowledged messages and broken links. */
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readPickle } from '../src/pickle/index.js';
import type { Value } from '../src/values/values.js';
import type { Mode } from '../src/wire/constants.js';
import { Conversation } from './conversation.js';
import { Original } from './oracle.js';

const modes: readonly Mode[] = [0, 1, 2, 3, 4, 5];

describe.each(modes)('mode %i', (mode) => {
  test('is announced once, and mode 0 not at all on a new link', () => {
    const conversation = new Conversation();
    conversation.say('one', { mode });
    conversation.say('two', { mode });
    const announced = conversation.takeShown().match(/\^SETMODE\d\|/g) ?? [];
    expect(announced).toEqual(mode === 0 ? [] : [`^SETMODE${mode}|`]);
  });

  test('brings a value to a Python peer', () => {
    const conversation = new Conversation();
    const peer = new Original();
    conversation.say('hello', { mode });
    conversation.exchange(peer);
    const [message] = peer.messages;
    expect(message?.mode).toBe(mode);
    const bytes = Buffer.from(message?.bytes ?? []);
    expect(mode < 4 ? bytes.toString() : readPickle(bytes)).toEqual(mode < 4 ? 'hello' : { ok: true, value: 'hello' });
  });

  test('is understood from a peer, and acknowledged where it is odd', () => {
    const [sender, receiver] = [new Conversation(), new Conversation()];
    const block = sender.say('hello', { mode });
    const messages = receiver.hear(sender.takeWritten());
    expect(messages.map((message) => message.mode)).toEqual([mode]);
    expect(block.awaitsAck).toBe(mode % 2 === 1);
    const answers = (mode === 0 ? '' : '^ACKMODCG|') + (mode % 2 === 1 ? '^ACKEOT!!|' : '');
    const written = receiver.takeWritten();
    sender.hear(written);
    receiver.hear('');
    expect(written.toString('latin1').replaceAll('\x01', '^').replaceAll('\x1f', '|')).toBe(answers);
    expect(sender.acknowledged).toEqual(mode % 2 === 1 ? [block] : []);
    expect(sender.warnings).toEqual([]);
  });
});

test('sends a mode change and the data back to back, without waiting for the answer', () => {
  const conversation = new Conversation();
  conversation.say('raw');
  conversation.say(Buffer.from('ab'));
  conversation.say('back');
  conversation.say('acked', { mode: 1 });
  expect(conversation.takeShown()).toBe('raw|^SETMODE2|VPX|^SETMODE0|back|^SETMODE1|acked␄|');
});

test('reads mode changes and data in one chunk, as measured with a Python peer', () => {
  const conversation = new Conversation();
  const messages = conversation.hear('hello|^SETMODE2|00I9|^SETMODE0|back|^SETMODE1|acked␄|more␄|^SETMODE3|czJps1O␄|');
  expect(messages.map(({ mode, bytes }) => [mode, bytes.toString('latin1')])).toEqual([
    [0, 'hello'],
    [2, '\x00\x01\xff'],
    [0, 'back'],
    [1, 'acked'],
    [1, 'more'],
    [3, 'xyz\x1f\x04'],
  ]);
  expect(conversation.takeShown()).toBe('^ACKMODCG|^ACKMODCG|^ACKMODCG|^ACKEOT!!|^ACKEOT!!|^ACKMODCG|^ACKEOT!!|');
});

test('the modes of both directions are independent', () => {
  const conversation = new Conversation();
  conversation.say('out', { mode: 3 });
  expect(conversation.hear('in|').map(({ mode }) => mode)).toEqual([0]);
  conversation.hear('^SETMODE1|');
  conversation.takeWritten();
  conversation.say('more', { mode: 3 });
  expect(conversation.takeShown()).not.toContain('SETMODE');
});

test('answers a change to the current mode', () => {
  const conversation = new Conversation();
  conversation.hear('^SETMODE0|^SETMODE0|||||');
  expect(conversation.takeShown()).toBe('^ACKMODCG|^ACKMODCG|');
});

test('sends a heartbeat as a change to the current mode, and expects its answer', () => {
  const conversation = new Conversation();
  conversation.session.requestAck();
  conversation.say('x', { mode: 2 });
  conversation.session.requestAck();
  expect(conversation.takeShown()).toBe('^SETMODE0|^SETMODE2|cm|^SETMODE2|');
  conversation.hear('^ACKMODCG|^ACKMODCG|^ACKMODCG|');
  expect(conversation.warnings).toEqual([]);
});

test('skips empty blocks', () => {
  expect(new Conversation().hear('||a|||b||').map(({ bytes }) => bytes.toString())).toEqual(['a', 'b']);
});

test('delivers an empty acknowledged message', () => {
  const conversation = new Conversation();
  const messages = conversation.hear('^SETMODE1|␄|^SETMODE3|␄|');
  expect(messages.map(({ mode, bytes }) => [mode, bytes.length])).toEqual([
    [1, 0],
    [3, 0],
  ]);
});

describe('acknowledged messages', () => {
  test('are matched with their answers in order, several in flight, in any odd modes', () => {
    const conversation = new Conversation();
    const blocks = [1, 1, 3, 5, 1].map((mode, i) => conversation.say(`number ${i}`, { mode: mode as Mode }));
    conversation.hear('^ACKEOT!!|^ACKEOT!!|');
    expect(conversation.acknowledged).toEqual(blocks.slice(0, 2));
    conversation.hear('^ACKEOT!!|^ACKEOT!!|^ACKEOT!!|');
    expect(conversation.acknowledged).toEqual(blocks);
    expect(conversation.warnings).toEqual([]);
  });

  test('a late acknowledgement belongs to the cancelled message, and resolves no other', () => {
    const conversation = new Conversation();
    const forgotten = conversation.say('timed out', { mode: 1 });
    conversation.session.cancelAck(forgotten);
    const waiting = conversation.say('next', { mode: 1 });
    conversation.hear('^ACKMODCG|^ACKEOT!!|');
    expect(conversation.acknowledged).not.toContain(waiting);
    conversation.hear('^ACKEOT!!|');
    expect(conversation.acknowledged).toContain(waiting);
    expect(conversation.warnings).toEqual([]);
  });

  test('a cancelled message retains no bytes, however long its acknowledgement is due', () => {
    const conversation = new Conversation();
    const block = conversation.say(Buffer.alloc(1 << 20), { mode: 3 });
    conversation.session.cancelAck(block);
    expect(block.body).toHaveLength(0);
  });

  test('an unawaited empty message is sent in an acknowledged mode, and its answer is expected', () => {
    const conversation = new Conversation();
    const block = conversation.say('');
    expect([block.mode, block.awaitsAck]).toEqual([1, false]);
    const waiting = conversation.say('next', { mode: 1 });
    conversation.hear('^ACKMODCG|^ACKEOT!!|');
    expect(conversation.acknowledged).not.toContain(waiting);
    conversation.hear('^ACKEOT!!|');
    expect(conversation.acknowledged).toContain(waiting);
    expect(conversation.warnings).toEqual([]);
  });
});

describe('after a broken link', () => {
  test('both modes are 0 again', () => {
    const conversation = new Conversation();
    conversation.hear('^SETMODE2|VPX|');
    conversation.say('x', { mode: 2 });
    conversation.reconnect();
    conversation.takeWritten();
    conversation.say('raw');
    expect(conversation.takeShown()).toBe('raw|');
    expect(conversation.hear('VPX|').map(({ mode, bytes }) => [mode, bytes.toString()])).toEqual([[0, 'VPX']]);
  });

  test('half a block is discarded', () => {
    const conversation = new Conversation();
    conversation.hear('half of a');
    conversation.reconnect();
    expect(conversation.session.ended()).toBeUndefined();
    expect(conversation.hear('whole|').map(({ bytes }) => bytes.toString())).toEqual(['whole']);
  });

  test('a foreign protocol is named again', () => {
    const conversation = new Conversation();
    conversation.hear('hello|');
    conversation.reconnect();
    expect(() => conversation.hear('SSH-2.0-x\r\n')).toThrow(/does not speak v1/);
  });

  test('unacknowledged messages are sent again, in order, each in its mode', () => {
    const conversation = new Conversation();
    conversation.say('a', { mode: 1 });
    conversation.say('plain');
    conversation.say('b', { mode: 3 });
    conversation.say('c', { mode: 3 });
    conversation.say('d', { mode: 1 });
    conversation.hear('^ACKMODCG|^ACKEOT!!|^ACKMODCG|');
    conversation.takeWritten();
    conversation.reconnect();
    expect(conversation.takeShown()).toBe('^SETMODE3|Vg␄|V*␄|^SETMODE1|d␄|');
    conversation.say('e', { mode: 1 });
    conversation.say('plain');
    expect(conversation.takeShown()).toBe('e␄|^SETMODE0|plain|');
  });

  test('a message is acknowledged once, however often it was sent', () => {
    const conversation = new Conversation();
    const peer = new Original();
    const blocks = ['a', 'b'].map((text) => conversation.say(text, { mode: 1 }));
    conversation.takeWritten();
    for (let again = 0; again < 3; again++) conversation.reconnect();
    conversation.takeWritten();
    conversation.reconnect();
    conversation.exchange(peer);
    expect(conversation.acknowledged).toEqual(blocks);
    conversation.reconnect();
    expect(conversation.takeShown()).toBe('');
    expect(conversation.warnings).toEqual([]);
  });

  test('a cancelled message is not sent again, and no acknowledgement is expected', () => {
    const conversation = new Conversation();
    const forgotten = conversation.say('forgotten', { mode: 1 });
    const kept = conversation.say('kept', { mode: 1 });
    conversation.session.cancelAck(forgotten);
    conversation.takeWritten();
    conversation.reconnect();
    expect(conversation.takeShown()).toBe('^SETMODE1|kept␄|');
    conversation.hear('^ACKMODCG|^ACKEOT!!|');
    expect(conversation.acknowledged).toEqual([kept]);
  });

  test('an unawaited empty message is not sent again: it may have arrived', () => {
    const conversation = new Conversation();
    conversation.say('');
    conversation.say(Buffer.alloc(0), { mode: 2 });
    conversation.say('', { mode: 1 });
    conversation.takeWritten();
    conversation.reconnect();
    expect(conversation.takeShown()).toBe('^SETMODE1|␄|');
    conversation.hear('^ACKMODCG|^ACKEOT!!|');
    expect(conversation.acknowledged).toHaveLength(1);
    expect(conversation.warnings).toEqual([]);
  });

  test('a message that is cancelled without a link is not sent again either', () => {
    const conversation = new Conversation();
    const block = conversation.say('forgotten', { mode: 1 });
    conversation.session.linkDown();
    conversation.session.cancelAck(block);
    conversation.takeWritten();
    conversation.session.linkUp(0);
    expect(conversation.takeShown()).toBe('');
  });

  test('an answer to a mode change on the old link is not expected on the new one', () => {
    const conversation = new Conversation();
    conversation.say('x', { mode: 2 });
    conversation.reconnect();
    conversation.hear('^ACKMODCG|');
    expect(conversation.warnings.map(({ code }) => code)).toEqual(['ERR_SERPY_PROTOCOL']);
  });
});

describe('the mode in which a value is sent', () => {
  const bytes = Buffer.from('bytes');
  const rows: [asked: Mode, value: Value, travels: Mode][] = [
    ...modes.map((mode): [Mode, Value, Mode] => [mode, 'plain text', mode]),
    [0, bytes, 2],
    [1, bytes, 3],
    [2, bytes, 2],
    [3, bytes, 3],
    [0, 7, 0],
    [1, 7n, 1],
    [0, { type: 'float', value: 7 }, 0],
    [0, '', 1],
    [1, '', 1],
    [2, '', 3],
    [3, '', 3],
    [0, Buffer.alloc(0), 3],
    [1, Buffer.alloc(0), 3],
    [2, Buffer.alloc(0), 3],
    [0, 'a\x1fb', 2],
    [1, 'a\x1fb', 3],
    [0, 'a\x04b', 2],
    [1, 'a\x04', 3],
    [0, '\x01SETMODE5', 2],
    [1, '\x01', 3],
    [0, 'a\x01', 0],
  ];
  test.each(rows.map(([asked, value, travels]) => [asked, inspect(value), travels, value] as const))(
    'requested mode %i: %s is sent in mode %i',
    (asked, _, travels, value) => {
      expect(new Conversation().session.encode(value, { mode: asked }).mode).toBe(travels);
    },
  );

  test('awaits an acknowledgement only in a requested odd mode', () => {
    const { session } = new Conversation();
    for (const value of ['x', '', Buffer.alloc(0), 'a\x04']) {
      for (const mode of modes) expect(session.encode(value, { mode }).awaitsAck, `${mode}`).toBe(mode % 2 === 1);
    }
  });

  test('does not copy large raw bytes', () => {
    const big = Buffer.alloc(5000, 'x');
    const { body } = new Conversation().session.encode(big, { mode: 0, forceMode: true });
    expect((body as Buffer).buffer).toBe(big.buffer);
  });
});

describe('forceMode', () => {
  const code = 'ERR_SERPY_OPTION';

  test('sends bytes raw in the requested mode', () => {
    const conversation = new Conversation();
    conversation.say(Buffer.from('raw'), { mode: 0, forceMode: true });
    conversation.say(Buffer.from('raw'), { mode: 1, forceMode: true });
    expect(conversation.takeShown()).toBe('raw|^SETMODE1|raw␄|');
  });

  test.each([0, 1] as const)('rejects in mode %i what that mode cannot carry, and names a mode that can', (mode) => {
    const { session } = new Conversation();
    for (const value of ['a\x1fb', 'a\x04', '\x01a', Buffer.of(0x1f), Buffer.of(0x01)]) {
      expect(() => session.encode(value, { mode, forceMode: true })).toThrow(
        expect.objectContaining({ code, message: expect.stringContaining(`use mode ${mode + 2}`) }),
      );
    }
  });

  test.each([0, 2] as const)('rejects an empty message in mode %i, whose receiver skips it', (mode) => {
    const { session } = new Conversation();
    for (const value of ['', Buffer.alloc(0)]) {
      expect(() => session.encode(value, { mode, forceMode: true })).toThrow(
        expect.objectContaining({ code, message: expect.stringContaining(`use mode ${mode + 1}`) }),
      );
    }
  });

  test('accepts what the mode carries', () => {
    const { session } = new Conversation();
    const rows: [Mode, Value][] = [
      [1, ''],
      [3, ''],
      [2, 'a\x1fb'],
      [3, '\x01'],
      [4, ''],
      [5, { a: [1] }],
    ];
    for (const [mode, value] of rows) expect(session.encode(value, { mode, forceMode: true }).mode).toBe(mode);
  });
});

describe('encode refuses', () => {
  test.each([-1, 6, 0.5, Number.NaN, '1', null, true])('the mode %j', (mode) => {
    expect(() => new Conversation().session.encode('x', { mode: mode as Mode })).toThrow(
      expect.objectContaining({ code: 'ERR_SERPY_OPTION', message: expect.stringContaining('from 0 to 5') }),
    );
  });

  const noValues: [string, unknown][] = [
    ['an object', { a: 1 }],
    ['an array', [1]],
    ['null', null],
    ['a boolean', true],
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['an object without a prototype', Object.create(null)],
    ['a Float64Array', new Float64Array(2)],
    ['an int that is none', { type: 'int', value: 1.5 }],
    ['an int that is not even a number', { type: 'int', value: Number.NaN }],
  ];
  test.each(noValues)('%s in modes 0 to 3, and nothing has changed then', (_, value) => {
    const conversation = new Conversation();
    for (const mode of [0, 1, 2, 3] as const) {
      expect(() => conversation.say(value as Value, { mode })).toThrow(
        expect.objectContaining({ code: 'ERR_SERPY_VALUE' }),
      );
    }
    conversation.say('x');
    expect(conversation.takeShown()).toBe('x|');
  });

  test('a message above maxMessageBytes, counted before base85, and not one of exactly maxMessageBytes', () => {
    const { session } = new Conversation({ maxMessageBytes: 10 });
    for (const mode of [0, 1, 2, 3] as const) {
      expect(session.encode('x'.repeat(10), { mode }).mode).toBe(mode);
      expect(() => session.encode('x'.repeat(11), { mode })).toThrow(
        expect.objectContaining({ code: 'ERR_SERPY_TOO_LARGE', sizeBytes: 11, limitBytes: 10 }),
      );
    }
    expect(() => session.encode('x'.repeat(11), { mode: 4 })).toThrow(
      expect.objectContaining({ code: 'ERR_SERPY_TOO_LARGE' }),
    );
  });
});
