/** Bytes that no valid v1 peer sends: the error, and the messages delivered before it. */
import { fc } from 'serpy-contract-tests/properties';
import type { MessageTooLargeError } from 'serpy-core';
import { byteByByte, everyCut, randomPieces, seededRandom } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { encodedBase85Length } from '../src/values/base85.js';
import { Conversation, receive, wire } from './conversation.js';
import * as oracle from './oracle.js';

const texts = (messages: readonly { bytes: Buffer }[]) => messages.map(({ bytes }) => bytes.toString('latin1'));

/** The number of unexpected answers in warnings: a run of them is one warning, with the number of the others. */
const count = (warnings: readonly string[]) =>
  warnings.reduce((sum, text) => sum + 1 + Number(/; (\d+) more like it came with it$/.exec(text)?.[1] ?? 0), 0);
const firstOf = (warnings: readonly string[]) => warnings[0]?.replace(/; \d+ more like it came with it$/, '');

describe('ends the connection, after all earlier messages were delivered and answered', () => {
  const rows: [what: string, stream: string, says: RegExp][] = [
    ['SETMODE without a digit', '^SETMODE|', /mode that does not exist: "SETMODE"/],
    ['SETMODE with 9', '^SETMODE9|', /mode that does not exist: "SETMODE9"/],
    ['SETMODE with 6', '^SETMODE6|', /SETMODE0 to SETMODE5/],
    ['SETMODE with a letter', '^SETMODEa|', /mode that does not exist/],
    ['SETMODE with a digit that is not ASCII', '^SETMODE\xb2|', /mode that does not exist/],
    ['SETMODE with a digit of two bytes', '^SETMODE\xd9\xa2|', /control block that is too long/],
    ['SETMODE with two digits', '^SETMODE12|', /control block that is too long: "SETMODE1"/],
    ['an unknown control command', '^HELLO|', /unknown control command "HELLO".*byte 01/],
    ['an empty control command', '^|', /unknown control command ""/],
    ['a control command in lower case', '^ackeot!!|', /unknown control command/],
    ['raw data that starts with 01', '^\x00\xff\x02\x03\x04\x05\x06\x07\x08|', /control block that is too long/],
    ['a control block without an end', `^${'SETMODE'.repeat(10)}`, /too long: "SETMODES"/],
    ['a byte outside of base85', '^SETMODE2|V"X|', /base85/],
    ['white space in base85', '^SETMODE2|VP X|', /base85/],
    ['a base85 group above 32 bits', '^SETMODE2|~~~~~|', /base85/],
    ['bad base85 in an acknowledged mode', '^SETMODE3|V"X␄|', /base85/],
    ['a raw text after a change to mode 4', '^SETMODE4|not a pickle|', /base85/],
    ['no 04 in mode 1', '^SETMODE1|cut|in two␄|', /mode 1 without its 04.*1F.*mode 3/],
    ['no 04 in mode 3', '^SETMODE3|VPX|', /mode 3 without its 04/],
    ['no 04 in mode 5', '^SETMODE5|VPX|', /mode 5 without its 04/],
    ['two 04 in mode 1', '^SETMODE1|a␄b␄|', /mode 1 with two 04.*mode 3/],
    ['two 04 at the end', '^SETMODE1|a␄␄|', /mode 1 with two 04/],
    ['two 04 in mode 3', '^SETMODE3|V␄PX␄|', /mode 3 with two 04/],
  ];

  test.each(rows)('%s', (_, bad, says) => {
    const stream = wire(`before|^SETMODE1|acked␄|^SETMODE0|more|${bad}never seen|`);
    for (const { name, chunks } of everyCut(stream)) {
      const { messages, written, error, warnings } = receive(chunks);
      expect(texts(messages), name).toEqual(['before', 'acked', 'more']);
      expect(written, name).toMatch(/^\^ACKMODCG\|\^ACKEOT!!\|\^ACKMODCG\|(\^ACKMODCG\|)?$/);
      expect(error, name).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringMatching(says) });
      expect(warnings, name).toEqual([]);
    }
  });
});

describe('continues with a warning after an unexpected answer', () => {
  test.each([
    ['^ACKEOT!!|', /unexpected acknowledgement \(ACKEOT\)/],
    ['^ACKMODCG|', /unexpected answer to a mode change \(ACKMODCG\)/],
  ])('%s', (answer, says) => {
    for (const { name, chunks } of everyCut(wire(`a|${answer}b|`))) {
      const outcome = receive(chunks);
      expect(texts(outcome.messages), name).toEqual(['a', 'b']);
      expect(outcome.warnings, name).toEqual([expect.stringMatching(says)]);
      expect([outcome.error, outcome.ended], name).toEqual([undefined, undefined]);
    }
  });

  test('and does not count it for a later message', () => {
    const conversation = new Conversation();
    conversation.hear('^ACKEOT!!|');
    conversation.say('x', { mode: 1 });
    expect(conversation.acknowledged).toEqual([]);
  });
});

