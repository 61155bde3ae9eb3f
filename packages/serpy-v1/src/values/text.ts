/** Encodes and decodes text in the three encodings of a v1 connection. */
import { constants } from 'node:buffer';
import { EncodingError } from 'serpy-core';

/** The encodings. They are strict, as in Python: a character that the encoding lacks is an error. */
export const encodings = ['ascii', 'latin1', 'utf-8'] as const;

export type Encoding = (typeof encodings)[number];

/** The characters that each encoding lacks. */
const unencodable: Record<Encoding, RegExp> = {
  ascii: /[^\x00-\x7f]/u,
  latin1: /[^\x00-\xff]/u,
  'utf-8': /\p{Surrogate}/u,
};

const widerEncodings: Record<Encoding, string> = {
  ascii: "use encoding: 'utf-8' (or 'latin1') at both ends",
  latin1: "use encoding: 'utf-8' at both ends",
  'utf-8': 'it is half a character (a lone surrogate), since the text was cut within one',
};

/** Throws an `EncodingError` that names the first character which the encoding lacks, and the option. */
export function checkText(text: string, encoding: Encoding): void {
  const misfit = unencodable[encoding].exec(text);
  if (misfit === null) return;
  const [character] = misfit;
  const code = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
  throw new EncodingError(
    `the character ${JSON.stringify(character)} (U+${code}) at position ${misfit.index} does not fit into ` +
      `this connection's encoding '${encoding}': ${widerEncodings[encoding]}`,
    character,
    misfit.index,
  );
}

/** The bytes of a text that `checkText` accepted. */
export function encodeText(text: string, encoding: Encoding): Buffer {
  return Buffer.from(text, encoding === 'utf-8' ? 'utf8' : 'latin1');
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of bytes; undefined if they are invalid in this encoding or too long for a string. */
export function decodeText(bytes: Buffer, encoding: Encoding): string | undefined {
  if (encoding === 'utf-8') {
    try {
      return utf8.decode(bytes);
    } catch {
      return undefined;
    }
  }
  if (bytes.length > constants.MAX_STRING_LENGTH) return undefined;
  const text = bytes.toString('latin1');
  return encoding === 'ascii' && unencodable.ascii.test(text) ? undefined : text;
}
