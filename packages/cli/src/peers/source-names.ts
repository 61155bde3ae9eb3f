/** Arguments with a name: `cam=serpy2://lab1:5001`, `temp=K`. */

import { usageError } from '../failure.js';

/** The name before the first `=`, if there is one. */
export function splitName(text: string): { readonly name: string | undefined; readonly rest: string } {
  const [, name, rest] = /^([\w .-]{1,60})=(.*)$/s.exec(text) ?? [];
  return name === undefined || rest === undefined ? { name: undefined, rest: text } : { name, rest };
}

/** A URL with or without a name. */
export function namedUrl(text: string | undefined): {
  readonly name: string | undefined;
  readonly url: string | undefined;
} {
  if (text === undefined) return { name: undefined, url: undefined };
  const { name, rest } = splitName(text);
  const isUrl = /^(?:serpy|lines)[^:=]*:/.test(text);
  if (name === undefined && !isUrl && /=(?:serpy|lines)[^:=]*:\/\//.test(text))
    throw usageError(
      `the name before "=" in ${JSON.stringify(text.slice(0, text.indexOf('=')))} is not one: it has at most 60 letters, digits, spaces, ".", "-" and "_"`,
    );
  return { name, url: rest };
}