describe('a stream that ends', () => {
  test('within a block is truncated, and the error states the number of received bytes', () => {
    for (const { name, chunks } of everyCut(wire('whole|half of a'))) {
      const { messages, ended } = receive(chunks);
      expect(texts(messages), name).toEqual(['whole']);
      expect(ended, name).toMatchObject({ code: 'ERR_SERPY_TRUNCATED', message: expect.stringContaining('9 bytes') });
    }
  });

  test('at each place of an exchange, loses no complete message and delivers no part of one', () => {
    const stream = wire('a|^SETMODE1|b␄|^SETMODE3|VPX␄|');
    const ends = [2, 15, 30];
    for (let length = 0; length <= stream.length; length++) {
      const { messages, ended, error } = receive(length === 0 ? [] : [stream.subarray(0, length)]);
      const whole = ends.filter((end) => end <= length).length;
      expect(messages, `${length}`).toHaveLength(whole);
      expect(error, `${length}`).toBeUndefined();
      expect(ended === undefined, `${length}`).toBe(length === 0 || stream[length - 1] === 0x1f);
    }
    expect(receive([stream]).messages).toHaveLength(ends.length);
  });
});

describe('a block above maxMessageBytes', () => {
  const limit = 3000;
  const rows: [start: string, blockBytes: number][] = [
    ['', limit],
    ['^SETMODE1|', limit + 1],
    ['^SETMODE2|', encodedBase85Length(limit)],
    ['^SETMODE3|', encodedBase85Length(limit) + 1],
    ['^SETMODE4|', encodedBase85Length(limit)],
  ];

  test.each(rows)('is rejected before it is complete: %j', (start, blockBytes) => {
    const head = wire(`before|${start}`);
    for (const endless of [Buffer.alloc(1 << 20, '0'), Buffer.alloc(blockBytes + 1, '0')]) {
      const { messages, error } = receive(randomPieces(Buffer.concat([head, endless]), 700, seededRandom(3)), {
        maxMessageBytes: limit,
      });
      expect(texts(messages)).toEqual(['before']);
      expect(error).toMatchObject({
        code: 'ERR_SERPY_TOO_LARGE',
        limitBytes: limit,
        message: expect.stringContaining('maxMessageBytes'),
      });
      const { sizeBytes } = error as MessageTooLargeError;
      expect(sizeBytes).toBeGreaterThan(limit);
      expect(sizeBytes).toBeLessThan(limit + 702);
    }
  });

  test.each(rows)('of exactly the limit passes, also byte by byte: %j', (start, blockBytes) => {
    const odd = /[135]\|$/.test(start);
    const body = Buffer.alloc(blockBytes - (odd ? 1 : 0), '0');
    const stream = Buffer.concat([wire(start), body, wire(odd ? '␄|' : '|')]);
    for (const chunks of [[stream], byteByByte(stream)]) {
      const { messages, error } = receive(chunks, { maxMessageBytes: limit });
      expect(error).toBeUndefined();
      expect(messages[0]?.bytes).toHaveLength(limit);
    }
  });

  test('is rejected below the length of a control block too, and control blocks still pass', () => {
    const options = { maxMessageBytes: 2 };
    for (const { name, chunks } of everyCut(wire('ab|^SETMODE1|ab␄|^ACKMODCG|'))) {
      expect(texts(receive(chunks, options).messages), name).toEqual(['ab', 'ab']);
    }
    for (const { name, chunks } of everyCut(wire('abc|'))) {
      expect(receive(chunks, options).error, name).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE' });
    }
    for (const { name, chunks } of everyCut(wire(`^${'x'.repeat(30)}`))) {
      expect(receive(chunks, options).error, name).toMatchObject({ code: 'ERR_SERPY_PROTOCOL' });
    }
  });

  test('is buffered up to the limit only, however small its chunks', () => {
    const conversation = new Conversation({ maxMessageBytes: 10_000 });
    let taken = 0;
    expect(() => {
      for (; taken < 1_000_000; taken++) conversation.hear('x');
    }).toThrow(expect.objectContaining({ code: 'ERR_SERPY_TOO_LARGE' }));
    expect(taken).toBe(10_000);
  });
});

