import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { generateKey, keyOption, SharedKey, sharedKey } from '../../src/security/shared-key.js';

const folder = mkdtempSync(join(tmpdir(), 'serpy-key-'));
afterAll(() => rmSync(folder, { recursive: true }));

const secret = Buffer.from(Array.from({ length: 32 }, (_, i) => 7 * i + 1));
const { psk } = new SharedKey(secret);

let files = 0;

function keyFile(content: string, encoding: BufferEncoding = 'utf8'): { file: string } {
  const file = join(folder, `${files++}-lab.key`);
  writeFileSync(file, content, { encoding, mode: 0o600 });
  return { file };
}

describe('a key', () => {
  test('that is generated has 32 random bytes as text, and is accepted', () => {
    const [first, second] = [generateKey(), generateKey()];
    expect(first).toMatch(/^[\w-]{43}$/);
    expect(first).not.toBe(second);
    expect(Buffer.from(first, 'base64url')).toHaveLength(32);
    expect(sharedKey(first).psk).toHaveLength(32);
    expect(sharedKey(first).psk).not.toEqual(sharedKey(second).psk);
  });

  test.each<[string, unknown]>([
    ['base64url', secret.toString('base64url')],
    ['base64', secret.toString('base64')],
    ['hexadecimal digits', secret.toString('hex')],
    ['large hexadecimal digits', secret.toString('hex').toUpperCase()],
    ['text between blanks', `  ${secret.toString('base64url')}\n`],
    ['bytes', secret],
    ['a Uint8Array', new Uint8Array(secret)],
    ['a file', keyFile(`${secret.toString('hex')}\r\n`)],
    ['a file that PowerShell wrote', keyFile(`\uFEFF${secret.toString('base64url')}\r\n`, 'utf16le')],
    ['a key that was read before', new SharedKey(secret)],
  ])('is the same as %s', (_, given) => {
    expect(sharedKey(given as string).psk).toEqual(psk);
  });

  test('is not used itself: TLS gets a derived key, for the roles of client and server', () => {
    expect(psk).toHaveLength(32);
    expect(psk).not.toEqual(secret);
    // RFC 5869 without a salt, computed by another program.
    expect(psk.toString('hex')).toBe('421f11bd9e74d65a551367bf965c32090a6001e39d0e8f37865a096eb600452c');
  });

  test('of 31 bytes is refused in every form, and the error says how to create one', () => {
    const short = secret.subarray(1);
    const forms = [short, short.toString('hex'), short.toString('base64url'), keyFile(short.toString('base64'))];
    for (const given of forms) {
      expect(() => keyOption.parse(given, 'key')).toThrow(
        /at least 32 random bytes, got 31 bytes\): create one with generateKey\(\)/,
      );
    }
  });

  test.skipIf(process.platform === 'win32')(
    'in a world-readable file causes one warning, with the command that changes the permissions',
    () => {
      const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
      onTestFinished(() => warning.mockRestore());
      const key = keyFile(generateKey());
      for (const mode of [0o600, 0o640, 0o644, 0o644]) {
        chmodSync(key.file, mode);
        sharedKey(key);
      }
      expect(warning.mock.calls).toEqual([
        [
          `every user of this computer can read the key file ${key.file}: run chmod 600 ${key.file}`,
          { type: 'SecurityWarning', code: 'SERPY_KEY_FILE' },
        ],
      ]);
    },
  );

  test.each([
    ['words', 'correct-horse-battery-staple-and-many-more-words'],
    ['words with a capital', 'Correct_horse_battery_staple_and_many_more_words'],
    ['words in capitals', 'CORRECT-HORSE-BATTERY-STAPLE-AND-MANY-MORE-WORDS'],
    ['digits', '1234567890'.repeat(5).slice(0, 49)],
  ])('is not a passphrase of %s, however long', (_, given) => {
    expect(() => keyOption.parse(given, 'key')).toThrow(
      'the option key is not a valid key (expected at least 32 random bytes',
    );
  });

  test.each([
    ['a word', 'correct horse battery staple'],
    ['nothing', ''],
    ['a number', 5],
    ['null', null],
    ['an empty object', {}],
    ['an object with more', { file: 'x', mode: 1 }],
    ['a path that is no text', { file: 5 }],
    ['true', true],
  ])('is not %s, and the error does not show what was given', (_, given) => {
    expect(() => keyOption.parse(given, 'key')).toThrow(
      expect.objectContaining({
        code: 'ERR_SERPY_OPTION',
        message: expect.stringMatching(/^the option key .*generateKey\(\)/),
      }),
    );
    expect(() => keyOption.parse(given, 'key')).not.toThrow(/horse/);
  });

  test('in a missing or wrong file is refused with the name of the file', () => {
    expect(() => sharedKey({ file: join(folder, 'none.key') })).toThrow(/none\.key cannot be read: ENOENT/);
    expect(() => sharedKey(keyFile('-----BEGIN CERTIFICATE-----'))).toThrow(
      /lab\.key is not a valid key .*: create one with generateKey/,
    );
  });

  test('is never printed with its settings', () => {
    const settings = { port: 1, key: new SharedKey(secret) };
    const printed = [
      inspect(settings),
      JSON.stringify(settings),
      String(settings.key),
      inspect(settings, { showHidden: true }),
    ];
    expect(printed[0]).toContain('SharedKey (hidden)');
    for (const text of printed) {
      for (const bytes of [secret, psk]) {
        expect(text).not.toContain(bytes.toString('hex').slice(0, 8));
        expect(text).not.toContain(bytes.toString('base64').slice(0, 8));
        expect(text).not.toContain([...bytes.subarray(0, 4)].join(', '));
      }
    }
  });
});
