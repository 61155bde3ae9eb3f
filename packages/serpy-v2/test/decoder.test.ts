/** What is made of every stream that a peer may send: whole and cut, damaged, strange and hostile. */
import { ChecksumError, MessageTooLargeError, ProtocolError, TruncatedError } from 'serpy-core';
import { byteByByte, everyCut } from 'serpy-core/testing';
import { describe, expect, test, vi } from 'vitest';
import { probe } from '../src/wire/constants.js';
import { expectMessages, frameOf, receive } from './conversation.js';
import * as oracle from './oracle.js';

const hello = frameOf('hello');
const helloMessage = { type: 'str', value: 'hello' } as const;
const goodbye = frameOf('goodbye');
const goodbyeMessage = { type: 'str', value: 'goodbye' } as const;

/** A header of any content, without a payload. */
function header(type: number, checksum: number, payloadBytes: number): Buffer {
  const bytes = Buffer.from('decafecafe000000000000000000', 'hex');
  bytes[5] = type;
  bytes.writeUInt32LE(checksum, 6);
  bytes.writeUInt32LE(payloadBytes, 10);
  return bytes;
}

/** A frame whose checksum is the complement of the right one. */
function damaged(type: number, payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.from(oracle.frame(type, bytes, ~oracle.byteSum(bytes) >>> 0));
}

describe('the end of the stream', () => {
  test('after each part of a frame is a truncated message, and none before and after it', () => {
    const stream = Buffer.concat([hello, goodbye]);
    for (let end = 0; end <= stream.length; end++) {
      const { ended, messages, error } = receive(end > 0 ? [stream.subarray(0, end)] : []);
      const whole = (end >= hello.length ? 1 : 0) + (end >= stream.length ? 1 : 0);
      expect([error, messages.length], `${end} bytes`).toEqual([undefined, whole]);
      if (end === 0 || end === hello.length || end === stream.length) expect(ended, `${end} bytes`).toBeUndefined();
      else expect(ended, `${end} bytes`).toBeInstanceOf(TruncatedError);
    }
  });

  test('tells how much of a header or message had come', () => {
    expect(receive([hello.subarray(0, 9)]).ended?.message).toContain('in the middle of a header: 9 of 14 bytes');
    expect(receive([hello.subarray(0, 14)]).ended?.message).toContain('in the middle of a message: 0 of 5 bytes');
    expect(receive(byteByByte(hello.subarray(0, 17))).ended?.message).toContain(
      'in the middle of a message: 3 of 5 bytes',
    );
  });

  test('in the middle of a damaged frame is a truncated message', () => {
    const { ended, warnings } = receive([damaged(0x81, 'lost').subarray(0, -1)]);
    expect(ended).toBeInstanceOf(TruncatedError);
    expect(warnings).toEqual([]);
  });

  test('in the middle of a probe is a truncated header, after it is nothing', () => {
    for (let end = 1; end < probe.length; end++) {
      expect(receive(byteByByte(probe.subarray(0, end))).ended, `${end} bytes`).toBeInstanceOf(TruncatedError);
    }
    expect(receive([probe])).toEqual({ messages: [], warnings: [], damaged: 0, error: undefined, ended: undefined });
  });
});

