/**
 * Valid input of every kind, for the mutator to start from: recorded data of Python peers, data of serpy peers, and the first bytes
 * of other protocols. The frames of a handshake belong here too, as further seeds of v2 (their length fields in `numbersAt`).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { base85Encode, control } from '../../packages/serpy-v1/test/oracle.js';
import { frame } from '../../packages/serpy-v2/test/oracle.js';
import type { Seed } from './mutator.js';

/** The programs that use these run in the root of the repository, bundled or from source. */
function vectors<File>(name: string): File {
  return JSON.parse(readFileSync(join('test', 'vectors', `${name}.json`), 'utf8')) as File;
}

const bytes = (text: string) => Buffer.from(text, 'latin1');
const fromHex = (hex: string) => Buffer.from(hex, 'hex');

/** The largest message of the targets: small, so that inputs reach it. */
export const maxMessageBytes = 2000;

const v2HeaderBytes = 14;
const v2NumbersAt = [6, 10];

/** The offsets of the numbers in the headers of consecutive frames. */
function numbersIn(frames: readonly Buffer[]): number[] {
  const places: number[] = [];
  let start = 0;
  for (const each of frames) {
    for (const at of v2NumbersAt) places.push(start + at);
    start += each.length;
  }
  return places;
}

function stream(...frames: Buffer[]): Seed {
  return { bytes: Buffer.concat(frames), numbersAt: numbersIn(frames) };
}

const v2Frames = vectors<{ vectors: { frame_hex: string }[] }>('v2-frames')
  .vectors.map(({ frame_hex }) => fromHex(frame_hex))
  .filter(({ length }) => length <= v2HeaderBytes + maxMessageBytes);
const big = Buffer.from(frame(0x81, Buffer.alloc(1500, 0xa7)));
const odd = [
  frame(0x01, []),
  frame(0x01, [1, 2, 3]),
  frame(0x11, bytes(' +Infinity ')),
  frame(0x21, []),
  frame(0x81, []),
];
const damaged = Buffer.from(frame(0x81, [1, 2, 3], 7));

export const probe = bytes('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f');
export const v2Answer = fromHex('decafecafe81ffffffff00000000');

/** v2: single frames, and several together. */
export const v2Seeds: readonly Seed[] = [
  ...v2Frames.map((each) => stream(each)),
  ...odd.map((each) => stream(Buffer.from(each))),
  stream(...v2Frames.slice(0, 12)),
  stream(...v2Frames.slice(-6)),
  stream(v2Frames[0] as Buffer, damaged, v2Frames[1] as Buffer),
  stream(big),
  stream(v2Frames[2] as Buffer, big, v2Frames[3] as Buffer),
  { bytes: Buffer.concat([probe, v2Frames[4] as Buffer]), numbersAt: v2NumbersAt.map((at) => at + probe.length) },
];

/** Byte sequences with a meaning in v2. */
export const v2Words: readonly Buffer[] = [
  fromHex('decafecafe'),
  ...[0x01, 0x11, 0x21, 0x81, 0x7e].map((type) => Buffer.from(frame(type, [0x41]))),
  ...['0x1.8p+1', 'inf', '-nan', '0x', 'p-1075', '\xed\xa0\x80', '\xf4\x90\x80\x80'].map(bytes),
  probe,
  v2Answer,
];

const v1Transcripts = vectors<{ vectors: { wire_hex: string }[] }>('v1-transcripts').vectors.map(({ wire_hex }) =>
  fromHex(wire_hex),
);
const recordedPickles = vectors<Record<'plain' | 'numpy' | 'refuse', { pickle_hex: string }[]>>('pickles');

/** Pickles of protocols 0 to 3, with the forms that the recorded ones lack. */
const olderPickles = [
  "(dp0\nVa\\u00b5\np1\nI01\nsS'q\\x00'\nL12345678901234567890L\nsg1\nF1.5\ns.",
  '(lp0\n(I1\nI-2\ntp1\nag1\naNa.',
  'c__builtin__\nbytearray\n(V\xff\\u0000\nVlatin-1\ntR.',
  '\x80\x03](cbuiltins\nset\n]K\x01a\x85R\x8b\x02\x00\x00\x00\x01\x02T\x01\x00\x00\x00xB\x01\x00\x00\x00ye.',
].map(bytes);

const pickles = [
  ...[recordedPickles.plain, recordedPickles.numpy, recordedPickles.refuse]
    .flat()
    .map(({ pickle_hex }) => fromHex(pickle_hex)),
  ...olderPickles,
];

export const pickleSeeds: readonly Seed[] = pickles.map((each) => ({ bytes: each }));

