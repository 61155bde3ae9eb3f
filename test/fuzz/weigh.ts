/** Measures what readers hold in the middle of large messages: memory of this process per received byte. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { v1Protocol } from 'serpy-v1';
import { v2Protocol } from 'serpy-v2';
import { control } from '../../packages/serpy-v1/test/oracle.js';
import { frame } from '../../packages/serpy-v2/test/oracle.js';
import { Mutator } from './mutator.js';
import { InputRandom } from './random.js';
import { ack, data, hello } from './session-seeds.js';
import { type SessionTarget, sessionTarget } from './target.js';

/** The number of readers that wait at the same time, so that their messages need much more memory than the readers. */
const waitingSessions = 300;
const largeBytes = 40_000;

const maxMessageBytes = 64 * 1024;
const shared = { role: 'server', words: [], numbers: [largeBytes, maxMessageBytes, maxMessageBytes + 1] } as const;
const lengthAt = 10;

/** Large messages, so that damage usually leaves a partial one. */
const large: Readonly<Record<string, SessionTarget>> = {
  v2: {
    ...shared,
    name: 'v2',
    protocol: v2Protocol({ maxMessageBytes }) as never,
    seeds: [{ bytes: Buffer.from(frame(0x81, Buffer.alloc(largeBytes, 7))), numbersAt: [lengthAt] }],
  },
  'v2-server-prefer': {
    ...shared,
    name: 'v2-server-prefer',
    protocol: () => v2Protocol({ maxMessageBytes, session: 'prefer' }) as never,
    takesBack: true,
    refusals: ['ERR_SERPY_CHECKSUM'],
    seeds: [
      [data(0, Buffer.from(frame(0x81, Buffer.alloc(largeBytes, 7), 0)))],
      [
        data(0, Buffer.from(frame(0x81, Buffer.alloc(largeBytes, 7), 0)).subarray(0, 20_000)),
        data(20_000, Buffer.alloc(1000)),
      ],
    ].map((records) => ({ bytes: Buffer.concat([hello, ack(0), ...records]) })),
  },
  v1: {
    ...shared,
    name: 'v1',
    protocol: v1Protocol({ encoding: 'utf-8', maxMessageBytes }) as never,
    seeds: [0, 2].map((mode) => ({
      bytes: Buffer.concat([Buffer.from(control(`SETMODE${mode}`)), Buffer.alloc(largeBytes, 0x61)]),
    })),
  },
};

/** Bytes of memory per received byte, including objects; undefined for targets without large messages. */
export function weigh(name: string, seed: number): number | undefined {
  const session = large[name];
  if (session === undefined) return undefined;
  const target = sessionTarget(session);
  const mutator = new Mutator(target);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held: unknown[] = [];
  let receivedBytes = 0;
  const weight = () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = weight();
  for (let index = 0; index < waitingSessions; index++) {
    const bytes = mutator.next(new InputRandom(seed, index, 'weight'));
    receivedBytes += bytes.length;
    held.push(target.hold?.(bytes, new InputRandom(seed, index, 'cuts')));
  }
  const weighed = weight() - before;
  held.length = 0; // all of them stay alive until here
  return weighed / receivedBytes;
}
