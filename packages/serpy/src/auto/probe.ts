/** The bytes with which a client and a server find out which protocol the other speaks. */

export const v2Magic = Buffer.from('decafecafe', 'hex');

/** What the probe adds to a SETMODE0 block: empty blocks, which v1 skips, to the length of a v2 header. */
export const probeFill = Buffer.alloc(4, 0x1f);
export const probe = Buffer.from('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f', 'latin1');

/** An empty v2 message whose checksum is the complement of the right one: every v2 peer drops it. Says "v2" to a client that asked. */
export const v2Answer = Buffer.from('decafecafe81ffffffff00000000', 'hex');

/** What every v1 peer answers to a probe, and nobody else. */
export const v1Answer = Buffer.from('\x01ACKMODCG\x1f', 'latin1');

export function startsWith(bytes: Buffer, pattern: Buffer): boolean {
  return bytes.length >= pattern.length && bytes.compare(pattern, 0, pattern.length, 0, pattern.length) === 0;
}

/** Whether bytes are a beginning of the pattern that is not whole yet. */
export function isPrefix(bytes: Buffer, pattern: Buffer): boolean {
  return bytes.length < pattern.length && bytes.compare(pattern, 0, bytes.length) === 0;
}
