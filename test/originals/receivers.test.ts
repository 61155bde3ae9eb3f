/** The models of the Python peers: each violated rule is reported at the byte that violates it. */
import { readFileSync } from 'node:fs';
import { byteByByte } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { frame } from '../../packages/serpy-v2/test/oracle.js';
import { type Answer, V1Receiver, type V1ReceiverOptions } from './v1.js';
import { probeReadMs, V2Receiver } from './v2.js';

/** Bytes with `|` for `1F`, `␄` for `04` and `^` for `01`. */
function wire(text: string): Buffer {
  return Buffer.from(text.replaceAll('|', '\x1f').replaceAll('␄', '\x04').replaceAll('^', '\x01'), 'latin1');
}

function vectors<Row>(name: string): Row[] {
  const file = new URL(`../vectors/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { vectors: Row[] }).vectors;
}

describe('the v1 model', () => {
  function hear(stream: string | Buffer, options: V1ReceiverOptions = {}, due: readonly Answer[] = []) {
    const answers: Answer[] = [];
    const receiver = new V1Receiver(options, (answer) => answers.push(answer));
    for (const each of due) receiver.expect(each);
    for (const byte of byteByByte(typeof stream === 'string' ? wire(stream) : stream)) receiver.receive(byte);
    return { receiver, answers, harm: receiver.harm, texts: receiver.messages.map(({ bytes }) => `${bytes}`) };
  }

  test('accepts everything that a Python peer sends, and answers it', () => {
    for (const { wire_hex } of vectors<{ wire_hex: string }>('v1-transcripts')) {
      expect(hear(Buffer.from(wire_hex, 'hex')).harm, wire_hex).toBeUndefined();
    }
    const { answers, texts } = hear('hello|^SETMODE1|acked␄|^SETMODE3|czJps1O␄|^SETMODE0|back|');
    expect(texts).toEqual(['hello', 'acked', 'xyz\x1f\x04', 'back']);
    expect(answers).toEqual(['ACKMODCG', 'ACKEOT!!', 'ACKMODCG', 'ACKEOT!!', 'ACKMODCG']);
  });

  const rows: [stream: string, offset: number, why: RegExp, options?: V1ReceiverOptions, due?: Answer[]][] = [
    ['a||b|', 2, /empty block/],
    ['|', 0, /empty block/],
    ['a|^HELLO|', 3, /no control word begins with "H"/],
    ['^|', 1, /unknown control word ""/],
    ['^SETMODE6|', 8, /no control word begins with "SETMODE6"/],
    ['^SETMODE|', 8, /unknown control word "SETMODE"/],
    ['^SETMODE12|', 9, /no control word begins with "SETMODE12"/],
    ['^ackeot!!|', 1, /no control word/],
    ['a␄|', 1, /raw 04 in mode 0/],
    ['^SETMODE1|a␄b␄|', 12, /62 after the 04 of mode 1/],
    ['^SETMODE1|a␄␄|', 12, /04 after the 04/],
    ['^SETMODE1|cut|in two␄|', 13, /mode 1 without its 04/],
    ['^SETMODE2|V"X|', 11, /22 is not base85/],
    ['^SETMODE2|VP\x04|', 12, /raw 04 in mode 2/],
    ['^SETMODE2|~~~~~|', 15, /above 32 bits/],
    ['^SETMODE2|01|', 12, /Python writes differently/],
    ['^SETMODE2|0|', 11, /Python writes differently/],
    ['^SETMODE3|VPX|', 13, /mode 3 without its 04/],
    ['^SETMODE4|VPX|', 13, /not a pickle, in mode 4/],
    ['^ACKMODCG|', 9, /ACKMODCG without a request/],
    ['^ACKEOT!!|', 9, /ACKEOT!! without a request/],
    ['^ACKEOT!!|', 9, /ACKMODCG comes first/, {}, ['ACKMODCG', 'ACKEOT!!']],
    ['^ACKEOT!!|^ACKEOT!!|', 19, /without a request/, {}, ['ACKEOT!!']],
    ['^SETMODE0|||||', 10, /empty block/],
    ['^SETMODE0||||||', 14, /empty block/, { probe: true }],
    ['^SETMODE0||||a||', 15, /empty block/, { probe: true }],
    ['a|^SETMODE0||', 12, /empty block/, { probe: true }],
    ['\xe9|', 0, /E9 in an ASCII text/, { encoding: 'ascii' }],
    ['a\xe9|', 2, /not UTF-8/, { encoding: 'utf-8' }],
  ];

  test.each(rows)('is harmed by %j at byte %i', (stream, offset, why, options, due) => {
    expect(hear(stream, options, due).harm).toEqual({ offset, why: expect.stringMatching(why) });
  });

  test('accepts expected answers and an allowed probe, and checks nothing after the first harm', () => {
    expect(hear('^ACKMODCG|^ACKEOT!!|', {}, ['ACKMODCG', 'ACKEOT!!']).harm).toBeUndefined();
    expect(hear('^SETMODE0|||||hello|', { probe: true })).toMatchObject({ harm: undefined, texts: ['hello'] });
    expect(hear('a||b|c|').texts).toEqual(['a']);
  });
});

describe('the v2 model', () => {
  const bytes = (hex: string) => Buffer.from(hex, 'hex');
  const str = (text: string, type = 0x21) => Buffer.from(frame(type, Buffer.from(text)));
  const probe = wire('^SETMODE0|||||');

  function hear(stream: Uint8Array, receiver = new V2Receiver()) {
    for (const byte of byteByByte(stream)) receiver.receive(byte);
    return receiver;
  }

  test('accepts everything that a Python peer sends', () => {
    const rows = vectors<{ frame_hex: string }>('v2-frames');
    const { harm, messages } = hear(Buffer.concat(rows.map(({ frame_hex }) => bytes(frame_hex))));
    expect(harm).toBeUndefined();
    expect(messages).toHaveLength(rows.length);
  });

  const rows: [what: string, stream: Uint8Array, offset: number, why: RegExp][] = [
    ['another byte in the magic', bytes('decafecaff'), 4, /FF where byte 4 of the magic/],
    ['bytes after a frame', Buffer.concat([str('a'), Buffer.of(0x0a)]), 15, /0A where byte 0 of the magic/],
    ['an unknown type', Buffer.from(frame(0x7e, [1])), 5, /type 7E/],
    ['an unknown type with a wrong checksum', Buffer.from(frame(0x00, [1], 7)), 5, /type 00/],
    ['a wrong checksum', Buffer.from(frame(0x21, [0x41], 7)), 14, /checksum 7, where 65 is right/],
    ['the complement of the checksum', Buffer.from(frame(0x81, [0x41], ~0x41 >>> 0)), 14, /checksum/],
    ['a text that is not UTF-8', Buffer.from(frame(0x21, [0xff])), 14, /not UTF-8/],
    ['half a character', Buffer.from(frame(0x21, [0xed, 0xa0, 0x80])), 16, /not UTF-8/],
    ['a float in another notation', str('1.5', 0x11), 16, /a float written "1.5"/],
    ['an invalid float', str('0x', 0x11), 15, /a float written "0x"/],
    ['an int of 4 bytes', Buffer.from(frame(0x01, [1, 0, 0, 0])), 17, /an int of 4 bytes/],
    ['a probe', probe, 0, /01 where byte 0 of the magic/],
  ];

  test.each(rows)('is harmed by %s', (_, stream, offset, why) => {
    expect(hear(stream).harm).toEqual({ offset, why: expect.stringMatching(why) });
  });

  test('accepts a probe that comes first, without bytes that follow too early', () => {
    const receiver = new V2Receiver({ probe: true });
    receiver.receive(probe, 100);
    receiver.receive(str('a'), 100 + probeReadMs);
    expect(receiver.harm).toBeUndefined();
    expect(hear(Buffer.concat([probe, str('a')]), new V2Receiver({ probe: true })).harm).toMatchObject({ offset: 14 });
    expect(hear(Buffer.concat([str('a'), probe]), new V2Receiver({ probe: true })).harm).toMatchObject({ offset: 15 });
    expect(hear(wire('^SETMODE1'), new V2Receiver({ probe: true })).harm).toMatchObject({ offset: 8 });
  });

  test('drops an allowed HELLO, and nothing with another type, place, checksum or payload', () => {
    const isHello = (payload: Buffer) => payload.toString() === 'hello';
    const hello = (type = 0x81, sum = ~532 >>> 0) => Buffer.from(frame(type, Buffer.from('hello'), sum));
    const taken = hear(Buffer.concat([hello(), str('a')]), new V2Receiver({ isHello }));
    expect(taken).toMatchObject({ harm: undefined, hellos: [Buffer.from('hello')], messages: [{ value: 'a' }] });
    const others = [
      hello(0x21),
      hello(0x81, 7),
      Buffer.concat([str('a'), hello()]),
      Buffer.concat([hello(), hello()]),
      Buffer.from(frame(0x81, Buffer.from('other'), ~Buffer.from('other').reduce((sum, byte) => sum + byte) >>> 0)),
    ];
    for (const stream of others) {
      expect(hear(stream, new V2Receiver({ isHello })).harm?.why, stream.toString('hex')).toMatch(/checksum/);
    }
  });

  test('is harmed by bytes that follow a HELLO too early', () => {
    const hello = Buffer.from(frame(0x81, Buffer.from('hello'), ~532 >>> 0));
    const hearAfter = (waitedMs: number) => {
      const receiver = new V2Receiver({ isHello: () => true, sessionTimeoutMs: 500 });
      receiver.receive(hello, 100);
      receiver.receive(str('a'), 100 + waitedMs);
      return receiver;
    };
    expect(hearAfter(500)).toMatchObject({ harm: undefined, messages: [{ value: 'a' }] });
    expect(hearAfter(499).harm).toEqual({ offset: hello.length, why: '499 ms after a HELLO that is not answered' });
  });
});
