/** Sets an option by its name and a text, as URLs and variables state it. */

/** Options that are texts, even such as look like a number. */
export const textOptions: readonly string[] = ['key', 'key.file'];

/** Without a prototype, so that a name such as `__proto__` is an unknown option like any other. */
export function emptyOptions(): Record<string, unknown> {
  return Object.create(null);
}

/** Sets an option, below another one for a name such as `sendQueue.maxMessages`. */
export function setOption(options: Record<string, unknown>, path: string, text: string): void {
  const value = textOptions.includes(path) ? text : fromText(text);
  const [name, below] = path.split('.', 2) as [string, string?];
  if (below === undefined) {
    options[name] = value;
    return;
  }
  const group = Object.hasOwn(options, name) && isObject(options[name]) ? options[name] : {};
  options[name] = { ...group, [below]: value };
}

function fromText(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
