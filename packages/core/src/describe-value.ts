/** Names the kind of a value in an error message. */

/** What a value is, without its content: `null`, `an array`, `an object (Date)`, `a boolean`. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return `an object (${typeof name === 'string' && name !== '' ? name : 'without a class'})`;
}