describe('names a foreign protocol', () => {
  const clientHello = Buffer.concat([Buffer.from('1603010200010001fc03031f1f', 'hex'), Buffer.alloc(200, 0x1f)]);
  const rows: [string, Buffer, RegExp][] = [
    ['a web browser', wire('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'), /web browser \(HTTP\)/],
    ["Python's web server", wire('<!DOCTYPE HTML>\n<html lang="en">\n'), /web server \(HTTP\)/],
    ['a web server', wire('HTTP/1.1 400 Bad Request\r\n\r\n'), /web server \(HTTP\)/],
    ['TLS', clientHello, /TLS/],
    ['SSH', wire('SSH-2.0-OpenSSH_9.6\r\n'), /SSH/],
    ['v2', Buffer.from('decafecafe011f00000001000000' + '1f', 'hex'), /v2.*serpy-v2/],
    ['v2, as soon as its magic is there', Buffer.from('decafecafe', 'hex'), /v2.*serpy-v2/],
  ];

  test.each(rows)('%s, however the bytes are cut', (_, bytes, says) => {
    for (const { name, chunks } of everyCut(bytes)) {
      const { messages, error } = receive(chunks);
      expect(messages, name).toEqual([]);
      expect(error, name).toMatchObject({
        code: 'ERR_SERPY_PROTOCOL',
        message: expect.stringMatching(/^the peer does not speak v1: /),
      });
      expect(error?.message, name).toMatch(says);
    }
  });

  test('even if maxMessageBytes is smaller than its first line', () => {
    for (const { name, chunks } of everyCut(wire('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'))) {
      expect(receive(chunks, { maxMessageBytes: 20 }).error?.message, name).toMatch(/HTTP/);
    }
  });

  test('only at the start of a link: later the same bytes are data', () => {
    for (const text of ['GET / HTTP/1.1\r\n', 'SSH-2.0', '\x16\x03\x01', '\xde\xca\xfe\xca\xfe']) {
      expect(texts(receive([wire(`hello|${text}|`)]).messages)).toEqual(['hello', text]);
      expect(texts(receive([wire(`^SETMODE0|${text}|`)]).messages)).toEqual([text]);
    }
  });

  test('not in blocks that look like one only together, for every cut', () => {
    for (const { name, chunks } of everyCut(wire('GET /a|b HTTP/1.1|'))) {
      expect(texts(receive(chunks).messages), name).toEqual(['GET /a', 'b HTTP/1.1']);
    }
  });
});

describe('any bytes', () => {
  const part = fc.oneof(
    { weight: 3, arbitrary: fc.uint8Array({ maxLength: 30 }).map((bytes) => [...bytes]) },
    { weight: 3, arbitrary: fc.constantFrom(0, 1, 2, 3, 4, 5, 6).map((mode) => oracle.control(`SETMODE${mode}`)) },
    { weight: 1, arbitrary: fc.constantFrom('ACKMODCG', 'ACKEOT!!', 'ACKEOT!', '').map(oracle.control) },
    { weight: 2, arbitrary: fc.constantFrom([0x1f], [0x04, 0x1f], [0x01], [0x04]) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.uint8Array({ maxLength: 12 }), fc.constantFrom([0x1f], [0x04, 0x1f]))
        .map(([bytes, end]) => [...oracle.base85Encode([...bytes]), ...end]),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.string({ maxLength: 10 }), fc.constantFrom([0x1f], [0x04, 0x1f]))
        .map(([text, end]) => [...oracle.ascii(text), ...end]),
    },
  );
  const stream = fc.array(part, { maxLength: 25 }).map((parts) => Buffer.from(parts.flat()));

  test('throw only errors of serpy, and are delivered and answered as by a Python peer up to the error', () => {
    let clean = 0;
    fc.assert(
      fc.property(stream, fc.integer(), (bytes, seed) => {
        const { messages, written, error } = receive(randomPieces(bytes, 9, seededRandom(seed)));
        const peer = new oracle.Original();
        peer.receive(bytes);
        const expected = peer.messages
          .slice(0, messages.length)
          .map(({ mode, bytes }) => ({ mode, bytes: Buffer.from(bytes) }));
        expect(messages).toEqual(expected);
        const answers = peer.takeAnswers().toString('latin1').replaceAll('\x01', '^').replaceAll('\x1f', '|');
        expect(answers.startsWith(written)).toBe(true);
        if (error !== undefined) return;
        clean++;
        expect(peer.deaf).toBeUndefined();
        expect(peer.messages).toHaveLength(messages.length);
        expect(answers).toBe(written);
      }),
      { numRuns: 3000 },
    );
    expect(clean).toBeGreaterThan(200);
  });

  test('have the same result in one chunk as byte by byte', () => {
    fc.assert(
      fc.property(stream, fc.constantFrom(5, 12, 1000), (bytes, maxMessageBytes) => {
        const whole = receive([bytes], { maxMessageBytes });
        const bitByBit = receive(byteByByte(bytes), { maxMessageBytes });
        expect(bitByBit.messages).toEqual(whole.messages);
        expect(bitByBit.written).toEqual(whole.written);
        expect(count(bitByBit.warnings)).toBe(count(whole.warnings));
        expect(firstOf(bitByBit.warnings)).toBe(firstOf(whole.warnings));
        expect(bitByBit.error?.code).toBe(whole.error?.code);
        expect(bitByBit.ended?.message).toBe(whole.ended?.message);
      }),
      { numRuns: 2000 },
    );
  });
});
