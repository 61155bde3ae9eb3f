/** Seeded random numbers: the same seed gives the same numbers. */

/** Returns numbers from 0 (included) to 1 (excluded), like `Math.random`. */
export type Random = () => number;

/** mulberry32 by Tommy Ettinger. It has 32 bits of state, which is enough to choose faults, and for nothing else. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A separate generator for each name, from one seed: the numbers of one fault of one link do not depend on how many numbers
 * the others consumed.
 */
export function namedRandom(seed: number, name: string): Random {
  let hash = (seed ^ 0x811c9dc5) >>> 0;
  for (const character of name) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return seededRandom(hash);
}
