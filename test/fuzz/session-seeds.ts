/** Valid input of v2 after a handshake: HELLO and WELCOME of every kind, records of the stream, and control records. */

import { encodeHello, encodeWelcome, type WelcomeResult } from '../../packages/serpy-v2/src/handshake/hello-welcome.js';
import { encodeAboutHead } from '../../packages/serpy-v2/src/reliable/about-frame.js';
import { resumeProof } from '../../packages/serpy-v2/src/session/resume-credentials.js';
import { frame } from '../../packages/serpy-v2/test/oracle.js';
import { record, typeOf, uint64 } from '../../packages/serpy-v2/test/reliable/wire.js';
import type { Seed } from './mutator.js';
import { maxMessageBytes } from './seeds.js';

/** The value of every random byte of a target, so that the ids and secrets of its sessions are known. */
export const randomByte = 7;

const ticket = { id: Buffer.alloc(16, randomByte), secret: Buffer.alloc(32, randomByte) };
const terms = {
  instance: Buffer.alloc(16, 3),
  maxMessageBytes,
  pingIntervalMs: 5_000,
  limit: 1_000_000,
  encrypted: false,
};

export const hello = encodeHello({ ...terms, resumableMs: 120_000, resume: undefined });
const returning = (attempt: number, received: number) =>
  encodeHello({
    ...terms,
    resumableMs: 120_000,
    resume: { id: ticket.id, attempt, proof: resumeProof(ticket, attempt), received, consumed: 0 },
  });

const welcomeWith = (outcome: WelcomeResult) => encodeWelcome({ ...terms, result: outcome });
const given = { ...ticket, plainMessages: 0 };
export const welcome = welcomeWith({ kind: 'new', ...given });
/** The answer to who comes back, and to who does not: he did not ask for the session that is lost, and gets another. */
export const lostWelcome = welcomeWith({ kind: 'lost', reason: 'it was started again', received: 15, ...given });
const otherWelcomes = [
  lostWelcome,
  welcomeWith({ kind: 'lost', reason: '', received: undefined, ...given }),
  welcomeWith({ kind: 'new', ...given, plainMessages: 1 }),
  welcomeWith({ kind: 'resumed', received: 0, consumed: 0 }),
  welcomeWith({ kind: 'refused', reason: 'no common version' }),
];

/** A frame of a session: without a checksum. */
const message = (type: number, payload: Uint8Array) => Buffer.from(frame(type, payload, 0));

/** Bytes of the stream. */
export const data = (offset: number, bytes: Uint8Array, flags = 0) => record(typeOf.data | flags, bytes, offset);

export const ack = (received: number, consumed = received) =>
  record(typeOf.ack, uint64(received, consumed, 1_000_000 + consumed));
export const ping = record(typeOf.ping, uint64(1));
const pong = record(typeOf.pong, uint64(1));
const close = (end: number, reason = 'done') => record(typeOf.close, Buffer.concat([uint64(end), Buffer.from(reason)]));
const retract = (offset: number, end: number) => record(typeOf.retract, uint64(end), offset);

const urgent = 0x60;
const text = message(0x21, Buffer.from('hello'));
const large = message(0x81, Buffer.alloc(1_500, 0xa7));
const typed = [
  message(0x01, uint64(42)),
  message(0x11, Buffer.from('0x1.8p+1')),
  text,
  message(0x81, Buffer.alloc(0)),
  message(0x81, Buffer.alloc(300, 0x5a)),
];
/** A part of a request: kind, type of the value, number, and what follows. */
const part = (kind: number, type: number, id: number, rest: Uint8Array = Buffer.alloc(0)) =>
  message(0x42, Buffer.concat([Buffer.of(kind, type), Buffer.alloc(6), uint64(id), rest]));
const parts = Buffer.concat([
  part(0, 0x21, 0, Buffer.from('hello')),
  part(0, 0x01, 1, uint64(42)),
  part(1, 0x81, 0, Buffer.alloc(300, 0x5a)),
  part(2, 0, 1, Buffer.concat([Buffer.of(3), Buffer.from('EIOit broke')])),
  part(3, 0, 1),
  part(9, 0x55, 2),
]);
/** A message with metadata: a head, and the payload of the value. */
const described = (head: Uint8Array, payload: Uint8Array) => message(0x43, Buffer.concat([head, payload]));
/** A head with fields as they are, without padding. */
const headOf = (type: number, ...fields: [number, string][]) => {
  const parts = fields.map(([number, value]) =>
    Buffer.concat([Buffer.of(number, value.length, 0), Buffer.from(value)]),
  );
  const size = parts.reduce((sum, { length }) => sum + length, 4);
  return Buffer.concat([Buffer.of(type, 0, size & 0xff, size >> 8), ...parts]);
};
const about = { name: 'ccd', unit: 'K', axes: ['y', 'x'] };
const describedMessages = [
  described(encodeAboutHead(about, 0x81), Buffer.alloc(300, 0x5a)),
  described(encodeAboutHead({ unit: 'µm' }, 0x11), Buffer.from('0x1.8p+1')),
  described(headOf(0x21), Buffer.from('hello')),
  described(headOf(0x01, [0x02, 'K'], [0x77, 'later'], [0x00, '']), uint64(42)),
  described(headOf(0x21, ...Array.from({ length: 33 }, (): [number, string] => [0x03, 'x'])), Buffer.from('hello')),
];
const withAbout = Buffer.concat(describedMessages);
const small = Buffer.concat(typed);
const { length: n } = text;

