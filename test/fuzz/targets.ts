/** The targets inside one process, by name. A new frame needs new seeds; a new reader of bytes needs a target here. */
import { isSerpyError, type Protocol, type ProtocolTypes } from 'serpy-core';
import { linesProtocol } from 'serpy-lines';
import { v1Protocol } from 'serpy-v1';
import { v2Protocol } from 'serpy-v2';
import { parseConnectOptions } from '../../packages/serpy/src/config/options.js';
import { createProtocol } from '../../packages/serpy/src/create-protocol.js';
import { readPickle } from '../../packages/serpy-v1/src/pickle/index.js';
import { decodeBase85, encodeBase85 } from '../../packages/serpy-v1/src/values/base85.js';
import type { Seed } from './mutator.js';
import { npyTarget } from './npy-target.js';
import type { InputRandom } from './random.js';
import {
  base85Seeds,
  foreignSeeds,
  lineSeeds,
  lineWords,
  maxMessageBytes,
  pickleSeeds,
  pickleWords,
  probe,
  v1Seeds,
  v1Words,
  v2Answer,
  v2Seeds,
  v2Words,
} from './seeds.js';
import { sessionTargets } from './session-targets.js';
import { RuleBroken, sessionTarget, type Target } from './target.js';

const encoding = 'utf-8' as const;
const numbers = [maxMessageBytes - 1, maxMessageBytes, maxMessageBytes + 1, maxMessageBytes * 4, 2 ** 20];

const magic = Buffer.from('decafecafe', 'hex');
const headerBytes = 14;

/** Usually corrects the checksums of frames, and the length of the last one. */
function mendV2(bytes: Buffer, random: InputRandom): Buffer {
  let at = 0;
  while (at + headerBytes <= bytes.length && magic.compare(bytes, at, at + magic.length) === 0) {
    const left = bytes.length - at - headerBytes;
    if (bytes.readUInt32LE(at + 10) > left && random.below(2) === 0) bytes.writeUInt32LE(left, at + 10);
    const length = bytes.readUInt32LE(at + 10);
    if (length > left) return bytes;
    const start = at + headerBytes;
    if (random.below(8) > 0) {
      let sum = 0;
      for (let i = start; i < start + length; i++) sum += bytes[i] as number;
      bytes.writeUInt32LE(sum >>> 0, at + 6);
    }
    at = start + length;
  }
  return bytes;
}

const alphabet = Buffer.from(
  '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~',
  'latin1',
);

/** Encodes the content of a block as base85 if its mode needs that, and adds the `04`. */
function mendV1(bytes: Buffer): Buffer {
  let mode = 0;
  let start = 0;
  for (let end = bytes.indexOf(0x1f); end >= 0; end = bytes.indexOf(0x1f, start)) {
    if (bytes[start] === 0x01) {
      if (end - start === 9) mode = ((bytes[end - 1] as number) - 0x30) % 6;
    } else {
      const last = mode % 2 === 1 ? end - 1 : end;
      if (mode >= 2) for (let i = start; i < last; i++) bytes[i] = alphabet[(bytes[i] as number) % 85] as number;
      if (last < end && last > start) bytes[last] = 0x04;
    }
    start = end + 1;
  }
  return bytes;
}

const digitOf = new Map([...alphabet].map((byte, digit) => [byte, digit]));

/** Whether Python accepts a string as base85, group by group. */
function isBase85(text: Buffer): boolean {
  for (let start = 0; start < text.length; start += 5) {
    let value = 0;
    for (let at = start; at < start + 5; at++) {
      const digit = at < text.length ? digitOf.get(text[at] as number) : 84;
      if (digit === undefined) return false;
      value = value * 85 + digit;
    }
    if (value >= 2 ** 32) return false;
  }
  return true;
}

const v1 = v1Protocol({ encoding, maxMessageBytes }) as unknown as Protocol<ProtocolTypes>;
const v2 = v2Protocol({ maxMessageBytes }) as unknown as Protocol<ProtocolTypes>;
const autoSettings = parseConnectOptions({ protocol: 'auto', port: 1, encoding, maxMessageBytes });
const auto = createProtocol('auto', autoSettings) as unknown as Protocol<ProtocolTypes>;

