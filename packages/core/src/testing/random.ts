/** Repeatable random numbers: the same seed gives the same numbers. */

/**
 * A generator of numbers from 0 (included) to 1 (excluded), like `Math.random`. It is Tommy Ettinger's mulberry32 with 32 bits of state,
 * which suffices to choose faults and test data, and for nothing else.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
