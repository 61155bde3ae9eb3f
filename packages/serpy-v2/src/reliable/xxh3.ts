/**
 * The check of large records: the low 32 bits of XXH3 (64 bits, with a seed). Like a CRC it detects bytes in a different order, in a fifth of the
 * time of zlib's CRC-32.
 */
import { loadKernel } from 'serpy-core';
import { xxh3Kernel } from '../wasm/xxh3-kernel.js';

type Xxh3 = (bytes: Uint8Array, start: number, end: number, seed: number) => number;

const mask = 2n ** 64n - 1n;
const low = 0xffffffffn;
const stripeBytes = 64;
const stripesPerBlock = 16;

const [prime32, prime64] = [0x9e3779b1n, 0x9e3779b185ebca87n];
const firstSums = [
  0xc2b2ae3dn,
  prime64,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x85ebca77n,
  0x27d4eb2f165667c5n,
  prime32,
];

const secret = Buffer.from(
  'uP5sOSOkS758AYEs9yGtHN7UbemDkJfbckCkpLezZx/LeeZOzMDleIJa0H3M/3IhuAhGdPdDJI7gNZDmgTomTDwoUruRwwDLiNBl' +
    'ixtTLqNxZEiXog35TjgZ70ap3qzYqPp2P+OcND/53LvHxwtPHYpR4EvNtFkxyJ9+ydl4c2TqxayDNNPrw8WBoP/6E2PrFw3dUbfw' +
    '2knTFlUmKdRonisWvlh9R6H8j/i40XrQMc5FyzqPlRYEKK/X+8q7S0B+',
  'base64',
);

/** XXH3 without WebAssembly: the fallback, and the reference for tests. It is a hundred times slower. */
export function xxh3Reference(bytes: Uint8Array, start: number, end: number, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start);
  const key = seededSecret(BigInt(seed >>> 0));
  const sums = [...firstSums];
  const length = view.byteLength;
  const stripes = Math.floor((length - 1) / stripeBytes);
  for (let stripe = 0; stripe < stripes; stripe++) {
    const inBlock = stripe % stripesPerBlock;
    addStripe(sums, view, stripe * stripeBytes, key, 8 * inBlock);
    if (inBlock === stripesPerBlock - 1) scramble(sums, key);
  }
  addStripe(sums, view, length - stripeBytes, key, 121);
  let hash = BigInt(length) * prime64;
  for (let i = 0; i < 8; i += 2) {
    const at = 11 + 8 * i;
    const left = (sums[i] as bigint) ^ key.getBigUint64(at, true);
    const product = left * ((sums[i + 1] as bigint) ^ key.getBigUint64(at + 8, true));
    hash += (product & mask) ^ (product >> 64n);
  }
  hash &= mask;
  hash = ((hash ^ (hash >> 37n)) * 0x165667919e3779f9n) & mask;
  return Number((hash ^ (hash >> 32n)) & low);
}

function seededSecret(seed: bigint): DataView {
  const key = new DataView(new ArrayBuffer(secret.length));
  for (let at = 0; at < secret.length; at += 16) {
    key.setBigUint64(at, (secret.readBigUInt64LE(at) + seed) & mask, true);
    key.setBigUint64(at + 8, (secret.readBigUInt64LE(at + 8) - seed) & mask, true);
  }
  return key;
}

function addStripe(sums: bigint[], view: DataView, at: number, key: DataView, keyAt: number): void {
  for (let i = 0; i < 8; i++) {
    const word = view.getBigUint64(at + 8 * i, true);
    const keyed = word ^ key.getBigUint64(keyAt + 8 * i, true);
    sums[i ^ 1] = ((sums[i ^ 1] as bigint) + word) & mask;
    sums[i] = ((sums[i] as bigint) + (keyed & low) * (keyed >> 32n)) & mask;
  }
}

function scramble(sums: bigint[], key: DataView): void {
  for (let i = 0; i < 8; i++) {
    const sum = sums[i] as bigint;
    sums[i] = ((sum ^ (sum >> 47n) ^ key.getBigUint64(128 + 8 * i, true)) * prime32) & mask;
  }
}

function wasmXxh3(): Xxh3 | undefined {
  const kernel = loadKernel<{ hash(length: number, seed: number): number }>(xxh3Kernel);
  if (kernel === undefined) return undefined;
  const { memory: input } = kernel;
  const { hash } = kernel.exports;
  return (bytes, start, end, seed) => {
    input.set(end - start === bytes.length ? bytes : bytes.subarray(start, end));
    return hash(end - start, seed) >>> 0;
  };
}

/** The digest of 241 bytes to 256 KiB, from `start` to `end`. For bytes in two buffers, the digest of the first is the seed of the second. */
export const xxh3: Xxh3 = wasmXxh3() ?? xxh3Reference;