const v2Start = v2Seeds[0] as Seed;
const answered: readonly Seed[] = v2Seeds.slice(0, 40).map(({ bytes, numbersAt = [] }) => ({
  bytes: Buffer.concat([v2Answer, bytes]),
  numbersAt: [6, 10, ...numbersAt.map((at) => at + v2Answer.length)],
}));
const ackedByV1: readonly Seed[] = v1Seeds.slice(0, 40).map(({ bytes }) => ({
  bytes: Buffer.concat([Buffer.from('\x01ACKMODCG\x1f', 'latin1'), bytes]),
}));
const bothWords = [...v1Words, ...v2Words];
const bothSeeds = [...v1Seeds, ...v2Seeds, ...foreignSeeds];

export const targets: readonly Target[] = [
  sessionTarget({
    name: 'v2',
    protocol: v2,
    role: 'server',
    seeds: [...v2Seeds, ...v2Seeds, ...foreignSeeds],
    words: v2Words,
    numbers,
    mend: mendV2,
    afterwards: { seed: v2Start, messages: 1 },
  }),
  sessionTarget({
    name: 'v1',
    protocol: v1,
    role: 'server',
    seeds: [...v1Seeds, ...v1Seeds, ...foreignSeeds],
    words: v1Words,
    numbers,
    mend: mendV1,
    sameForAllCuts: 'in time', // a peer that sends only lines is recognized after a time
    prepare(session) {
      for (const [value, mode] of [
        ['a', 1],
        ['b', 3],
        ['c', 0],
      ] as const) {
        const outgoing = session.encode(value, { mode });
        session.send(outgoing as never);
      }
      return undefined;
    },
    afterwards: { seed: { bytes: Buffer.from('one\x1ftwo\x1f') }, messages: 2 },
  }),
  sessionTarget({
    name: 'auto-server',
    protocol: auto,
    role: 'server',
    seeds: [...bothSeeds, { bytes: probe }],
    words: bothWords,
    numbers,
    mend: mendV2,
    sameForAllCuts: false,
    refusals: ['ERR_SERPY_PEER_TIMEOUT'], // a client of a server that offers sessions sent a probe, and then nothing
  }),
  sessionTarget({
    name: 'auto-client',
    protocol: auto,
    role: 'client',
    seeds: [...bothSeeds, ...answered, ...ackedByV1],
    words: bothWords,
    numbers,
    mend: mendV1,
    sameForAllCuts: false,
  }),
  ...['\n', '\r\n> '].map((terminator) =>
    sessionTarget({
      name: terminator === '\n' ? 'lines' : 'lines-prompt',
      protocol: linesProtocol({ encoding, maxMessageBytes, terminator }) as unknown as Protocol<ProtocolTypes>,
      role: 'server',
      seeds: [...lineSeeds, ...foreignSeeds],
      words: lineWords,
      numbers: [],
      afterwards: { seed: { bytes: Buffer.from(`one${terminator}two${terminator}`) }, messages: 2 },
    }),
  ),
  ...sessionTargets,
  npyTarget,
  {
    name: 'pickle',
    seeds: pickleSeeds,
    words: pickleWords,
    numbers: [1_000_000, 1_000_001],
    run(bytes) {
      const result = readPickle(bytes);
      if (!result.ok && !/^The pickle [\x20-\x7e]{1,300}$/.test(result.reason)) {
        throw new RuleBroken(`a reason that cannot be shown: ${JSON.stringify(result.reason)}`);
      }
      return { refused: !result.ok, messages: result.ok ? 1 : 0 };
    },
  },
  {
    name: 'base85',
    seeds: base85Seeds,
    words: v1Words,
    numbers: [],
    mend: (bytes) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = alphabet[(bytes[i] as number) % 85] as number;
      return bytes;
    },
    run(bytes) {
      let decoded: Buffer | undefined;
      try {
        decoded = decodeBase85(bytes);
      } catch (error) {
        if (!isSerpyError(error) || error.code !== 'ERR_SERPY_PROTOCOL') throw error;
      }
      if ((decoded !== undefined) !== isBase85(bytes))
        throw new RuleBroken(decoded ? 'it took no base85' : 'it refused base85');
      if (decoded === undefined) return { refused: true, messages: 0 };
      if (!decodeBase85(encodeBase85(decoded)).equals(decoded))
        throw new RuleBroken('what it decodes, it encodes otherwise');
      return { refused: false, messages: 1 };
    },
  },
];
