/**
 * What a session's frames are checked with: the lower half of XXH64. It notices bytes that changed places, as a CRC would, and takes half
 * the time of the system's CRC-32.
 */
import { xxh64Kernel } from '../xxh64-kernel.js';

/** As far as it is used here: Node has it, its types have not. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

type Digest = (bytes: Uint8Array, start: number, end: number, seed: number) => number;

/** Up to this size a loop copies faster into the kernel's memory than the system's copy. */
const loopBytes = 32;

function loadKernel(): Digest | undefined {
  try {
    const module = new WebAssembly.Module(Buffer.from(xxh64Kernel, 'base64'));
    const { memory, hash } = new WebAssembly.Instance(module).exports as {
      readonly memory: { readonly buffer: ArrayBuffer };
      readonly hash: (length: number, seed: number) => number;
    };
    const input = new Uint8Array(memory.buffer);
    return (bytes, start, end, seed) => {
      const length = end - start;
      if (length <= loopBytes) for (let i = 0; i < length; i++) input[i] = bytes[start + i] as number;
      else input.set(length === bytes.length ? bytes : bytes.subarray(start, end));
      return hash(length, seed) >>> 0;
    };
  } catch {
    return undefined; // no WebAssembly
  }
}

const mask = 2n ** 64n - 1n;
const [prime1, prime2, prime3, prime4, prime5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const;

const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & mask;
const round = (sum: bigint, word: bigint) => (rotate((sum + word * prime2) & mask, 31n) * prime1) & mask;

/** The same without WebAssembly: a hundred times slower, for where there is none, and to check the kernel with. */
export function plainDigest(bytes: Uint8Array, start: number, end: number, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start);
  const length = view.byteLength;
  const first = BigInt(seed >>> 0);
  let at = 0;
  let hash = (first + prime5) & mask;
  if (length >= 32) {
    const sums = [first + prime1 + prime2, first + prime2, first, first - prime1].map((sum) => sum & mask);
    for (; at + 32 <= length; at += 32) {
      for (let i = 0; i < 4; i++) sums[i] = round(sums[i] as bigint, view.getBigUint64(at + 8 * i, true));
    }
    hash = [1n, 7n, 12n, 18n].reduce((sum, bits, i) => sum + rotate(sums[i] as bigint, bits), 0n) & mask;
    for (const sum of sums) hash = ((hash ^ round(0n, sum)) * prime1 + prime4) & mask;
  }
  hash = (hash + BigInt(length)) & mask;
  for (; at + 8 <= length; at += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * prime1 + prime4) & mask;
  }
  if (at + 4 <= length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * prime1) & mask), 23n) * prime2 + prime3) & mask;
    at += 4;
  }
  for (; at < length; at++) {
    hash = (rotate(hash ^ ((BigInt(view.getUint8(at)) * prime5) & mask), 11n) * prime1) & mask;
  }
  hash = ((hash ^ (hash >> 33n)) * prime2) & mask;
  hash = ((hash ^ (hash >> 29n)) * prime3) & mask;
  return Number((hash ^ (hash >> 32n)) & 0xffffffffn);
}

/**
 * The digest of the bytes from `start` to `end`, at most 320 KiB. Of bytes in two places: that of the second, with that of the first as its seed.
 */
export const digest: Digest = loadKernel() ?? plainDigest;
