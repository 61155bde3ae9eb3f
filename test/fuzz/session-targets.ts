/** v2 with sessions: both ends, before and after HELLO and WELCOME. */
import type { Protocol, ProtocolTypes, Role } from 'serpy-core';
import { v2Protocol } from 'serpy-v2';
import { crc32 } from '../../packages/serpy-v2/src/session/frames/crc32.js';
import { frameChecksum } from '../../packages/serpy-v2/src/session/frames/frame-checksum.js';
import type { InputRandom } from './random.js';
import { maxMessageBytes, strangerSeeds, v2Seeds, v2Words } from './seeds.js';
import {
  clientSeeds,
  hello,
  lostWelcome,
  piece,
  serverSeeds,
  sessionWords,
  state,
  talkSeeds,
  welcome,
} from './session-seeds.js';
import { type SessionTarget, sessionTarget, type Target } from './target.js';

const magic = Buffer.from('decafecafe', 'hex');
const greetingStart = Buffer.from('serpy ', 'latin1');
const headerBytes = 14;
const pieceHeadBytes = 9;
const controlTypes = [0x42, 0x52, 0x62, 0x72];

/** Usually corrects the checksums of frames, and the length of the last one. */
export function mendSession(bytes: Buffer, random: InputRandom): Buffer {
  let at = 0;
  while (at + headerBytes <= bytes.length && magic.compare(bytes, at, at + magic.length) === 0) {
    const left = bytes.length - at - headerBytes;
    if (bytes.readUInt32LE(at + 10) > left && random.below(2) === 0) bytes.writeUInt32LE(left, at + 10);
    const length = bytes.readUInt32LE(at + 10);
    if (length > left) return bytes;
    const end = at + headerBytes + length;
    if (random.below(8) > 0) bytes.writeUInt32LE(checkOfFrame(bytes, at, end), at + 6);
    at = end;
  }
  return bytes;
}

/** The checksum of a frame. Also corrects the CRC of a HELLO or WELCOME. */
function checkOfFrame(bytes: Buffer, at: number, end: number): number {
  const type = bytes[at + 5] as number;
  if (controlTypes.includes(type)) return crc32(bytes, at + 10, end, type);
  const start = at + headerBytes;
  if ((type & 0x02) !== 0) {
    const isFirstOfSome = ((bytes[start] as number) & 3) === 1;
    const dataAt = Math.min(end, start + pieceHeadBytes + (isFirstOfSome ? 8 : 0));
    return frameChecksum(crc32(bytes, at + 10, dataAt, type), bytes, dataAt, end);
  }
  const isGreeting = type === 0x81 && end - start > 16 && bytes.compare(greetingStart, 0, 6, start, start + 6) === 0;
  if (isGreeting) bytes.writeUInt32LE(crc32(bytes, start, end - 4), end - 4);
  let sum = 0;
  for (let i = start; i < end; i++) sum += bytes[i] as number;
  return (isGreeting ? ~sum : sum) >>> 0;
}

function target(name: string, role: Role, mode: 'prefer' | 'require'): Target {
  const greeting = role === 'server' ? Buffer.concat([hello, state(0)]) : welcome;
  const session: SessionTarget = {
    name,
    role,
    // Each input has its own server, so that it does not affect the next one.
    protocol: () =>
      v2Protocol({ maxMessageBytes, session: mode, autoRestart: true }) as unknown as Protocol<ProtocolTypes>,
    seeds: [...(role === 'server' ? clientSeeds : serverSeeds), ...talkSeeds, ...v2Seeds.slice(-8), ...strangerSeeds],
    words: [...sessionWords, ...v2Words],
    numbers: [maxMessageBytes - 1, maxMessageBytes, maxMessageBytes + 1, 256 * 1024, 256 * 1024 + 18],
    mend: mendSession,
    prepare(each) {
      each.receive(Buffer.from(greeting), 0);
      each.read();
      each.retainUnread();
      for (const value of ['a', Buffer.alloc(900), 'c']) {
        if (each.canSend) each.send(each.encode(value, { acknowledge: 'consumed' }) as never);
      }
      return greeting.length;
    },
    sameForAllCuts: 'in time',
    refusals: ['ERR_SERPY_CHECKSUM', 'ERR_SERPY_PEER_TIMEOUT', 'ERR_SERPY_TIMEOUT'],
    takesBack: true,
    ...(role === 'client' && {
      afterwards: { seed: { bytes: Buffer.concat([lostWelcome, piece(0, 3, Buffer.of(1))]) }, messages: 1 },
    }),
  };
  return sessionTarget(session);
}

export const sessionTargets: readonly Target[] = [
  target('v2-server-prefer', 'server', 'prefer'),
  target('v2-server-require', 'server', 'require'),
  target('v2-client-prefer', 'client', 'prefer'),
  target('v2-client-require', 'client', 'require'),
];
