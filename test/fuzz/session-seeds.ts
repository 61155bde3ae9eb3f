/** Valid input of v2 with sessions: HELLO and WELCOME of every kind, numbered pieces, and control frames. */

import { encodeHello, encodeWelcome, type WelcomeResult } from '../../packages/serpy-v2/src/handshake/hello-welcome.js';
import { controlType, segmentFlag } from '../../packages/serpy-v2/src/session/frames/constants.js';
import { controlFrame } from '../../packages/serpy-v2/src/session/frames/control-frame.js';
import { crc32 } from '../../packages/serpy-v2/src/session/frames/crc32.js';
import { resumeProof } from '../../packages/serpy-v2/src/session/resume-credentials.js';
import { frame } from '../../packages/serpy-v2/test/oracle.js';
import type { Seed } from './mutator.js';
import { maxMessageBytes } from './seeds.js';

/** The value of every random byte of a target, so that the ids and secrets of its sessions are known. */
export const randomByte = 7;

const ticket = { id: Buffer.alloc(16, randomByte), secret: Buffer.alloc(32, randomByte) };
const terms = {
  instance: Buffer.alloc(16, 3),
  maxMessageBytes,
  pingIntervalMs: 5_000,
  limits: { messages: 1_000, bytes: 1_000_000 },
};

export const hello = encodeHello({ ...terms, resumableMs: 120_000, resume: undefined });
const returning = (attempt: number, next: number) =>
  encodeHello({
    ...terms,
    resumableMs: 120_000,
    resume: { id: ticket.id, attempt, proof: resumeProof(ticket, attempt), next, consumed: 0 },
  });

const welcomeWith = (outcome: WelcomeResult) => encodeWelcome({ ...terms, result: outcome });
const given = { ...ticket, plainMessages: 0 };
export const welcome = welcomeWith({ kind: 'new', ...given });
/** The WELCOME for a resumed session, and for a lost one, which the server replaces by a new session. */
export const lostWelcome = welcomeWith({ kind: 'lost', reason: 'it was started again', next: 1, ...given });
const otherWelcomes = [
  lostWelcome,
  welcomeWith({ kind: 'lost', reason: '', next: undefined, ...given }),
  welcomeWith({ kind: 'new', ...given, plainMessages: 1 }),
  welcomeWith({ kind: 'resumed', next: 0, consumed: 0 }),
  welcomeWith({ kind: 'refused', reason: 'no common version' }),
];

/** 64-bit numbers, one after another. */
function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * i);
  return bytes;
}

const { first, last, ackNow, retracted } = segmentFlag;
const whole = first | last;

/** A piece as in docs/protocol-v2.md. `type` is that of the message without a session. */
export function piece(number: number, flags: number, data: Uint8Array, total?: number, type = 0x81): Buffer {
  const head = Buffer.concat([Buffer.of(flags), numbers(number), ...(total === undefined ? [] : [numbers(total)])]);
  const bytes = Buffer.from(frame(type | 0x02, Buffer.concat([head, data])));
  bytes.writeUInt32LE(crc32(bytes, 10, bytes.length, type | 0x02), 6);
  return bytes;
}

/** Several small messages in one frame, each with its type. */
export function batch(
  number: number,
  flags: number,
  ...messages: readonly (readonly [type: number, data: Buffer])[]
): Buffer {
  const records = messages.flatMap(([type, data]) => {
    const head = Buffer.alloc(2);
    head.writeUInt16LE(data.length | ((type & 0xf0) << 8));
    return [head, data];
  });
  const bytes = Buffer.from(frame(0x33, Buffer.concat([Buffer.of(flags), numbers(number), ...records])));
  bytes.writeUInt32LE(crc32(bytes, 10, bytes.length, 0x33), 6);
  return bytes;
}

export const state = (next: number, taken = next) =>
  controlFrame(controlType.state, numbers(next, taken, 1_000 + taken, 1_000_000));
export const ping = controlFrame(controlType.ping, numbers(1));
const pong = controlFrame(controlType.pong, numbers(1));
const close = (next: number, reason = 'done') =>
  controlFrame(controlType.close, Buffer.concat([numbers(next), Buffer.from(reason)]));

