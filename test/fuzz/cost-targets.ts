/** Readers with the code that uses their results, and inputs made to be slow or large. Each has stopped a program once, or is similar. */
import { decodeNpy } from 'serpy-arrays';
import { isSerpyError } from 'serpy-core';
import { jsonLine } from 'serpy-recording';
import { describe } from '../../packages/cli/src/messages/describe.js';
import { fromV1, fromV2, type PortableMessage } from '../../packages/serpy/src/portable/portable-message.js';
import { toJson } from '../../packages/serpy-recording/src/format/json-value.js';
import { headerForm, reverseAxes } from '../../packages/serpy-recording/src/format/npy-form.js';
import { decodeBase85 } from '../../packages/serpy-v1/src/values/base85.js';
import { messageOf } from '../../packages/serpy-v1/src/values/messages.js';
import { decodeValue } from '../../packages/serpy-v2/src/values/values.js';
import { keyOfHash, keysOfHash32 } from './colliding-keys.js';
import { type CostTarget, timed } from './cost.js';
import { npySeeds, npyWords, pickleSeeds, pickleWords } from './seeds.js';

const KiB = 1024;
const latin1 = (text: string) => Buffer.from(text, 'latin1');
const seedsOf = (inputs: readonly Buffer[]) => inputs.map((bytes) => ({ bytes }));

/** The value, or undefined if it is rejected correctly. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isSerpyError(error)) return undefined;
    throw error;
  }
}

/** What programs and the command of serpy do with a message. */
function use(message: PortableMessage): void {
  for (const name of ['text', 'bytes', 'number'] as const) readable<unknown>(() => message[name]());
  describe(message);
  const { value } = message;
  if (!(value instanceof Uint8Array) && !('fortran' in Object(value)) && !('reason' in Object(value)))
    jsonLine(toJson(value));
}

const repeated = (piece: string, bytes: number) => piece.repeat(Math.floor(bytes / piece.length));
const dict = (keys: readonly Buffer[]) =>
  Buffer.concat([latin1('}('), ...keys.flatMap((key) => [key, latin1('N')]), latin1('u.')]);
