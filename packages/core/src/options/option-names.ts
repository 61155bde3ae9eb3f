/** The names of options: an unknown one is told with the nearest that exists, never ignored. */
import leven from 'leven';
import { OptionError } from '../errors.js';

/** Throws an `OptionError` for the first name that is not among the known ones. */
export function checkNames(given: object, known: readonly string[], prefix = ''): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw new OptionError(unknownName(name, known, prefix));
  }
}

function unknownName(name: string, known: readonly string[], prefix: string): string {
  const maxDistance = Math.min(3, Math.floor(name.length / 2)); // of a short name, three other letters are another name
  const near = known
    .map((each) => ({ each, distance: leven(each.toLowerCase(), name.toLowerCase()) }))
    .filter(({ each, distance }) => distance <= maxDistance || each.toLowerCase().startsWith(name.toLowerCase()))
    .sort((a, b) => a.distance - b.distance)[0];
  const advice = near ? `did you mean ${prefix}${near.each}?` : `the options are ${known.join(', ')}`;
  return `there is no option ${prefix}${name}: ${advice}`;
}
