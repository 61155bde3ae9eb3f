/** CRC-32 (as zlib has it): notices bytes that changed places, which the plain sum of bytes does not. */
import { crc32 as systemCrc32 } from 'node:zlib';

/** Below this, a table in JavaScript is faster than the call of the system's: 80 bytes in 50 ns instead of 190. */
const systemFromBytes = 512;

const polynomial = 0xedb88320;

/** What a byte leaves behind, and after it up to seven more bytes: eight tables of 256. Eight bytes at a time take half as long as four. */
const table = createTable();

function createTable(): Int32Array {
  const created = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
    created[byte] = rest;
  }
  for (let i = 256; i < created.length; i++) {
    const before = created[i - 256] as number;
    created[i] = (before >>> 8) ^ (created[before & 0xff] as number);
  }
  return created;
}

/** The CRC-32 of the bytes from `start` to `end`; `before` is that of the bytes before them, where there were any. */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  if (end - start >= systemFromBytes) {
    return systemCrc32(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), before);
  }
  let crc = ~before;
  let i = start;
  for (; i + 7 < end; i += 8) {
    crc =
      (table[0x700 + ((crc ^ (bytes[i] as number)) & 0xff)] as number) ^
      (table[0x600 + (((crc >>> 8) ^ (bytes[i + 1] as number)) & 0xff)] as number) ^
      (table[0x500 + (((crc >>> 16) ^ (bytes[i + 2] as number)) & 0xff)] as number) ^
      (table[0x400 + ((crc >>> 24) ^ (bytes[i + 3] as number))] as number) ^
      (table[0x300 + (bytes[i + 4] as number)] as number) ^
      (table[0x200 + (bytes[i + 5] as number)] as number) ^
      (table[0x100 + (bytes[i + 6] as number)] as number) ^
      (table[bytes[i + 7] as number] as number);
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
