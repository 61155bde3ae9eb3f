/** What is sent and what is refused, and the state of a session between TCP connections. */
import { describe, expect, test } from 'vitest';
import type { SessionOptions } from '../src/lines-session.js';
import { newSession, read, write } from './conversation.js';

/** What `encode` throws. */
function refusal(value: unknown, options: object = {}, settings: Partial<SessionOptions> = {}): unknown {
  try {
    newSession(settings).session.encode(value as string, options as never);
    return 'nothing was thrown';
  } catch (error) {
    return error;
  }
}

describe('sendData refuses', () => {
  test.each([
    [42, 'a number', 'send String(value)'],
    [7n, 'a bigint', 'send String(value)'],
    [true, 'a boolean', 'send String(value)'],
    [undefined, 'undefined', 'send String(value)'],
    [null, 'null', 'send String(value)'],
    [['*IDN?'], 'an array', 'send json(value), or use v2'],
    [Buffer.from('*IDN?'), 'an object (Buffer)', 'send json(value), or use v2'],
    [{ command: '*IDN?' }, 'an object (Object)', 'send json(value), or use v2'],
  ])('%o, which is not text', (value, name, remedy) => {
    const message = expect.stringContaining(`a line is text, not ${name}: ${remedy}`);
    expect(refusal(value)).toMatchObject({ code: 'ERR_SERPY_VALUE', message });
  });

  test.each([
    ['\n', '*RST\n'],
    ['\n', 'two\nlines'],
    ['\n', 'ends with a return\r'],
    ['\r\n', 'two\r\nlines'],
    ['\r\n', 'two\nlines'],
    ['\r', 'a\rb'],
    ['aab', 'xa'.concat('ab')],
    ['aa', 'ba'],
  ])('with the terminator %j the text %j, which would arrive as other lines', (terminator, text) => {
    expect(refusal(text, {}, { terminator })).toMatchObject({
      code: 'ERR_SERPY_VALUE',
      message: `the text contains, or forms with it, the terminator ${JSON.stringify(terminator)}: send each line by itself`,
    });
  });

  test.each([
    ['ascii', '20 µs', 'µ', 3],
    ['latin1', 'a 漢', '漢', 2],
    ['utf-8', 'half \ud83d', '\ud83d', 5],
  ] as const)('in %s the text %j', (encoding, text, character, position) => {
    const error = refusal(text, {}, { encoding });
    expect(error).toMatchObject({ code: 'ERR_SERPY_ENCODING', character, position });
    expect(error).toHaveProperty('message', expect.stringMatching(new RegExp(`at position ${position} does not fit`)));
  });

  test('a line above maxMessageBytes, counted without its terminator', () => {
    expect(write(['µ'.repeat(500)], { terminator: '\r\n' })).toHaveLength(1002);
    expect(refusal(`${'µ'.repeat(500)}.`)).toMatchObject({
      code: 'ERR_SERPY_TOO_LARGE',
      sizeBytes: 1001,
      limitBytes: 1000,
    });
  });

  test.each(['received', 'consumed', true])('acknowledge: %j, with what to do', (acknowledge) => {
    const message = expect.stringMatching(/not acknowledged: leave it out, and send a question .* \*OPC\?$/);
    expect(refusal('*RST', { acknowledge })).toMatchObject({ code: 'ERR_SERPY_OPTION', message });
  });
});

test('acknowledge: false is what lines do', () => {
  const { session } = newSession();
  expect(session.encode('*RST', { acknowledge: false })).toMatchObject({ awaitsAck: false, sizeBytes: 5 });
});

test('half a line of one TCP connection does not touch the next', () => {
  const { session } = newSession();
  session.receive(Buffer.from('half'));
  expect(session.read()).toBeUndefined();
  session.retainUnread();
  expect([session.midFrame, session.partialBytes]).toEqual([true, 4]);
  session.linkDown();
  expect([session.midFrame, session.partialBytes]).toEqual([false, 0]);
  session.linkUp();
  session.receive(Buffer.from('whole\n'));
  expect(session.read()).toMatchObject({ text: 'whole' });
});

test('half a line at the end is reported with its bytes, the terminator and what to do', () => {
  expect(read([Buffer.from('+1.0E-9\r+2.0E-9\r')])).toMatchObject({
    lines: [],
    error: 'ERR_SERPY_TRUNCATED',
    message:
      'the connection ended within a line: 16 bytes ("+1.0E-9\\r+2.0E-9\\r") came without the terminator "\\n": ' +
      'if the peer ends its lines in another way, set the option terminator to that',
  });
});

describe('a line with bytes that are not text', () => {
  test.each([
    ['utf-8', '20 \xb5s', '20 \ufffds', 3],
    ['utf-8', '\xff\xfe', '\ufffd\ufffd', 0],
    ['ascii', '20 \xc2\xb5s', '20 \ufffd\ufffds', 3],
  ] as const)('in %s is delivered with U+FFFD, and a warning for each such line', (encoding, bytes, text, position) => {
    const { lines, warnings, error } = read([Buffer.from(`fine\n${bytes}\n${bytes}\nfine\n`, 'latin1')], { encoding });
    expect([lines, error]).toEqual([['fine', text, text, 'fine'], undefined]);
    expect(warnings).toMatchObject([{ code: 'ERR_SERPY_ENCODING', character: '\ufffd', position }, {}]);
    expect(warnings[0]?.message).toMatch(
      new RegExp(
        `^the peer sent a line with bytes that are not text in '${encoding}' \\(".*"\\); U\\+FFFD replaces them: set`,
      ),
    );
  });

  test('is none in latin1, nor where the peer sends U+FFFD itself', () => {
    expect(read([Buffer.from([0x80, 0xff, 0x0a])], { encoding: 'latin1' })).toMatchObject({
      lines: ['\x80ÿ'],
      warnings: [],
    });
    expect(read([Buffer.from('\ufffd\n')])).toMatchObject({ lines: ['\ufffd'], warnings: [] });
  });
});
