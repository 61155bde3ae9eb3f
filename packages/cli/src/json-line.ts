/** JSON as `JSON.stringify` writes it, on one line, but with -0, which JSON has and that makes 0. */

/** @param value plain data */
export function jsonLine(value: unknown): string {
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(jsonLine).join()}]`;
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${jsonLine(each)}`).join()}}`;
}
