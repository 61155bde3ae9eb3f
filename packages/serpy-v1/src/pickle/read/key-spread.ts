/**
 * Detects a dict or set whose keys collide in the engine's hash table. V8 hashes numbers without a seed, so a peer can choose numbers that
 * share one bucket, and each new one is then compared with all others. The hash of texts has a random seed, that of objects is random.
 */
import { opaqueError } from '../format/unreadable-pickle.js';
import type { PickleValue } from '../format/values.js';

/** Smaller tables cost little, even if all keys share a bucket. */
const minSize = 256;

/** Comparisons per key. Keys that were not chosen to collide need two. */
const maxComparisons = 64;

/** V8 has one bucket per two entries. */
const entriesPerBucket = 2;

/** Counts the collisions while keys are added to one dict or set. */
export class KeySpread {
  #size = 0;
  /** The number of keys in each bucket. */
  #loads = new Uint32Array(0);
  #comparisons = 0;

  /**
   * Counts a key that was added to the container.
   * @throws `UnreadablePickle` if the keys were chosen to collide
   */
  added(container: Map<PickleValue, unknown> | Set<PickleValue>, key: PickleValue): void {
    const { size } = container;
    if (size < minSize || size === this.#size) return;
    this.#size = size;
    if (size > this.#loads.length * entriesPerBucket) this.#recount(container);
    else this.#count(key);
    if (this.#comparisons > maxComparisons * size) {
      throw opaqueError(
        'holds a dict or set whose keys collide and would make it slow. Send the keys as texts, or send a list',
      );
    }
  }

  /** Counts all keys again: the table has grown to twice as many buckets. */
  #recount(container: Map<PickleValue, unknown> | Set<PickleValue>): void {
    this.#loads = new Uint32Array(2 ** Math.ceil(Math.log2(container.size + 1)) / entriesPerBucket);
    this.#comparisons = 0;
    for (const key of container.keys()) this.#count(key);
  }

  #count(key: PickleValue): void {
    const hash = unseededHash(key);
    if (hash === undefined) return;
    const bucket = hash & (this.#loads.length - 1);
    const load = this.#loads[bucket] as number;
    this.#comparisons += load;
    this.#loads[bucket] = load + 1;
  }
}

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);
const integer = new BigUint64Array(double.buffer);
/** The index of each half of a number on this machine. */
const [low, high] = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? [0, 1] : [1, 0];

/** V8's hash of a number; undefined for a key whose hash is seeded or random. */
function unseededHash(key: PickleValue): number | undefined {
  if (typeof key === 'number') {
    if (key === (key | 0)) return hash32(key);
    double[0] = key;
  } else if (typeof key === 'bigint') {
    integer[0] = BigInt.asUintN(64, key < 0n ? -key : key);
  } else {
    return undefined;
  }
  return hash64(halves[high] as number, halves[low] as number);
}

/** `ComputeUnseededHash` of V8. */
function hash32(key: number): number {
  let hash = (~key + (key << 15)) | 0;
  hash ^= hash >>> 12;
  hash = (hash + (hash << 2)) | 0;
  hash ^= hash >>> 4;
  hash = Math.imul(hash, 2057);
  return hash ^ (hash >>> 16);
}

/** `ComputeLongHash` of V8, in halves of 32 bits. */
function hash64(upper: number, lower: number): number {
  // hash = ~key + (key << 18)
  let sum = (~lower >>> 0) + ((lower << 18) >>> 0);
  let top = (~upper + ((upper << 18) | (lower >>> 14)) + carry(sum)) | 0;
  let bottom = sum | 0;
  // hash ^= hash >>> 31
  bottom ^= (top << 1) | (bottom >>> 31);
  top ^= top >>> 31;
  // hash *= 21
  const product = (bottom >>> 0) * 21;
  top = (Math.imul(top, 21) + Math.floor(product / 2 ** 32)) | 0;
  bottom = product | 0;
  // hash ^= hash >>> 11
  bottom ^= (top << 21) | (bottom >>> 11);
  top ^= top >>> 11;
  // hash += hash << 6
  sum = (bottom >>> 0) + ((bottom << 6) >>> 0);
  top = (top + ((top << 6) | (bottom >>> 26)) + carry(sum)) | 0;
  bottom = sum | 0;
  // hash ^= hash >>> 22
  return bottom ^ ((top << 10) | (bottom >>> 22));
}

function carry(sum: number): number {
  return sum >= 2 ** 32 ? 1 : 0;
}
