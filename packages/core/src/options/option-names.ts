/** Checks the names of options: an unknown name is an error that suggests the nearest existing name. */
import leven from 'leven';
import { OptionError } from '../errors.js';

/** Throws an `OptionError` for the first unknown name. */
export function checkNames(given: object, known: readonly string[], prefix = ''): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw new OptionError(unknownName(name, known, prefix));
  }
}

function unknownName(name: string, known: readonly string[], prefix: string): string {
  const maxDistance = Math.min(3, Math.floor(name.length / 2)); // three different letters make a short name another name
  const near = known
    .map((each) => ({ each, distance: leven(each.toLowerCase(), name.toLowerCase()) }))
    .filter(({ each, distance }) => distance <= maxDistance || each.toLowerCase().startsWith(name.toLowerCase()))
    .sort((a, b) => a.distance - b.distance)[0];
  const advice = near ? `did you mean ${prefix}${near.each}?` : `the options are ${known.join(', ')}`;
  return `there is no option ${prefix}${name}: ${advice}`;
}
