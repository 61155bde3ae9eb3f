/** Finds where a text stops being JSON. `JSON.parse` states the position in some versions of Node, and of some faults only. */

const space = /[ \t\n\r]*/y;
const scalar = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\d.eE])/y;
const escaped = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;
/** At most so many characters at once: a longer repetition could exceed the stack of the regular expression. */
const plain = /[^"\\\x00-\x1f]{1,1000}/y;

/** What may come next. */
type Next = 'value' | 'value or ]' | 'key or }' | 'key' | ':' | ', or end';

/** The index of the first character that cannot continue JSON; the length of a text that ends too early, or that is JSON. */
export function faultPosition(text: string): number {
  const ends: ('}' | ']')[] = [];
  let next: Next = 'value';
  let at = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const isFound = pattern.test(text);
    if (isFound) at = pattern.lastIndex;
    return isFound;
  };
  const skipString = (): boolean => {
    at++;
    while (skip(plain) || skip(escaped));
    return text[at] === '"' && ++at > 0;
  };
  for (;;) {
    skip(space);
    const character: string | undefined = text[at];
    if (character === undefined) return at;
    if (next === ':') {
      if (character !== ':') return at;
      at++;
      next = 'value';
    } else if (next === ', or end') {
      if (character === ends.at(-1)) ends.pop();
      else if (character === ',' && ends.length > 0) next = ends.at(-1) === '}' ? 'key' : 'value';
      else return at;
      at++;
    } else if (next === 'key' || next === 'key or }') {
      if (character === '"') {
        if (!skipString()) return at;
        next = ':';
      } else if (character === '}' && next === 'key or }') {
        ends.pop();
        at++;
        next = ', or end';
      } else return at;
    } else if (character === '[' || character === '{') {
      ends.push(character === '[' ? ']' : '}');
      next = character === '[' ? 'value or ]' : 'key or }';
      at++;
    } else if (character === ']' && next === 'value or ]') {
      ends.pop();
      at++;
      next = ', or end';
    } else {
      if (character === '"' ? !skipString() : !skip(scalar)) return at;
      next = ', or end';
    }
  }
}
