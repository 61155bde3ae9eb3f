/** The option `name`, which a session tells to the peer. A name is printable text, so that it can be shown; it proves nothing. */
import { isUtf8 } from 'node:buffer';
import { OptionError } from '../errors.js';
import { printable } from '../printable.js';
import { display, type OptionSpec } from './option.js';

const maxNameBytes = 64;
const takes = `a text of 1 to ${maxNameBytes} bytes (UTF-8) without control characters`;

export const nameOption: OptionSpec<string> = {
  takes,
  default: undefined,
  optional: true,
  parse(value, path) {
    if (typeof value === 'string' && isName(value)) return value;
    throw new OptionError(`the option ${path} takes ${takes}, not ${display(value)}`);
  },
};

/** The name in bytes of a peer; undefined if they are not a name, so that a wrong name does not end the link. */
export function nameFrom(bytes: Buffer): string | undefined {
  if (bytes.length > maxNameBytes || !isUtf8(bytes)) return undefined;
  const text = bytes.toString();
  return isName(text) ? text : undefined;
}

function isName(text: string): boolean {
  const bytes = Buffer.byteLength(text);
  return (
    bytes > 0 && bytes <= maxNameBytes && text.trim() !== '' && !/\p{Surrogate}/u.test(text) && printable(text) === text
  );
}
