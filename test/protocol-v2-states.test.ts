/** The tables of states and errors in the session part of docs/protocol-v2.md, row by row: what each end does with an input or a timeout. */
import { v2Protocol } from 'serpy-v2';
import { describe, expect, test } from 'vitest';
import { readHandshakeFrame, u64, writeHandshakeFrame } from './docs/handshake-frames.js';
import { End } from './docs/protocol-end.js';

type Fields = (readonly [type: number, value: Buffer])[];

const terms: Fields = [
  [0x01, u64(1, 1)],
  [0x02, u64(1_000_000)],
  [0x03, u64(5000)],
  [0x04, Buffer.alloc(16, 1)],
  [0x05, u64(1_000_000)],
];
const absence: Fields[number] = [0x07, u64(120_000)];
const [id, secret] = [Buffer.alloc(16, 2), Buffer.alloc(32, 3)];
const given: Fields = [
  [0x08, Buffer.concat([id, secret])],
  [0x09, u64(0)],
];
const hello = writeHandshakeFrame('HELLO', [...terms, absence]);
const welcome = writeHandshakeFrame('WELCO', [...terms, ...given]);
const resumed = writeHandshakeFrame('WELCO', [...terms, [0x83, u64(0, 0)]]);
const refused = writeHandshakeFrame('WELCO', [...terms, [0x06, Buffer.from('no')]]);
const text = Buffer.from('decafecafe21140200000500000068656c6c6f', 'hex');
const message = [{ type: 'str', value: 'hello' }];

const settings = { maxMessageBytes: 1_000_000, autoRestart: true };
const client = (session: 'prefer' | 'require' = 'prefer') => {
  const end = new End(v2Protocol({ ...settings, session }), 'client');
  expect(readHandshakeFrame(end.written()).tag).toBe('serpy HELLO\n');
  return end;
};
const server = (session: 'prefer' | 'require' | 'off' = 'prefer') =>
  new End(v2Protocol({ ...settings, session }), 'server');

const hasSession = ({ session }: End) => session.resumable?.epoch !== undefined;
/** The type of the next frame that an end wrote. */
const written = (end: End) => end.written().toString('hex', 3, 4);

/** A client in a session whose link broke, on its next link, with its HELLO sent. */
function resuming(): End {
  const end = client().receive(welcome);
  end.session.linkDown();
  end.session.linkUp(0);
  end.written();
  return end;
}

