/** Reads HELLO and WELCOME as docs/protocol-v2.md describes them, independently of the sources. */
const crcTable = Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

/** The CRC-32 of zlib, for every version of Node. */
function checkOf(bytes: Uint8Array): number {
  let register = -1;
  for (const byte of bytes) register = (crcTable[(register ^ byte) & 0xff] as number) ^ (register >>> 8);
  return ~register >>> 0;
}

export interface HandshakeFrame {
  readonly tag: string;
  /** The values by their numbers, in hexadecimal digits. */
  readonly fields: ReadonlyMap<number, string>;
}

/** Throws if the bytes break a rule of the page. */
export function readHandshakeFrame(bytes: Buffer): HandshakeFrame {
  const payload = bytes.subarray(14);
  const sum = payload.reduce((total, byte) => (total + byte) >>> 0, 0);
  if (bytes.toString('hex', 0, 6) !== 'decafecafe81') throw new Error('not a frame of bytes');
  if (bytes.readUInt32LE(6) !== 0xffffffff - sum) throw new Error('the checksum is not complemented');
  if (bytes.readUInt32LE(10) !== payload.length || payload.length > 4096) throw new Error('the length is wrong');
  const end = payload.length - 4;
  if (payload.readUInt32LE(end) !== checkOf(payload.subarray(0, end))) throw new Error('the CRC-32 is wrong');
  const fields = new Map<number, string>();
  for (let at = 12; at < end; ) {
    const [type, length] = [payload.readUInt8(at), payload.readUInt16LE(at + 1)];
    if (fields.has(type)) throw new Error(`the field ${type} is repeated`);
    fields.set(type, payload.toString('hex', at + 3, at + 3 + length));
    at += 3 + length;
    if (at > end) throw new Error('a field is cut off');
  }
  return { tag: payload.toString('latin1', 0, 12), fields };
}

/** The frame of a HELLO or WELCOME with these fields, each a number and its value. */
export function writeHandshakeFrame(
  tag: 'HELLO' | 'WELCO',
  fields: readonly (readonly [type: number, value: Buffer])[],
): Buffer {
  const parts = fields.map(([type, value]) => Buffer.concat([Buffer.of(type, value.length, value.length >> 8), value]));
  const body = Buffer.concat([Buffer.from(`serpy ${tag}\n`), ...parts]);
  const payload = Buffer.concat([body, u32(checkOf(body))]);
  const sum = payload.reduce((total, byte) => total + byte, 0);
  return Buffer.concat([Buffer.from('decafecafe81', 'hex'), u32(0xffffffff - sum), u32(payload.length), payload]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** 64-bit numbers. */
export function u64(...values: readonly number[]): Buffer {
  return Buffer.concat(
    values.map((value) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(value));
      return bytes;
    }),
  );
}