const text = Buffer.from('hello');
const half = Buffer.alloc(300, 0x5a);
const typed = [
  piece(0, whole, numbers(42), undefined, 0x01),
  piece(0, whole, Buffer.from('0x1.8p+1'), undefined, 0x11),
  piece(0, whole, text, undefined, 0x21),
  piece(0, whole, Buffer.alloc(0)),
];
const inPieces = [piece(0, first, half, 600), piece(1, 0, half.subarray(100)), piece(2, last, half.subarray(200))];
const takenBack = [piece(0, first, half, 900), piece(1, last | retracted, Buffer.alloc(0)), piece(2, whole, text)];
const large = Buffer.alloc(1_500, 0xa7);

const small = [
  [0x01, numbers(42)],
  [0x11, Buffer.from('0x1.8p+1')],
  [0x21, text],
  [0x81, half],
  [0x21, Buffer.alloc(0)],
] as const;

/** Frames after HELLO or WELCOME, from either end. */
const talks: readonly Buffer[][] = [
  ...typed.map((each) => [state(0), each]),
  [state(0), ...inPieces],
  [
    state(0),
    batch(0, whole, ...small),
    batch(5, whole | ackNow, ...small),
    state(3),
    batch(5, whole, ...small, ...small),
  ],
  [state(0), batch(0, whole, ...Array.from({ length: 60 }, () => small[2])), piece(60, whole, large), batch(61, whole)],
  [state(0), ...takenBack],
  [state(0), piece(0, whole | ackNow, text), state(1), piece(1, whole, large), ping, state(2, 1), pong],
  [ping, pong, state(1), state(2), piece(0, whole, text), close(1)],
  [close(0, '')],
  [state(0), piece(0, whole, text), piece(0, whole, text), piece(1, whole, text, undefined, 0x21), close(2)],
  [state(0), piece(0, first, large, 1_900), piece(1, last, large.subarray(0, 400)), state(2, 0)],
  [state(0), ...Array.from({ length: 20 }, (_, n) => piece(n, whole, text, undefined, 0x21)), state(2)],
];

/** The offsets of 32-bit numbers that a reader uses, in headers and after them. */
const numbersInFrame = [6, 10, 14, 15, 22, 23, 30, 38];

function stream(frames: readonly Buffer[]): Seed {
  const numbersAt: number[] = [];
  let start = 0;
  for (const { length } of frames) {
    for (const at of numbersInFrame) if (at + 4 <= length) numbersAt.push(start + at);
    start += length;
  }
  return { bytes: Buffer.concat(frames), numbersAt };
}

export const talkSeeds: readonly Seed[] = talks.map(stream);

/** Streams of a client. */
export const clientSeeds: readonly Seed[] = [
  ...talks.map((talk) => stream([hello, ...talk])),
  stream([hello]),
  stream([hello, Buffer.from(frame(0x21, text))]), // it continues without a session
  stream([returning(1, 0), state(0), piece(0, whole, text)]),
  stream([hello, hello]),
];

/** Streams of a server. */
export const serverSeeds: readonly Seed[] = [
  ...talks.map((talk) => stream([welcome, ...talk])),
  ...otherWelcomes.map((each) => stream([each, state(0), piece(0, whole, text)])),
  stream([Buffer.from(frame(0x21, text)), welcomeWith({ kind: 'new', ...given, plainMessages: 1 }), state(0)]),
  stream([welcome, welcome]),
];

export const sessionWords: readonly Buffer[] = [
  ...[
    hello,
    returning(1, 0),
    returning(2, 1),
    welcome,
    lostWelcome,
    state(0),
    state(1),
    ping,
    pong,
    close(0),
    close(1),
  ],
  ...[0, 1, 2, 3].map((number) => piece(number, whole, text, undefined, 0x21)),
  ...[0, 1, 3, 5].map((number) => batch(number, whole, ...small)),
  ...[piece(0, first, text, 10), piece(1, last, text), piece(1, last | retracted, Buffer.alloc(0))],
];
