/** Repeatable random numbers: the same seed gives the same numbers on every computer. */

/** Numbers from 0 (included) to 1 (excluded), as `Math.random`. */
export type Random = () => number;

/** Mixes two whole numbers to one seed: that of the value `index` of an instrument with this `seed`. */
export function mixSeeds(seed: number, index: number): number {
  let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** A generator with 128 bits of state (Marsaglia's xorshift, 2003), good enough for noise and nothing else. */
export function seededRandom(seed: number): Random {
  let [x, y, z, w] = [mixSeeds(seed, 1), mixSeeds(seed, 2), mixSeeds(seed, 3), mixSeeds(seed, 4) | 1];
  return () => {
    const t = x ^ (x << 11);
    [x, y, z] = [y, z, w];
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return (w >>> 0) / 2 ** 32;
  };
}

/** A normally distributed number of mean 0 and variance 1 (Box and Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** From this mean on, a normal distribution approximates Poisson's well enough. */
const largeMean = 50;

/** A Poisson distributed number of events. */
export function poisson(mean: number, random: Random): number {
  if (mean >= largeMean) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  let events = 0;
  for (let left = Math.exp(-mean), product = random(); product > left; product *= random()) events++;
  return events;
}