/** Every opcode, with an argument that requests much memory, and names that a reader knows. */
export const pickleWords: readonly Buffer[] = [
  ...Array.from({ length: 0x18 }, (_, i) => Buffer.of(0x80 + i)),
  ...Array.from('().012FGIJKLMNPQRSTUVX]abcdeghijloprstu}BC', bytes),
  ...['B', 'X', 'T', 'j', 'r', '\x8b'].map((opcode) => bytes(`${opcode}\xff\xff\xff\x7f`)),
  ...['\x8d', '\x8e', '\x95', '\x96'].map((opcode) => bytes(`${opcode}\xff\xff\xff\xff\xff\xff\x1f\x00`)),
  bytes('cnumpy.core.multiarray\n_reconstruct\n'),
  bytes('cnumpy\nndarray\n'),
  bytes('cnumpy\ndtype\n'),
  bytes('c_codecs\nencode\n'),
];

const npys = vectors<Record<'arrays' | 'refused', { npy: string }[]>>('npy');

/** Arrays as numpy saves them. The length of the header is the number to damage. */
export const npySeeds: readonly Seed[] = [...npys.arrays, ...npys.refused].map(({ npy }) => ({
  bytes: fromHex(npy),
  numbersAt: [8],
}));

/** Valid and invalid headers. */
export const npyWords: readonly Buffer[] = [
  ..."'<f4' '>i2' '|O' '<U3' '>c16' '<f2' '|b1' True False None () (0,) (2,3) [] {} , : L \\x3c".split(' '),
  ...[
    "'descr': ",
    "'fortran_order': True, ",
    "'shape': (9007199254740991,), ",
    '[('.repeat(40),
    '9'.repeat(40),
    '\x93NUMPY',
  ],
].map(bytes);

const v1Control = (word: string) => Buffer.from(control(word));
const base85Of = (data: Uint8Array) => Buffer.from(base85Encode([...data]));
const pickleBlocks = pickles
  .filter(({ length }) => length < 400)
  .slice(0, 60)
  .map((pickle) => Buffer.concat([v1Control('SETMODE5'), base85Of(pickle), bytes('\x04\x1f')]));

/** v1: recorded exchanges, answers, and blocks in every mode. */
export const v1Seeds: readonly Seed[] = [
  ...v1Transcripts.filter(({ length }) => length < 4000).map((each) => ({ bytes: each })),
  ...pickleBlocks.map((each) => ({ bytes: each })),
  { bytes: bytes('\x01ACKMODCG\x1f\x01ACKEOT!!\x1f\x01ACKEOT!!\x1f') },
  {
    bytes: bytes(
      'hello\x1f\x01SETMODE1\x1facked\x04\x1fmore\x04\x1f\x01SETMODE3\x1fczJps1O\x04\x1f\x01SETMODE0\x1fback\x1f',
    ),
  },
  { bytes: Buffer.concat([probe, bytes('hello\x1f')]) },
  { bytes: Buffer.concat([v1Control('SETMODE2'), base85Of(Buffer.alloc(1200, 0xa7)), bytes('\x1f')]) },
  { bytes: Buffer.concat([Buffer.alloc(1500, 0x61), bytes('\x1f')]) },
];

/** Byte sequences with a meaning in v1. */
export const v1Words: readonly Buffer[] = [
  ...['SETMODE0', 'SETMODE1', 'SETMODE2', 'SETMODE3', 'SETMODE4', 'SETMODE5', 'SETMODE6', 'SETMODE', ''].map(v1Control),
  ...['ACKMODCG', 'ACKEOT!!', 'ACKEOT!', 'ACKEOT!!!'].map(v1Control),
  ...['\x1f', '\x04', '\x04\x1f', '\x01', '|NsC0', '~~~~~', '{{'].map(bytes),
  probe,
];

export const base85Seeds: readonly Seed[] = [
  ...[1, 2, 3, 4, 5, 30, 100, 700].map((length) => ({ bytes: base85Of(Buffer.alloc(length, 0x5a)) })),
  { bytes: bytes('|NsC0{{') },
];

/** What other protocols send first: nothing of it may do more than end their own connection. */
/** Lines as instruments send them, with each end of a line, and bytes that are not UTF-8. */
export const lineSeeds: readonly Seed[] = [
  '*IDN?\nMEAS:VOLT?\n',
  '+1.042E+03\r\n> +1.043E+03\r\n> ',
  '\n\r\n\r\n> \r\n> ',
  '20 \xc2\xb5s\n20 \xb5s\n',
  `${'x'.repeat(1999)}\r\n> ${'y'.repeat(2000)}\r\n> `,
  'half',
].map((text) => ({ bytes: bytes(text) }));

export const lineWords: readonly Buffer[] = ['\n', '\r', '\r\n', '\r\n> ', '\xff', '\xc2\xb5', 'HTTP/1.1'].map((text) =>
  bytes(text),
);

export const foreignSeeds: readonly Seed[] = [
  'GET / HTTP/1.1\r\nHost: 127.0.0.1:5000\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n',
  'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13\r\n',
  '\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03' +
    '\x5a'.repeat(32) +
    '\x20' +
    '\xa5'.repeat(32) +
    '\x00\x06\x13\x01\x13\x02\x13\x03\x01\x00' +
    '\x00'.repeat(80),
  '*IDN?\n',
  'EHLO localhost\r\n',
  '\x00\x00\x00\x0bhello world',
].map((text) => ({ bytes: bytes(text) }));
