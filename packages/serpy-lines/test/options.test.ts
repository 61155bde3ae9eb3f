/** The options that lines add, and those that they do not have. */
import { constants } from 'node:buffer';
import { Connection, createDecoderStream, Server } from 'serpy-lines';
import { describe, expect, test } from 'vitest';

/** The message with which both ends refuse options. */
function refused(options: object): string {
  const messages = [() => new Connection(options), () => new Server({ port: 0, ...options })].map((make) => {
    try {
      make();
      return 'nothing was thrown';
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_SERPY_OPTION' });
      return (error as Error).message;
    }
  });
  expect(messages[1]?.split(':')[0]).toBe(messages[0]?.split(':')[0]);
  return messages[0] ?? '';
}

describe('terminator', () => {
  test.each(['\n', '\r\n', '\r', '\0', ';', '12345678', 'µµµµ'])('may be %j', (terminator) => {
    expect(() => [new Connection({ terminator }), new Server({ port: 0, terminator })]).not.toThrow();
  });

  test.each([
    ['', "''"],
    ['123456789', "'123456789'"],
    ['µµµµµ', "'µµµµµ'"],
    [10, '10'],
    [null, 'null'],
    [Buffer.of(10), '<Buffer 0a>'],
  ])('is refused if it is %j', (terminator, shown) => {
    const message = `the option terminator takes a string of 1 to 8 bytes such as '\\r\\n', not ${shown}`;
    expect(refused({ terminator })).toBe(message);
    expect(() => createDecoderStream({ terminator } as never)).toThrow(message);
  });

  test('is refused if the encoding lacks one of its characters', () => {
    expect(refused({ terminator: 'µ', encoding: 'ascii' })).toMatch(
      /^the option terminator: the character "µ" at position 0 does not fit into the encoding 'ascii': set the option encoding/,
    );
    expect(refused({ terminator: '\ud800' })).toMatch(/^the option terminator: .* half a character/);
    expect(refused({ terminator: '\xff', encoding: 'utf-16' })).toMatch(
      /encoding takes 'utf-8' or 'ascii' or 'latin1'/,
    );
  });
});

test('maxMessageBytes is at most what a string can hold', () => {
  expect(() => new Connection({ maxMessageBytes: constants.MAX_STRING_LENGTH })).not.toThrow();
  expect(refused({ maxMessageBytes: constants.MAX_STRING_LENGTH + 1 })).toMatch(/maxMessageBytes takes a whole number/);
});

test('session can only be off, and the error says what has sessions', () => {
  expect(() => [new Connection({ session: 'off' }), new Server({ port: 0, session: 'off' })]).not.toThrow();
  expect(refused({ session: 'prefer' })).toBe(
    "the option session takes 'off', not 'prefer': lines have no sessions; leave it out, or use serpy-v2 at both ends",
  );
});
