/** The chain of hashes in the index: each line confirms the line before it and all content so far. docs/recordings.md specifies it. */
import { createHash, type Hash, hash } from 'node:crypto';

/** The end of each line. */
const suffixPattern = /^,"chain":"([0-9a-f]{64})"\}$/;

/** The length of the end, without the line break. */
const suffixLength = 76;

/** What a line has in addition to its text. */
export const sealBytes = suffixLength + 1;

/** SHA-256 in hex. */
export function sha256(data: Uint8Array | string): string {
  return hash('sha256', data, 'hex');
}

/** The hash of everything that was added; of nothing without an argument. */
export function hashSoFar(content: Hash | undefined): string {
  return (content ?? createHash('sha256')).copy().digest('hex');
}

/** The hash of a line. @param contentHash of the line's file up to and including its message; empty for a line without a file */
export function chainOf(previous: string, contentHash: string, text: string): string {
  return hash('sha256', previous + contentHash + text, 'hex');
}

/** The line with its hash at the end. @param text the JSON of an object without the last brace */
export function seal(text: string, chain: string): string {
  return `${text},"chain":"${chain}"}\n`;
}

/** The parts of a line, for `chainOf`; undefined for a line without a hash. */
export function unseal(line: string): { readonly text: string; readonly chain: string } | undefined {
  const [, chain] = suffixPattern.exec(line.slice(-suffixLength)) ?? [];
  return chain === undefined ? undefined : { text: line.slice(0, -suffixLength), chain };
}
