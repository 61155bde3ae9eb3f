/** Text as bytes and back, in the three encodings. */
import { isAscii, isUtf8 } from 'node:buffer';
import { EncodingError } from 'serpy-core';

export const encodings = ['utf-8', 'ascii', 'latin1'] as const;

export type Encoding = (typeof encodings)[number];

/** The characters that each encoding lacks, and the remedy. */
const misfits: Record<Encoding, readonly [characters: RegExp, remedy: string]> = {
  'utf-8': [/\p{Surrogate}/u, 'it is half a character (a lone surrogate): the text was cut in the middle of one'],
  ascii: [/[^\x00-\x7f]/u, "set the option encoding to 'utf-8' or 'latin1' if the peer reads that"],
  latin1: [/[^\x00-\xff]/u, "set the option encoding to 'utf-8' if the peer reads that"],
};

/** @throws `ERR_SERPY_ENCODING` with the first character that the encoding lacks */
export function encodeText(text: string, encoding: Encoding): Buffer {
  const [characters, remedy] = misfits[encoding];
  const misfit = characters.exec(text);
  if (misfit === null) return Buffer.from(text, encoding === 'utf-8' ? 'utf8' : 'latin1');
  const [character] = misfit;
  const where = `the character ${JSON.stringify(character)} at position ${misfit.index}`;
  throw new EncodingError(`${where} does not fit into the encoding '${encoding}': ${remedy}`, character, misfit.index);
}

/** The text of bytes. U+FFFD replaces what the encoding lacks. */
export function decodeText(bytes: Buffer, encoding: Encoding): string {
  if (encoding === 'utf-8') return bytes.toString('utf8');
  const text = bytes.toString('latin1');
  return encoding === 'latin1' || isAscii(bytes) ? text : text.replaceAll(/[^\x00-\x7f]/g, '\ufffd');
}

/** Whether bytes are text in the encoding, so that `decodeText` replaces nothing. */
export function isText(bytes: Buffer, encoding: Encoding): boolean {
  return encoding === 'utf-8' ? isUtf8(bytes) : encoding === 'latin1' || isAscii(bytes);
}
