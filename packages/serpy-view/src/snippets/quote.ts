/** Names, paths and addresses as literals of each language, and in comments: none of their characters ends a literal or a line. */

/** Control characters, and characters that end a line or change the direction of text. All of them have four hexadecimal digits. */
const unsafeCharacters = /[\p{Cc}\p{Surrogate}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A literal of Python or JavaScript: both know the escapes of JSON. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(unsafeCharacters, escaped);
}

/** A literal of MATLAB, which has no escapes: other characters are joined to it by their numbers. */
export function matlabQuoted(text: string): string {
  const literal = (part: string) => `"${part.replaceAll('"', '""')}"`;
  const parts = text.split(/([\p{Cc}\p{Surrogate}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069])/u);
  if (parts.length === 1) return literal(text);
  const joined = parts.map((part, at) => (at % 2 === 0 ? literal(part) : `char(${part.charCodeAt(0)})`));
  return `(${joined.join(' + ')})`;
}

/** Text for the end of a line. */
export function commented(text: string): string {
  return text.replaceAll(unsafeCharacters, escaped);
}

/** Two parts of a path, with a slash, which every system reads. */
export function pathOf(folder: string, file: string): string {
  return `${folder.replace(/(?<=.)[/\\]+$/, '')}/${file}`;
}
