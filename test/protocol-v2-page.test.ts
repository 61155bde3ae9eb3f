/** docs/protocol-v2.md, compared with serpy-v2, serpy and serpy-core: each vector of the page is encoded and decoded. */
import { createHmac } from 'node:crypto';
import { SharedKey } from 'serpy-core';
import { float, int, v2Protocol } from 'serpy-v2';
import { describe, expect, test } from 'vitest';
import { sharedKey } from '../packages/core/src/security/shared-key.js';
import { createProtocol } from '../packages/serpy/src/create-protocol.js';
import { payloadDigest } from '../packages/serpy-v2/src/reliable/record.js';
import { readHandshakeFrame } from './docs/handshake-frames.js';
import { End, type Message, messageOf } from './docs/protocol-end.js';
import { hexOf, vectorsOf } from './docs/vectors.js';

/** Those of records are in protocol-v2-records.test.ts. */
const vectors = vectorsOf('docs/protocol-v2.md').filter(({ kind }) => !['record', 'request', 'about'].includes(kind));
const ofKind = (kind: string) =>
  vectors.filter((vector) => vector.kind === kind).map((vector) => [vector.name, vector] as const);

const base = { maxMessageBytes: 1_000_000 };

describe('docs/protocol-v2.md: the message', () => {
  test.each(ofKind('v2-message'))('%s is sent as the page says', (_, vector) => {
    const { type, value } = messageOf(vector.text('value'));
    const { session, written } = withWritten(new End(v2Protocol(base), 'client'));
    const given = type === 'int' ? int(value as number) : type === 'float' ? float(value as number) : value;
    session.send(session.encode(given as string, {}));
    expect(written()).toBe(hexOf(vector.bytes('bytes')));
  });

  test.each(ofKind('v2-message'))('%s is received from the bytes of the page', (_, vector) => {
    for (const cut of [1, 13, 1000]) {
      const { messages, error, dropped } = new End(v2Protocol(base), 'server').receive(vector.bytes('bytes'), cut);
      expect({ messages, error, dropped }).toStrictEqual({
        messages: [messageOf(vector.text('value'))],
        error: undefined,
        dropped: 0,
      });
    }
  });
});

function withWritten(end: End) {
  return { session: end.session, written: () => hexOf(end.written()) };
}

test.each(ofKind('v2-receive'))('docs/protocol-v2.md: %s', (_, vector) => {
  for (const cut of [1, 13, 1000]) {
    const end = new End(v2Protocol(base), 'server').receive(vector.bytes('bytes'), cut);
    const ends = end.error === undefined ? end.session.ended()?.code : undefined;
    expect({ messages: end.messages, dropped: end.dropped, error: end.error, ends }).toStrictEqual({
      messages: vector.all('gives').map(messageOf),
      dropped: Number(vector.optional('dropped') ?? 0),
      error: vector.optional('error'),
      ends: vector.optional('ends'),
    });
    expect(hexOf(end.written())).toBe(vector.optional('sends') ?? '');
  }
});

test.each(vectors.filter(({ kind }) => kind === 'digest').map((vector) => [vector.number('length'), vector] as const))(
  'docs/protocol-v2.md: the digest of %i bytes',
  (length, vector) => {
    const payload = Buffer.from(Array.from({ length }, (_, index) => index % 251));
    expect(payloadDigest(payload, 0, length) >>> 0).toBe(Number.parseInt(vector.text('digest'), 16));
  },
);

test.each(ofKind('detection'))('docs/protocol-v2.md: detection, %s', (_, vector) => {
  const role = vector.text('role') as 'client' | 'server';
  const settings = {
    ...base,
    encoding: 'ascii' as const,
    heartbeatIntervalMs: 0,
    modeChangeTimeoutMs: 5000,
    probeTimeoutMs: 250,
    maxUnansweredLinks: 5,
    session: 'off' as const,
  };
  const auto = createProtocol('auto', settings as never);
  const shown = (received: never): Message => {
    const { value } = auto.message(received);
    return Buffer.isBuffer(value) ? { type: 'bytes', value } : { type: 'str', value };
  };
  for (const cut of [1, 1000]) {
    const end = new End(auto as never, role, [], shown).receive(vector.bytes('bytes'), cut);
    end.wait(Number.parseInt(vector.optional('after') ?? '0', 10));
    expect({ sent: hexOf(end.written()), messages: end.messages, error: end.error }).toStrictEqual({
      sent: hexOf(vector.bytes('sends')),
      messages: vector.all('gives').map(messageOf),
      error: vector.optional('error'),
    });
    const { protocol } = end.session as { protocol?: string | undefined };
    if (end.error === undefined) expect(protocol).toBe(vector.optional('speaks'));
  }
});

