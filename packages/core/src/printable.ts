/** Escapes text that contains text of a peer, so that it cannot control a terminal or forge a line of a log. */

/** Control characters, including C1, and characters that change the direction or end the line. */
const unsafeCharacters = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** The same text on one line: unsafe characters are escaped as in JSON, such as `\n` and `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(unsafeCharacters, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped;
  });
}
