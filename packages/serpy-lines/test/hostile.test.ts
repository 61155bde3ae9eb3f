/** Bytes that do harm to careless readers: lines without an end, floods, and peers of other protocols. */
import { everyCut } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { newSession, read } from './conversation.js';

describe('a line without an end', () => {
  test.each(['\n', '\r\n', '\r', 'END'])('ends the connection at maxMessageBytes, terminator %j', (terminator) => {
    const { session } = newSession({ terminator, maxMessageBytes: 10_000 });
    let receivedBytes = 0;
    const flood = () => {
      for (; receivedBytes < 100_000; receivedBytes += 100) {
        session.receive(Buffer.alloc(100, 'x'));
        session.read();
        session.retainUnread();
      }
    };
    expect(flood).toThrow(expect.objectContaining({ code: 'ERR_SERPY_TOO_LARGE', limitBytes: 10_000 }));
    expect(receivedBytes).toBeLessThan(10_200);
  });

  test.each([
    ['aab', 'a'],
    ['END\r\n', 'E'],
    ['\r\n', '\r'],
    ['\r;', '\r'],
  ])('of the terminator %j costs time in proportion to its bytes, even if it repeats %j', (terminator, part) => {
    const maxMessageBytes = 4 * 1024 * 1024;
    const { session } = newSession({ terminator, maxMessageBytes });
    const chunk = Buffer.alloc(1000, part);
    for (let bytes = 0; bytes < maxMessageBytes - 1000; bytes += 1000) {
      session.receive(chunk);
      expect(session.read()).toBeUndefined();
      session.retainUnread();
    }
    expect(session.partialBytes).toBeGreaterThan(maxMessageBytes - 3000);
  });
});

describe('maxMessageBytes', () => {
  test.each(['\n', '\r\n', ';', 'END'])(
    'lets a line of that size pass, and none of one byte more; terminator %j',
    (end) => {
      for (const { name, chunks } of everyCut(Buffer.from(`${'x'.repeat(50)}${end}`))) {
        expect(read(chunks, { terminator: end, maxMessageBytes: 50 }).lines, name).toHaveLength(1);
        const { lines, error } = read(chunks, { terminator: end, maxMessageBytes: 49 });
        expect([lines, error], name).toEqual([[], 'ERR_SERPY_TOO_LARGE']);
      }
    },
  );

  test('lets a line of that size pass that ends with \\r\\n', () => {
    for (const { chunks } of everyCut(Buffer.from(`${'x'.repeat(50)}\r\n`))) {
      expect(read(chunks, { maxMessageBytes: 50 }).lines).toHaveLength(1);
    }
  });
});

test('empty lines and NULs are lines, however many', () => {
  expect(read([Buffer.alloc(5000, '\n')]).lines).toEqual(Array.from({ length: 5000 }, () => ''));
  expect(read([Buffer.from('\0\0\n\0\n')]).lines).toEqual(['\0\0', '\0']);
});

describe('a peer of another protocol is refused before its first line is delivered', () => {
  test.each([
    ['a web page that posts commands', 'POST / HTTP/1.1\r\nHost: x\r\n\r\n*RST\n', 'HTTP'],
    ['the same with a long path', `POST /${'x'.repeat(700)} HTTP/1.1\r\n\r\n*RST\n`, 'HTTP'],
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n', 'HTTP'],
    ['TLS', '\x16\x03\x01\x02\x00', 'TLS'],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n', 'SSH'],
    ['telnet', '\xff\xfb\x01login:', 'telnet'],
    ['v2', '\xde\xca\xfe\xca\xfe\x00', 'serpy-v2'],
    ['v1', '\x01SETMODE1\x1f', 'serpy-v1'],
  ])('%s', (_, bytes, name) => {
    for (const { name: cut, chunks } of everyCut(Buffer.from(bytes, 'latin1'))) {
      const { lines, error, message } = read(chunks);
      expect([lines, error], cut).toEqual([[], 'ERR_SERPY_PROTOCOL']);
      expect(message, cut).toMatch(new RegExp(`^the peer does not send lines of text: .*${name}`));
    }
  });

  test('a web page, with the terminator \\r', () => {
    const bytes = Buffer.from('POST / HTTP/1.1\r\nHost: x\r\n\r\n*RST\r');
    expect(read([bytes], { terminator: '\r' })).toMatchObject({ lines: [], error: 'ERR_SERPY_PROTOCOL' });
  });

  test('a web page whose request is a part of one long line, in any pieces', () => {
    const request = `GET /${'x'.repeat(120)} HTTP/1.1\r\n${'y'.repeat(300)};`;
    for (const { name, chunks } of everyCut(Buffer.from(request))) {
      expect(read(chunks, { terminator: ';' }), name).toMatchObject({ lines: [], error: 'ERR_SERPY_PROTOCOL' });
    }
  });

  test('and a later line may be anything', () => {
    expect(read([Buffer.from('help\nGET / HTTP/1.1\r\n')]).lines).toEqual(['help', 'GET / HTTP/1.1']);
  });
});