describe('the client of docs/protocol-v2.md', () => {
  test('sends nothing while asked, and delivers frames of the base protocol', () => {
    const end = client().receive(text);
    expect([end.session.canSend, end.messages, end.written().length]).toEqual([false, message, 0]);
  });

  test('sends an ACK at once after WELCOME', () => {
    const end = client().receive(welcome);
    expect([hasSession(end), written(end)]).toEqual([true, '02']);
  });

  test.each([
    ['refused', refused],
    ['resumed, which was not asked for', resumed],
    [
      'a number of earlier messages that did not arrive',
      writeHandshakeFrame('WELCO', [...terms, [0x08, Buffer.alloc(48)], [0x09, u64(1)]]),
    ],
    ['a field that is missing', writeHandshakeFrame('WELCO', [...terms.slice(0, 4), ...given])],
    ['a field that occurs twice', writeHandshakeFrame('WELCO', [...terms, ...given, [0x03, u64(1)]])],
    ['a field of another length', writeHandshakeFrame('WELCO', [...terms.slice(0, 4), [0x05, u64(1, 1)], ...given])],
    ['an unknown field from 80', writeHandshakeFrame('WELCO', [...terms, ...given, [0xff, Buffer.alloc(0)]])],
  ])('closes after a WELCOME with %s', (_, bytes) => {
    expect(client().receive(bytes).error).toBe('ERR_SERPY_PROTOCOL');
  });

  test('ignores fields below 80 that it does not know, in any order', () => {
    const fields: Fields = [[0x7f, Buffer.alloc(300)], ...given, ...[...terms].reverse()];
    expect(hasSession(client().receive(writeHandshakeFrame('WELCO', fields)))).toBe(true);
  });

  test('continues without a session after 500 ms, if that is optional', () => {
    const end = client();
    end.wait(499);
    expect(end.session.canSend).toBe(false);
    end.wait(1);
    expect([end.session.canSend, hasSession(end), end.error]).toEqual([true, false, undefined]);
  });

  test('does not ask the same server again for 10 minutes', () => {
    const end = client();
    end.wait(500);
    for (const [afterMs, asks] of [
      [1000, false],
      [10 * 60_000, true],
    ] as const) {
      end.session.linkDown();
      end.nowMs += afterMs;
      end.session.linkUp(end.nowMs);
      expect(end.written().length > 0).toBe(asks);
    }
  });

  test('closes after 500 ms if a session is required', () => {
    const end = client('require');
    end.wait(500);
    expect(end.error).toBe('ERR_SERPY_PROTOCOL');
  });

  test('accepts a late WELCOME if it has sent nothing, and ignores it otherwise', () => {
    const [silent, sending] = [client(), client()];
    for (const end of [silent, sending]) end.wait(500);
    sending.session.send(sending.session.encode('hello', {}));
    for (const end of [silent, sending]) end.receive(welcome);
    expect([silent, sending].map(hasSession)).toEqual([true, false]);
    expect(sending.error).toBeUndefined();
  });

  test('closes after 5 s while resuming, and keeps the session', () => {
    const end = resuming();
    const { epoch } = end.session.resumable ?? {};
    end.wait(4999);
    expect(end.error).toBeUndefined();
    end.wait(1);
    expect([end.error, end.session.resumable?.epoch]).toEqual(['ERR_SERPY_PEER_TIMEOUT', epoch]);
    expect(epoch).toBeDefined();
  });

  test('closes after an impossible position, and requests a new session on the next link', () => {
    const end = resuming();
    end.receive(writeHandshakeFrame('WELCO', [...terms, [0x83, u64(1000, 0)]]));
    expect([end.error, hasSession(end)]).toEqual(['ERR_SERPY_PROTOCOL', false]);
    end.session.linkDown();
    end.session.linkUp(0);
    expect(readHandshakeFrame(end.written()).fields.has(0x83)).toBe(false);
  });

  test('counts attempts from 1, each greater than the last', () => {
    const end = client().receive(welcome);
    for (const attempt of [1, 2, 3]) {
      end.written();
      end.session.linkDown();
      end.session.linkUp(0);
      expect(readHandshakeFrame(end.written()).fields.get(0x83)).toBe(u64(attempt, 0, 0).toString('hex'));
    }
  });

  test('gives up the session after its window, if links open but nothing answers', () => {
    const end = resuming();
    end.session.linkDown();
    end.session.linkUp(120_000);
    expect(readHandshakeFrame(end.written()).fields.has(0x81)).toBe(false);
  });
});

