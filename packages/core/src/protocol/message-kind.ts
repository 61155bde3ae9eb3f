/** The kinds of messages that the option `keep` distinguishes. */

/** Arrays in the `.npy` format and of numpy, other bytes, text, and numbers. */
export type MessageKind = 'arrays' | 'bytes' | 'text' | 'numbers';

export const messageKinds: readonly MessageKind[] = ['arrays', 'bytes', 'text', 'numbers'];

/** The first bytes of every `.npy`. */
const npyMagic = Buffer.from('\x93NUMPY', 'latin1');

/** The kind of a message of bytes: a `.npy` is an array. */
export function kindOfBytes(bytes: Uint8Array): 'arrays' | 'bytes' {
  return npyMagic.every((byte, i) => bytes[i] === byte) ? 'arrays' : 'bytes';
}
