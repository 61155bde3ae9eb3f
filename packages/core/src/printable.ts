/** Texts that a peer may have a part in, so that a terminal or a log shows them and does nothing else. */

/** Control characters, C1 among them, and those that change the direction or the line. */
const unsafeCharacters = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** The same text on one line: what could do something is written as JSON does, such as `\n` and `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(unsafeCharacters, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped;
  });
}
