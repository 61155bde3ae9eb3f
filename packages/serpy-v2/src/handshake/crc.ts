/** CRC-32 (as zlib has it): notices bytes that changed places, which the plain sum of bytes does not. */
import { crc32 as systemCrc32 } from 'node:zlib';

/** Below this, tables in JavaScript are faster than the call of the system's: 64 bytes in 60 ns instead of 190. */
const systemFromBytes = 320;

const polynomial = 0xedb88320;

/** Of the four bytes of a word, what each leaves behind. */
const tables = createTables();

function createTables(): readonly Int32Array[] {
  const [first, second, third, fourth] = Array.from({ length: 4 }, () => new Int32Array(256)) as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
    first[byte] = rest;
  }
  for (let byte = 0; byte < 256; byte++) {
    const one = first[byte] as number;
    const two = (one >>> 8) ^ (first[one & 0xff] as number);
    const three = (two >>> 8) ^ (first[two & 0xff] as number);
    second[byte] = two;
    third[byte] = three;
    fourth[byte] = (three >>> 8) ^ (first[three & 0xff] as number);
  }
  return [first, second, third, fourth];
}

const [table1, table2, table3, table4] = tables as [Int32Array, Int32Array, Int32Array, Int32Array];

/** The CRC-32 of the bytes from `start` to `end`; `before` is that of the bytes before them, where there were any. */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  if (end - start >= systemFromBytes) {
    return systemCrc32(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), before);
  }
  let crc = ~before;
  let i = start;
  for (; i + 3 < end; i += 4) {
    crc ^=
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    crc =
      (table4[crc & 0xff] as number) ^
      (table3[(crc >>> 8) & 0xff] as number) ^
      (table2[(crc >>> 16) & 0xff] as number) ^
      (table1[crc >>> 24] as number);
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ (table1[(crc ^ (bytes[i] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
