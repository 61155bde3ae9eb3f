/** v2 with sessions: both ends, before and after HELLO and WELCOME. */
import type { Protocol, ProtocolTypes, Role } from 'serpy-core';
import { v2Protocol } from 'serpy-v2';
import { crc32 } from '../../packages/serpy-v2/src/reliable/crc32.js';
import { recordCheck } from '../../packages/serpy-v2/src/reliable/record.js';
import { frame } from '../../packages/serpy-v2/test/oracle.js';
import type { InputRandom } from './random.js';
import { foreignSeeds, maxMessageBytes, v2Seeds, v2Words } from './seeds.js';
import {
  ack,
  clientSeeds,
  data,
  hello,
  lostWelcome,
  serverSeeds,
  sessionWords,
  talkSeeds,
  welcome,
} from './session-seeds.js';
import { type SessionTarget, sessionTarget, type Target } from './target.js';

const magic = Buffer.from('decafecafe', 'hex');
const greetingStart = Buffer.from('serpy ', 'latin1');
const headerBytes = 14;
const recordHeaderBytes = 12;
const maxRecordBytes = 1024 * 1024;

/** Gives frames and records their check, and the last its length, most of the time. */
export function mendSession(bytes: Buffer, chance: InputRandom): Buffer {
  for (let at = 0; at + recordHeaderBytes <= bytes.length; ) {
    const isFrame = magic.compare(bytes, at, at + magic.length) === 0;
    const end = isFrame ? mendFrame(bytes, at, chance) : mendRecord(bytes, at, chance);
    if (end === undefined) return bytes;
    at = end;
  }
  return bytes;
}

/** @returns where the frame ends; undefined where that is not there */
function mendFrame(bytes: Buffer, at: number, chance: InputRandom): number | undefined {
  const left = bytes.length - at - headerBytes;
  if (left < 0) return undefined;
  if (bytes.readUInt32LE(at + 10) > left && chance.below(2) === 0) bytes.writeUInt32LE(left, at + 10);
  const length = bytes.readUInt32LE(at + 10);
  if (length > left) return undefined;
  const end = at + headerBytes + length;
  if (chance.below(8) > 0) bytes.writeUInt32LE(checksumOfFrame(bytes, at, end), at + 6);
  return end;
}

function mendRecord(bytes: Buffer, at: number, chance: InputRandom): number | undefined {
  const left = bytes.length - at - recordHeaderBytes;
  if (bytes.readUIntLE(at, 3) > left && chance.below(2) === 0) bytes.writeUIntLE(left, at, 3);
  const length = bytes.readUIntLE(at, 3);
  if (length > left || length > maxRecordBytes) return undefined;
  const start = at + recordHeaderBytes;
  if (chance.below(8) > 0) bytes.writeUInt32LE(recordCheck(bytes, at, bytes, start, start + length), at + 8);
  return start + length;
}

/** What a frame must state; a greeting's own CRC is put right on the way. */
function checksumOfFrame(bytes: Buffer, at: number, end: number): number {
  const type = bytes[at + 5] as number;
  const start = at + headerBytes;
  const isGreeting = type === 0x81 && end - start > 16 && bytes.compare(greetingStart, 0, 6, start, start + 6) === 0;
  if (isGreeting) bytes.writeUInt32LE(crc32(bytes, start, end - 4), end - 4);
  let sum = 0;
  for (let i = start; i < end; i++) sum += bytes[i] as number;
  return (isGreeting ? ~sum : sum) >>> 0;
}

function target(name: string, role: Role, mode: 'prefer' | 'require'): Target {
  const greeting = role === 'server' ? Buffer.concat([hello, ack(0)]) : welcome;
  const session: SessionTarget = {
    name,
    role,
    // Each input has its own server, so that it does not affect the next one.
    protocol: () =>
      v2Protocol({ maxMessageBytes, session: mode, autoRestart: true }) as unknown as Protocol<ProtocolTypes>,
    seeds: [...(role === 'server' ? clientSeeds : serverSeeds), ...talkSeeds, ...v2Seeds.slice(-8), ...foreignSeeds],
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
      afterwards: {
        seed: { bytes: Buffer.concat([lostWelcome, data(0, Buffer.from(frame(0x81, Buffer.of(1), 0)))]) },
        messages: 1,
      },
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