const long1 = (low: bigint) => {
  const bytes = Buffer.from([0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  bytes.writeBigUInt64LE(low, 2);
  return bytes;
};
const binFloat = (bits: bigint) => {
  const bytes = Buffer.alloc(9, 0x47);
  bytes.writeBigUInt64BE(bits, 1);
  return bytes;
};
const binInt = (key: number, opcode = 0x4a) => {
  const bytes = Buffer.from([opcode, 0, 0, 0, 0]);
  bytes.writeInt32LE(key, 1);
  return bytes;
};
const colliding = Array.from({ length: 20_000 }, (_, i) => keyOfHash((BigInt(i) << 14n) | 5n));
const smallColliding = keysOfHash32(16_000, 13);

/** Nested lists with several references to the same list at each level. */
function shared(references: number, levels: number, inner = ']'): Buffer {
  const level = (at: number) => `](${`h${String.fromCharCode(at)}`.repeat(references)}eq${String.fromCharCode(at + 1)}`;
  return latin1(`${inner}q\x00${Array.from({ length: levels }, (_, at) => level(at)).join('')}.`);
}

const text64KiB = `X\x00\x00\x01\x00${'a'.repeat(64 * KiB)}`;
const longest = `\x8b\x00\x04\x00\x00${'\x55'.repeat(KiB)}`;

/** Pickles, decoded from base85. */
const pickles: readonly Buffer[] = [
  dict(colliding.map(long1)),
  dict(colliding.filter((bits) => ((bits >> 52n) & 0x7ffn) < 0x7ffn).map(binFloat)),
  dict(smallColliding.map((key) => binInt(key))),
  Buffer.concat([
    ...smallColliding.map((key) => Buffer.concat([latin1('N'), binInt(key, 0x72), latin1('0')])),
    latin1('N.'),
  ]),
  shared(10, 9),
  shared(10, 5),
  shared(100, 98),
  shared(512, 1, `](${'K\x00'.repeat(512)}e`),
  shared(1000, 2, text64KiB),
  shared(1000, 2, longest),
  latin1(`cbuiltins\nset\nq\x00](${'N'.repeat(1000)}eq\x01${repeated('h\x00h\x01\x85R0', 64 * KiB)}N.`),
  latin1(`(c_codecs\nencode\nq\x00${text64KiB}U\x06latin1\x86q\x01${repeated('h\x00h\x01R', 64 * KiB)}t.`),
  latin1(`(${repeated('}', 64 * KiB)}t.`),
  latin1(`(${repeated('\x8f', 64 * KiB)}t.`),
  latin1(`(${repeated(longest, 256 * KiB)}t.`),
  latin1(`(${repeated(`L${'9'.repeat(4300)}\n`, 256 * KiB)}t.`),
  latin1(`\x8b\x00\x00\x04\x00${'\x55'.repeat(256 * KiB)}.`),
  latin1(`X\x00\x00\x03\x00${'\xed\xa0\x80'.repeat(64 * KiB)}.`),
  latin1(`V${'\\u0041'.repeat(32 * KiB)}\n.`),
  latin1(`S'${"\\'".repeat(64 * KiB)}'\n.`),
  latin1(`${repeated('(', 128 * KiB)}${repeated('1', 128 * KiB)}N.`),
];

/** A message of v2: its type, and its payload. */
const values: readonly Buffer[] = [
  ...[0x01, 0x11, 0x21, 0x81].flatMap((type) =>
    ['\x55', '1', ' ', 'f', '\x01'].map((piece) => latin1(String.fromCharCode(type) + repeated(piece, 1024 * KiB))),
  ),
  ...[`0x1.${'0'.repeat(900)}1p+1`, `${' '.repeat(500)}x`, `1${'0'.repeat(1000)}p-4000`].map((text) =>
    latin1(`\x11${text}`),
  ),
  latin1(`\x01${'\x55'.repeat(KiB)}`),
  latin1(`\x21${repeated('1', 4300)}`),
];

/** A `.npy` of bytes in Fortran order with this shape. */
function fortran(shape: readonly number[]): Buffer {
  const text = `{'descr': '|u1', 'fortran_order': True, 'shape': (${shape.join(', ')}, ), }`.replace(', , ', ', ');
  const header = latin1(`\x93NUMPY\x01\x00\0\0${text.replace(', )', ',)')}`);
  header.writeUInt16LE(header.length - 10, 8);
  return Buffer.concat([
    header,
    Buffer.alloc(
      shape.reduce((product, length) => product * length, 1),
      7,
    ),
  ]);
}

const ones = Array<number>(62).fill(1);
const npys: readonly Buffer[] = [
  fortran([2, 512 * KiB, ...ones]),
  fortran([...ones, 2, 512 * KiB]),
  fortran(Array<number>(20).fill(2)),
  fortran([KiB, KiB]),
  latin1(`\x93NUMPY\x01\x00\xff\xff{'shape': (${'1, '.repeat(21_800)}`.padEnd(65_545)),
  latin1(`\x93NUMPY\x01\x00\xff\xff${' '.repeat(65_535)}`),
  latin1(`\x93NUMPY\x01\x00\xff\xff{'descr': '${'<'.repeat(65_000)}`.padEnd(65_545)),
];

export const costTargets: readonly CostTarget[] = [
  {
    name: 'cost-pickle',
    seeds: [...seedsOf(pickles), ...pickleSeeds],
    words: pickleWords,
    numbers: [1_000_000, 1_000_001],
    longestBytes: 512 * KiB,
    // An empty dict is one byte, and a `Map`; an int of 1 KiB has digits that cost 0.3 µs for each of its bytes, each time.
    mostUsPerByte: 4,
    mostHeldPerByte: 400,
    read(bytes) {
      const received = { mode: 4 as const, bytes };
      const message = messageOf(received as never, 'utf-8');
      use(fromV1(message, 'utf-8'));
      return message.value;
    },
  },
  {
    name: 'cost-value',
    seeds: seedsOf(values),
    words: [latin1('1'), latin1(' '), latin1('\x01')],
    numbers: [],
    longestBytes: 1024 * KiB + 64,
    mostUsPerByte: 0.5,
    mostHeldPerByte: 3,
    read(bytes) {
      if (bytes.length === 0) return undefined;
      return readable(() => {
        const { type, value } = decodeValue(bytes[0] as number, bytes.subarray(1));
        use(fromV2({ type, value } as never));
        return value;
      });
    },
  },
  {
    name: 'cost-npy',
    seeds: [...seedsOf(npys), ...npySeeds],
    words: npyWords,
    numbers: [0, 54, 118, 65_535],
    longestBytes: 1024 * KiB + 512,
    mostUsPerByte: 0.1,
    mostHeldPerByte: 3,
    read(bytes) {
      const form = headerForm(bytes);
      if (form?.fortran && form.headerBytes + form.dataBytes === bytes.length) {
        reverseAxes(bytes.subarray(form.headerBytes), form.shape.toReversed(), form.itemBytes);
      }
      use({ protocol: 'v2', type: 'bytes', value: bytes, text: none, bytes: none, number: none } as never);
      return readable(() => decodeNpy(bytes));
    },
  },
  {
    name: 'cost-base85',
    seeds: seedsOf(['0', '~', '|NsC0'].map((piece) => latin1(repeated(piece, 512 * KiB)))),
    words: [],
    numbers: [],
    longestBytes: 512 * KiB,
    mostUsPerByte: 0.1,
    mostHeldPerByte: 3,
    read: (bytes) => readable(() => decodeBase85(bytes)),
  },
];

function none(): undefined {}

export const timedTargets = costTargets.map(timed);
