/** Sets an option from a name and a text, as in URLs and environment variables. */

/** Options whose value is always text, even if it looks like a number. */
export const textOptions: readonly string[] = ['key', 'key.file', 'name', 'terminator'];

/** An object without a prototype, in which `__proto__` is an unknown option like any other. */
export function emptyOptions(): Record<string, unknown> {
  return Object.create(null);
}

/** Sets an option. A name such as `sendQueue.maxMessages` sets an option in a group. */
export function setOption(options: Record<string, unknown>, path: string, text: string): void {
  const value = textOptions.includes(path) ? textOf(path, text) : parseText(text);
  const [name, field] = path.split('.', 2) as [string, string?];
  if (field === undefined) {
    options[name] = value;
    return;
  }
  const group = Object.hasOwn(options, name) && isObject(options[name]) ? options[name] : {};
  options[name] = { ...group, [field]: value };
}

const escapes: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '\\': '\\' };

/** Text as it is; in a terminator, `\r`, `\n`, `\t` and `\\` stand for characters that a command line cannot contain. */
function textOf(path: string, text: string): string {
  if (path !== 'terminator') return text;
  return text.replaceAll(/\\([rnt\\])/g, (_, letter: string) => escapes[letter] as string);
}

/** A boolean, a number or the text itself. */
function parseText(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
