/** JSON on one line, as `JSON.stringify` writes it, except that -0 stays -0. */

/** @param value plain data; an object that occurs more than once is converted once, and its text is repeated */
export function jsonLine(value: unknown): string {
  return lineOf(value, new Map());
}

function lineOf(value: unknown, known: Map<object, string>): string {
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const text = known.get(value) ?? containerLine(value, known);
  known.set(value, text);
  return text;
}

function containerLine(value: object, known: Map<object, string>): string {
  const inner = (each: unknown) => lineOf(each, known);
  if (Array.isArray(value)) return `[${value.map(inner).join()}]`;
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${inner(each)}`).join()}}`;
}