describe('wrong magic', () => {
  test.each([0, 1, 2, 3, 4])(
    'is noticed as soon as its byte %i is there, in the first frame and in a later one',
    (position) => {
      for (const before of [Buffer.alloc(0), hello]) {
        const wrong = Buffer.from(goodbye);
        wrong[position] = (wrong[position] as number) ^ 0x40;
        const stream = Buffer.concat([before, wrong]);
        const atFault = before.length + position + 1;

        const earlier = receive(byteByByte(stream.subarray(0, atFault - 1)));
        expect(earlier.error).toBeUndefined();
        const now = receive(byteByByte(stream.subarray(0, atFault)));
        expect(now.error).toBeInstanceOf(ProtocolError);
        expect(now.error?.message).toContain(
          `starts with ${wrong.toString('hex', 0, position + 1)}, not with decafecafe`,
        );
        expectMessages(now.messages, before.length > 0 ? [helloMessage] : []);
      }
    },
  );

  test.each([0, 1, 2, 3, 4])(
    'at byte %i is noticed however the stream is cut, after the messages before it',
    (position) => {
      const wrong = Buffer.from(goodbye);
      wrong[position] = (wrong[position] as number) ^ 0x01;
      for (const { name, chunks } of everyCut(Buffer.concat([hello, hello, wrong]))) {
        const { messages, error } = receive(chunks);
        expect(error, name).toBeInstanceOf(ProtocolError);
        expectMessages(messages, [helloMessage, helloMessage], name);
      }
    },
  );

  test.each([
    ['a web browser', 'GET / HTTP/1.1\r\nHost: instrument\r\n\r\n', 'HTTP'],
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'HTTP'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefgh', 'TLS'],
    ['TLS that answers', '\x15\x03\x03\x00\x02\x02\x0a', 'TLS'],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n', 'SSH'],
    ['a v1 peer that changes its mode', '\x01SETMODE2\x1fYMT\x1f', 'it looks like v1'],
    ['a v1 peer that answers', '\x01ACKMODCG\x1f', 'it looks like v1'],
    ['a v1 peer that sends text', 'measure\x1f', 'it looks like v1'],
    ['an instrument that sends lines', '400 counts and more\n', 'it looks like lines of text: it has sent "400 counts'],
    ['an instrument with SCPI', '-113,"Undefined header"\n', 'it looks like an instrument with SCPI commands'],
    ['telnet', '\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27\xff\xfd\x24', 'it looks like telnet'],
  ])('of %s is named', (_who, start, named) => {
    const { error } = receive([Buffer.from(start, 'latin1')]);
    expect(error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL' });
    expect(error?.message).toContain(named);
  });

  test('of no known protocol are reported without a guess', () => {
    const { error } = receive([Buffer.from('00112233445566778899aabbccddeeff', 'hex')]);
    expect(error?.message).toBe(
      'the peer does not speak v2: a message starts with 00112233445566778899aabbccdd, not with decafecafe',
    );
  });
});

describe('a wrong checksum', () => {
  test.each([
    ['of a text', damaged(0x21, 'lost')],
    ['of no bytes', Buffer.from(oracle.frame(0x81, [], 1))],
    ['of a text that is not UTF-8', damaged(0x21, Buffer.of(0xff))],
    ['of a type that does not exist', damaged(0x7e, 'an extension')],
    ['one too high', Buffer.from(oracle.frame(0x81, [1, 2], 4))],
    ['one too low', Buffer.from(oracle.frame(0x81, [1, 2], 2))],
    ['right but for the order of its bytes', Buffer.from(oracle.frame(0x81, [255, 255], 0xfe010000))],
  ])('%s drops that frame and warns once; those around it arrive', (_what, bad) => {
    for (const { name, chunks } of everyCut(Buffer.concat([hello, bad, goodbye]))) {
      const { messages, warnings, error, ended } = receive(chunks);
      expectMessages(messages, [helloMessage, goodbyeMessage], name);
      expect(warnings.length, name).toBe(1);
      expect(warnings[0], name).toBeInstanceOf(ChecksumError);
      expect([error, ended], name).toEqual([undefined, undefined]);
    }
  });

  test('is reported with its size and both checksums', () => {
    const { warnings } = receive([Buffer.from(oracle.frame(0x81, [1, 2], 7))]);
    expect(warnings[0]?.message).toBe('a message of 2 bytes arrived damaged and was dropped: its checksum is 3, not 7');
  });

  test('is reported once for a run of damaged frames, with their number', () => {
    const bad = damaged(0x81, 'x');
    const { messages, warnings, damaged: count } = receive([Buffer.concat([...Array<Buffer>(200).fill(bad), hello])]);
    expectMessages(messages, [helloMessage]);
    expect(count).toBe(200);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toContain('; 199 more like it came with it');
  });

  test('ends the stream once there are 256 more damaged frames than whole ones, and not before', () => {
    const bad = damaged(0x81, 'x');
    const run = Buffer.concat(Array<Buffer>(100).fill(bad));
    const good = Buffer.concat(Array<Buffer>(50).fill(hello));
    const borne = receive([run, good, run, good, run, good, bad]);
    expect([borne.error, borne.damaged]).toEqual([undefined, 301]);
    const { error, damaged: count } = receive([run, run, run, hello]);
    expect(error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('256 more damaged') });
    expect(count).toBe(257);
  });
});