describe('docs/protocol-v2.md: HELLO and WELCOME', () => {
  const handshakeFrame = (name: string): Buffer => {
    const vector = vectors.find((each) => each.kind === 'negotiation' && each.name === name);
    if (vector === undefined) throw new Error(`the page has no vector ${name}`);
    vector.text('from');
    return vector.bytes('bytes');
  };
  const counting = (start: number, count: number) => Buffer.from(Array.from({ length: count }, (_, i) => start + i));
  const settings = { maxMessageBytes: 64 * 1024 * 1024, session: 'prefer' as const, autoRestart: true };
  /** Ids, secrets and instances of the page, in the order in which an end needs them. */
  const client = () => new End(v2Protocol(settings), 'client', [counting(0xa0, 16)]);
  const random = { first: [counting(0x00, 16), counting(0x20, 32), counting(0xb0, 16)] };
  const server = (protocol = v2Protocol(settings), bytes: readonly Buffer[] = random.first) =>
    new End(protocol, 'server', bytes);

  test.each(ofKind('negotiation'))('%s keeps the rules of the page', (name, vector) => {
    const { tag } = readHandshakeFrame(vector.bytes('bytes'));
    expect(tag).toBe(`serpy ${name.slice(0, 5)}\n`);
    expect(vector.text('from')).toBe(tag.includes('HELLO') ? 'client' : 'server');
  });

  test('a client starts with the HELLO of the page, and accepts the WELCOME', () => {
    const end = client();
    expect(end.written()).toEqual(handshakeFrame('HELLO: begin a session'));
    end.receive(handshakeFrame('WELCOME: a new session'), 10);
    expect([end.error, end.dropped]).toEqual([undefined, 0]);
    expect(end.session.resumable?.epoch).toBeDefined();
    expect(end.written().subarray(0, 4)).toEqual(Buffer.from('18000002', 'hex')); // an ACK, at once
  });

  test('a client with a name starts with the HELLO of the page, and a server knows the name', () => {
    const named = new End(v2Protocol({ ...settings, name: 'camera 2' }), 'client', [counting(0xa0, 16)]);
    const hello = handshakeFrame('HELLO: begin a session, with a name');
    expect(named.written()).toEqual(hello);
    expect(server().receive(hello, 10).session.resumable?.peerName).toBe('camera 2');
  });

  test('a server answers the HELLO of the page with the WELCOME of the page', () => {
    const end = server().receive(handshakeFrame('HELLO: begin a session'), 10);
    expect(end.written()).toEqual(handshakeFrame('WELCOME: a new session'));
    expect(end.session.resumable?.epoch).toBeDefined();
  });

  test('a client resumes with the HELLO of the page, and continues after the WELCOME', () => {
    const end = client().receive(handshakeFrame('WELCOME: a new session'));
    end.written();
    end.session.linkDown();
    end.session.linkUp(0);
    const { epoch } = end.session.resumable ?? {};
    expect(end.written()).toEqual(handshakeFrame('HELLO: resume a session'));
    end.receive(handshakeFrame('WELCOME: resumed'));
    expect(epoch).toBeDefined();
    expect([end.error, end.session.resumable?.epoch]).toEqual([undefined, epoch]);
  });

  test('a server resumes over another link, once for each attempt', () => {
    const protocol = v2Protocol(settings);
    const first = client();
    const old = server(protocol).receive(first.written());
    first.receive(old.written());
    old.receive(first.written());
    const { epoch } = old.session.resumable ?? {};
    const other = server(protocol, []).receive(handshakeFrame('HELLO: resume a session'));
    expect(other.written()).toHaveLength(0);
    expect(old.written()).toEqual(handshakeFrame('WELCOME: resumed'));
    expect(old.session.resumable?.epoch).toBe(epoch);
    const replayed = server(protocol, []).receive(handshakeFrame('HELLO: resume a session'));
    expect(readHandshakeFrame(replayed.written()).fields.has(0x84)).toBe(true);
  });

  /** A frame without the text of the reason, which is for users. */
  const withoutReason = (bytes: Buffer) => {
    const { tag, fields } = readHandshakeFrame(bytes);
    expect(fields.get(0x06)).toMatch(/./);
    return { tag, fields: new Map([...fields].filter(([type]) => type !== 0x06)) };
  };

  test('a server without the session starts a new one, and the client accepts it', () => {
    const page = handshakeFrame('WELCOME: lost, a new session instead');
    const bytes = [counting(0x10, 16), counting(0x40, 32), counting(0xb0, 16)];
    const end = server(v2Protocol(settings), bytes).receive(handshakeFrame('HELLO: resume a session'));
    expect(withoutReason(end.written())).toEqual(withoutReason(page));
    const resuming = client().receive(handshakeFrame('WELCOME: a new session'));
    const { epoch } = resuming.session.resumable ?? {};
    resuming.session.linkDown();
    resuming.session.linkUp(0);
    resuming.receive(page);
    expect(resuming.error).toBeUndefined();
    expect(resuming.session.resumable?.epoch).toBeDefined();
    expect(resuming.session.resumable?.epoch).not.toBe(epoch);
  });

  test('a server refuses other versions, and a refused client closes', () => {
    const end = server(v2Protocol(settings), [counting(0xb0, 16)]).receive(
      handshakeFrame('HELLO: versions 2 to 3 only'),
    );
    expect(end.error).toBe('ERR_SERPY_PROTOCOL');
    expect(withoutReason(end.written())).toEqual(withoutReason(handshakeFrame('WELCOME: refused')));
    expect(client().receive(handshakeFrame('WELCOME: refused')).error).toBe('ERR_SERPY_PROTOCOL');
  });

  test.each(ofKind('proof'))('the proof of an attempt is what the page computes (%#)', (_, vector) => {
    const hmac = createHmac('sha256', vector.bytes('secret'));
    hmac
      .update('serpy resume\n')
      .update(vector.bytes('id'))
      .update(`\n${vector.number('attempt')}`);
    expect(hexOf(hmac.digest())).toBe(hexOf(vector.bytes('proof')));
    const end = client().receive(handshakeFrame('WELCOME: a new session'));
    for (let attempt = 0; attempt < vector.number('attempt'); attempt++) {
      end.written();
      end.session.linkDown();
      end.session.linkUp(0);
    }
    const { fields } = readHandshakeFrame(end.written());
    expect(fields.get(0x82)).toBe(vector.bytes('proof').toString('hex'));
    expect(fields.get(0x81)).toBe(vector.bytes('id').toString('hex'));
  });
});

test.each(ofKind('psk'))('docs/protocol-v2.md: the PSK of a key (%#)', (_, vector) => {
  const secret = vector.bytes('secret');
  const extracted = createHmac('sha256', Buffer.alloc(32)).update(secret).digest();
  const expanded = createHmac('sha256', extracted).update('serpy 1 tls-psk client\x01').digest();
  expect(hexOf(expanded)).toBe(hexOf(vector.bytes('psk')));
  expect(hexOf(new SharedKey(secret).psk)).toBe(hexOf(vector.bytes('psk')));
  expect(hexOf(sharedKey(vector.text('key')).psk)).toBe(hexOf(vector.bytes('psk')));
});

test('every vector of docs/protocol-v2.md is used, with all of its lines', () => {
  expect(vectors.length).toBeGreaterThan(60);
  const kinds = ['digest', 'v2-message', 'v2-receive', 'detection', 'negotiation', 'proof', 'psk'];
  expect([...new Set(vectors.map(({ kind }) => kind))]).toEqual(kinds);
  expect(vectors.filter(({ unused }) => unused.length > 0).map(({ place, unused }) => [place, unused])).toEqual([]);
});
