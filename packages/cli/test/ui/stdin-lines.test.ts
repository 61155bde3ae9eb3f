import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { stdinLines } from '../../src/ui/stdin-lines.js';

const { signal } = new AbortController();

/** The lines of these bytes, which come in chunks of a size. */
async function lines(bytes: Uint8Array, chunkBytes: number, encoding?: string, maxLineBytes = 1000): Promise<string[]> {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
  const got: string[] = [];
  for await (const line of stdinLines(Readable.from(chunks), { encoding, maxLineBytes, signal })) got.push(line);
  return got;
}

describe('the lines of stdin', () => {
  const text = 'one\r\ntwo\n\na\u2028b\u2029c\rd\u0085e\u000bf\u000cg\r\r\nwörld \u{1f600}\n\ufefflast';
  const expected = ['one', 'two', '', 'a\u2028b\u2029c\rd\u0085e\u000bf\u000cg\r', 'wörld \u{1f600}', '\ufefflast'];

  test.each([1, 2, 3, 5, 1000])('end at LF and CRLF alone, in chunks of %i bytes', async (chunkBytes) => {
    expect(await lines(Buffer.from(text), chunkBytes)).toEqual(expected);
    expect(await lines(Buffer.from(text, 'utf16le'), chunkBytes, 'utf-16le')).toEqual(expected);
    expect(await lines(Buffer.from(text, 'utf16le').swap16(), chunkBytes, 'utf-16be')).toEqual(expected);
  });

  test('hold no byte 0A of UTF-16 for the end of one', async () => {
    const odd = 'ab\u0a0ac\u0a00d\u000be\nf';
    expect(await lines(Buffer.from(odd, 'utf16le'), 3, 'utf-16le')).toEqual(['ab\u0a0ac\u0a00d\u000be', 'f']);
    expect(await lines(Buffer.from(odd, 'utf16le').swap16(), 3, 'utf-16be')).toEqual(['ab\u0a0ac\u0a00d\u000be', 'f']);
  });

  test('begin behind a byte order mark', async () => {
    expect(await lines(Buffer.from('\ufeff1\n2'), 2)).toEqual(['1', '2']);
    expect(await lines(Buffer.from('\ufeff1\n2', 'utf16le'), 2, 'utf-16le')).toEqual(['1', '2']);
  });

  test('are none where nothing comes', async () => {
    expect(await lines(Buffer.alloc(0), 1)).toEqual([]);
    expect(await lines(Buffer.from('\n'), 1)).toEqual(['']);
  });

  test.each([
    [
      '20 \xb5s in another encoding',
      Buffer.from('ok\n20 \xb5s\n', 'latin1'),
      'line 2 of stdin is not UTF-8: add its --encoding',
    ],
    ['half a character at the end', Buffer.from('ok\nw\xc3', 'latin1'), 'line 2 of stdin is not UTF-8'],
    [
      'UTF-16 of a PowerShell',
      Buffer.from('\ufeffone\n', 'utf16le'),
      'it looks like UTF-16, so add --encoding utf-16le',
    ],
  ])('are refused by their number: %s', async (_name, bytes, words) => {
    await expect(lines(bytes, 1)).rejects.toThrow(words);
    await expect(lines(bytes, 1000)).rejects.toThrow(words);
  });

  test('in another encoding are read with its name', async () => {
    expect(await lines(Buffer.from('20 \xb5s\n', 'latin1'), 1, 'latin1')).toEqual(['20 µs']);
    await expect(lines(Buffer.from('abc', 'latin1'), 1, 'utf-16le')).rejects.toThrow('line 1 of stdin is not UTF-16LE');
  });

  test('are refused when they are too long, before the rest has come', async () => {
    const endless = Readable.from(
      (function* () {
        yield Buffer.from('short\n');
        for (;;) yield Buffer.alloc(100, 'x');
      })(),
    );
    const reading = stdinLines(endless, { maxLineBytes: 1000, signal });
    expect((await reading.next()).value).toBe('short');
    await expect(reading.next()).rejects.toThrow('line 2 of stdin exceeds the limit of 1000 bytes');
  });

  test('end without an error when they are not wanted any more', async () => {
    const stop = new AbortController();
    const stdin = new Readable({ read() {} });
    const reading = stdinLines(stdin, { maxLineBytes: 1000, signal: stop.signal });
    stdin.push('one\ntw');
    expect((await reading.next()).value).toBe('one');
    stop.abort();
    expect((await reading.next()).done).toBe(true);
    expect(stdin.destroyed).toBe(true);
  });
});