/** Bytes of the stream in records of some size. */
function inRecords(bytes: Buffer, size: number, offset = 0): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) records.push(data(offset + at, bytes.subarray(at, at + size)));
  return records;
}

/** Frames after HELLO or WELCOME, from either end. */
const talks: readonly Buffer[][] = [
  ...typed.map((each) => [ack(0), data(0, each)]),
  [ack(0), ...inRecords(large, 600)],
  [ack(0), ...inRecords(Buffer.concat([text, large, text]), 100)],
  [
    ack(0),
    data(0, small),
    data(small.length, small, urgent),
    ack(15),
    data(2 * small.length, Buffer.concat([small, small])),
  ],
  [ack(0), data(0, Buffer.concat(Array.from({ length: 60 }, () => text))), data(60 * n, large)],
  [ack(0), data(0, large.subarray(0, 500)), retract(500, large.length), data(large.length, text)],
  [ack(0), data(0, text), retract(n, 2 * n), data(2 * n, text)],
  [ack(0), data(0, text, urgent), ack(15), data(n, large), ping, ack(30, 15), pong],
  [ack(0), data(0, parts), ack(30)],
  [ack(0), ...inRecords(Buffer.concat([parts, text, parts, large]), 40)],
  ...describedMessages.map((each) => [ack(0), data(0, each), data(each.length, text)]),
  [ack(0), ...inRecords(Buffer.concat([withAbout, text, withAbout]), 50)],
  [ping, pong, ack(15), ack(30), data(0, text), close(n)],
  [close(0, '')],
  [ack(0), data(0, text), data(0, text), data(n, text), close(2 * n)],
  [ack(0), record(0x33, Buffer.alloc(40)), data(0, large), record(0x73, Buffer.alloc(4)), ack(30, 0)],
  [ack(0), ...Array.from({ length: 20 }, (_, i) => data(i * n, text)), ack(30)],
];

/** Where the numbers of 32 bits stand that a reader acts on: of headers, and of what follows them. */
const numbersInRecord = [0, 4, 8, 12, 16, 18, 20, 22, 24, 28];

function stream(frames: readonly Buffer[]): Seed {
  const numbersAt: number[] = [];
  let start = 0;
  for (const { length } of frames) {
    for (const at of numbersInRecord) if (at + 4 <= length) numbersAt.push(start + at);
    start += length;
  }
  return { bytes: Buffer.concat(frames), numbersAt };
}

export const talkSeeds: readonly Seed[] = talks.map(stream);

/** Streams of a client. */
export const clientSeeds: readonly Seed[] = [
  ...talks.map((talk) => stream([hello, ...talk])),
  stream([hello]),
  stream([hello, Buffer.from(frame(0x21, Buffer.from('hello')))]), // it has given up waiting
  stream([returning(1, 0), ack(0), data(0, text)]),
  stream([hello, hello]),
];

/** Streams of a server. */
export const serverSeeds: readonly Seed[] = [
  ...talks.map((talk) => stream([welcome, ...talk])),
  ...otherWelcomes.map((each) => stream([each, ack(0), data(0, text)])),
  stream([
    Buffer.from(frame(0x21, Buffer.from('hello'))),
    welcomeWith({ kind: 'new', ...given, plainMessages: 1 }),
    ack(0),
  ]),
  stream([welcome, welcome]),
];

export const sessionWords: readonly Buffer[] = [
  ...[hello, returning(1, 0), returning(2, 15), welcome, lostWelcome, ack(0), ack(15), ping, pong, close(0), close(n)],
  ...[0, 1, 2, 3].map((i) => data(i * n, text)),
  ...[0, 1, 3].map((i) => data(i * small.length, small)),
  ...[data(0, text.subarray(0, 10)), data(10, text.subarray(10)), retract(0, n), retract(10, n), retract(n, 2 * n)],
];
