/** Chance that can be repeated: the same seed gives the same numbers. */

/** Numbers from 0 (included) to 1 (excluded), as `Math.random` gives them. */
export type Random = () => number;

/** The mulberry32 of Tommy Ettinger: 32 bits of state, good enough to draw faults with and nothing else. */
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
 * A generator of its own for each name, from one seed: so what one fault of one link draws does not depend on how many
 * numbers the others have taken.
 */
export function namedRandom(seed: number, name: string): Random {
  let hash = (seed ^ 0x811c9dc5) >>> 0;
  for (const character of name) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return seededRandom(hash);
}