describe('the server of docs/protocol-v2.md', () => {
  test('sends in the base protocol before a HELLO, and states the number in WELCOME', () => {
    const end = server();
    end.session.send(end.session.encode('hello', {}));
    expect(end.written()).toEqual(text);
    end.receive(hello);
    expect(readHandshakeFrame(end.written()).fields.get(0x09)).toBe(u64(1).toString('hex'));
  });

  test('sends nothing after WELCOME before the first frame', () => {
    const end = server().receive(hello);
    expect([readHandshakeFrame(end.written()).tag, end.session.canSend]).toEqual(['serpy WELCO\n', false]);
  });

  test('continues without a session when that frame is one of the base protocol', () => {
    const end = server().receive(hello);
    end.written();
    end.receive(text);
    expect([end.messages, hasSession(end), end.session.canSend]).toEqual([message, false, true]);
  });

  test('closes then if a session is required', () => {
    expect(server('require').receive(hello).receive(text).error).toBe('ERR_SERPY_PROTOCOL');
  });

  test('closes after 5 s without a frame', () => {
    const end = server().receive(hello);
    end.wait(4999);
    expect(end.error).toBeUndefined();
    end.wait(1);
    expect(end.error).toBe('ERR_SERPY_PEER_TIMEOUT');
  });

  test('discards a HELLO that follows another frame', () => {
    const end = server().receive(text).receive(hello);
    expect([end.messages, end.dropped, end.written().length, end.error]).toEqual([message, 1, 0, undefined]);
  });

  test('discards a second HELLO on a link', () => {
    const end = server().receive(hello);
    end.written();
    end.receive(text).receive(hello);
    expect([end.dropped, end.written().length]).toEqual([1, 0]);
  });

  test('discards every HELLO without sessions', () => {
    const end = server('off').receive(hello).receive(text);
    expect([end.messages, end.dropped, end.written().length]).toEqual([message, 1, 0]);
  });

  test('closes after 5 s, or after a frame of the base protocol, if a session is required', () => {
    const [silent, sending] = [server('require'), server('require').receive(text)];
    silent.wait(5000);
    expect([silent, sending].map(({ error }) => error)).toEqual(['ERR_SERPY_PROTOCOL', 'ERR_SERPY_PROTOCOL']);
  });

  test('answers a probe with the offer of a session, and the HELLO with nothing more', () => {
    const end = server().receive(Buffer.from('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f', 'latin1'));
    const [answer, offer] = [end.written(), end.receive(hello).written()];
    expect(answer.toString('hex', 0, 14)).toBe('decafecafe81ffffffff00000000');
    expect(readHandshakeFrame(answer.subarray(14)).tag).toBe('serpy WELCO\n');
    expect(offer).toHaveLength(0);
    expect(end.session.resumable?.epoch).toBeDefined();
  });

  test.each<[string, Fields]>([
    ['a missing field', terms],
    ['a repeated field', [...terms, absence, absence]],
    ['a known field of another length', [...terms, [0x07, u64(1, 1)]]],
    ['an unknown field from 80', [...terms, absence, [0x80, Buffer.alloc(0)]]],
    ['versions that do not contain 1', [[0x01, u64(2, 9)], ...terms.slice(1), absence]],
  ])('refuses a HELLO with %s, and closes', (_, fields) => {
    const end = server().receive(writeHandshakeFrame('HELLO', fields));
    const { fields: answer } = readHandshakeFrame(end.written());
    expect([0x06, 0x08, 0x83, 0x84].map((type) => answer.has(type))).toEqual([true, false, false, false]);
    expect(end.error).toBe('ERR_SERPY_PROTOCOL');
  });

  test.each<[string, Fields]>([
    ['an unknown session', [[0x81, Buffer.alloc(16, 9)]]],
    ['a wrong proof', [[0x81, Buffer.alloc(16)]]],
  ])('gives a new session instead of %s', (_, session) => {
    const protocol = v2Protocol({ ...settings, session: 'prefer' });
    const first = new End(protocol, 'server').receive(hello);
    first.written();
    const fields: Fields = [...terms, absence, ...session, [0x82, Buffer.alloc(32)], [0x83, u64(1, 0, 0)]];
    const end = new End(protocol, 'server').receive(writeHandshakeFrame('HELLO', fields));
    const { fields: answer } = readHandshakeFrame(end.written());
    expect([0x08, 0x09, 0x83, 0x84].map((type) => answer.has(type))).toEqual([true, true, false, true]);
  });

  test.each<[string, (bytes: Buffer) => void]>([
    ['a checksum that is not complemented', (bytes) => bytes.writeUInt32LE(0xffffffff - bytes.readUInt32LE(6), 6)],
    ['another tag', (bytes) => bytes.write('serpx', 14)],
    ['a wrong CRC-32', (bytes) => bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1)],
  ])('treats a HELLO with %s as a frame, not as a HELLO', (_, change) => {
    const bytes = Buffer.from(hello);
    change(bytes);
    const end = server().receive(bytes);
    expect(end.written().length).toBe(0);
    expect(hasSession(end)).toBe(false);
  });

  test('accepts 4,096 bytes of HELLO, whatever the largest message is, and no more', () => {
    const fill = (bytes: number): Fields => [...terms, absence, [0x70, Buffer.alloc(bytes)]];
    const small = hello.length - 14 + 3;
    for (const [payload, answers] of [
      [4096, true],
      [4097, false],
    ] as const) {
      const end = new End(v2Protocol({ maxMessageBytes: 100, session: 'prefer' }), 'server');
      end.receive(writeHandshakeFrame('HELLO', fill(payload - small)));
      expect(end.written().length > 0).toBe(answers);
    }
  });
});