describe('a frame that cannot be read', () => {
  test.each([
    ['an unknown type', oracle.frame(0x7e, [1, 2, 3]), 'type 7E'],
    ['the type 00 without a payload', oracle.frame(0x00, []), 'type 00'],
    ['a text that is not UTF-8', oracle.frame(0x21, [0x61, 0xff]), 'UTF-8'],
    ['a float without a text', oracle.frame(0x11, []), 'float'],
    ['a float in decimal notation', oracle.frame(0x11, Buffer.from('1.5e-3')), '1.5e-3'],
    ['a float that is too large', oracle.frame(0x11, Buffer.from('0x1p1024')), 'too large'],
  ])(
    'ends the stream with a protocol error: %s; what came before it is delivered, what follows is not',
    (_what, bad, named) => {
      for (const { name, chunks } of everyCut(Buffer.concat([hello, Buffer.from(bad), goodbye]))) {
        const { messages, warnings, error } = receive(chunks);
        expectMessages(messages, [helloMessage], name);
        expect(error, name).toBeInstanceOf(ProtocolError);
        expect(error?.message, name).toContain(named);
        expect(warnings.length, name).toBe(0);
      }
    },
  );
});

describe('the length of a message', () => {
  const max = 1000;
  const bytesOf = (length: number) => Buffer.from(oracle.frame(0x81, Buffer.alloc(length, 3)));

  test.each([0, 1, max - 1, max])('%i, of up to 1000, arrives', (length) => {
    for (const { name, chunks } of everyCut(Buffer.concat([bytesOf(length), goodbye]))) {
      const { messages, error, ended } = receive(chunks, max);
      expectMessages(messages, [{ type: 'bytes', value: Buffer.alloc(length, 3) }, goodbyeMessage], name);
      expect([error, ended], name).toEqual([undefined, undefined]);
    }
  });

  test.each([max + 1, 2 ** 31, 2 ** 32 - 1])(
    '%i, above the limit of 1000, is refused from its header alone',
    (length) => {
      const stream = Buffer.concat([hello, header(0x81, 0, length)]);
      for (const { name, chunks } of everyCut(stream)) {
        const { messages, error } = receive(chunks, max);
        expectMessages(messages, [helloMessage], name);
        expect(error, name).toBeInstanceOf(MessageTooLargeError);
        expect(error, name).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE', sizeBytes: length, limitBytes: max });
        expect(error?.message, name).toContain('maxMessageBytes');
      }
    },
  );

  test('above the limit is refused even if the checksum is wrong or the type does not exist', () => {
    expect(receive([header(0x7e, 1, max + 1)], max).error).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE' });
  });

  test('that a header merely claims is not allocated: 4 GiB with 100 bytes of it there', () => {
    const allocated: number[] = [];
    const spies = (['allocUnsafeSlow', 'allocUnsafe', 'alloc'] as const).map((name) => {
      const original: (size: number) => Buffer<ArrayBuffer> = Buffer[name];
      return vi.spyOn(Buffer, name).mockImplementation((size: number) => {
        allocated.push(size);
        return original(size);
      });
    });
    const before = process.memoryUsage().arrayBuffers;
    const chunks = [header(0x81, 0, 2 ** 32 - 1), ...byteByByte(Buffer.from('x'.repeat(100)))];
    const { ended, error } = receive(chunks, 2 ** 32 - 1);
    for (const spy of spies) spy.mockRestore();
    expect(error).toBeUndefined();
    expect(ended?.message).toContain('100 of 4294967295 bytes');
    expect(Math.max(...allocated)).toBeLessThanOrEqual(16 * 1024);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });
});

describe('the probe of a client that does not know the protocol', () => {
  test('is 14 bytes, as a header is, and skipped at the start of the stream', () => {
    expect(probe.toString('latin1')).toBe('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f');
    expect(probe.length).toBe(14);
    for (const { name, chunks } of everyCut(Buffer.concat([probe, hello, goodbye]))) {
      const { messages, warnings, error, ended } = receive(chunks);
      expectMessages(messages, [helloMessage, goodbyeMessage], name);
      expect([warnings, error, ended], name).toEqual([[], undefined, undefined]);
    }
  });

  test.each([
    ['a second time', [probe, probe, hello], 0],
    ['after a message', [hello, probe, goodbye], 1],
    ['after a damaged message', [damaged(0x7e, 'x'), probe, goodbye], 0],
  ])('is not skipped %s', (_when, parts, delivered) => {
    for (const { name, chunks } of everyCut(Buffer.concat(parts))) {
      const { messages, error } = receive(chunks);
      expect(messages.length, name).toBe(delivered);
      expect(error, name).toBeInstanceOf(ProtocolError);
    }
  });

  test('is distinguished from similar bytes as soon as a byte differs', () => {
    for (let position = 1; position < probe.length; position++) {
      const other = Buffer.from(probe.subarray(0, position + 1));
      other[position] = 0x7f;
      expect(receive(byteByByte(other.subarray(0, position))).error).toBeUndefined();
      expect(receive(byteByByte(other)).error?.message, `byte ${position}`).toContain('it looks like v1');
    }
  });
});
