/** The bytes by which a client and a server detect which protocol the other one speaks. */
import { v1, v2 } from '../protocols.js';

/** Starts every v2 frame. */
export const v2Magic: Buffer = v2.v2Wire.magic;

/** What a client sends first: SETMODE0, which every v1 server answers, and the fill. */
export const probe: Buffer = v2.v2Wire.probe;

/** The block of v1 that the probe starts with. */
export const probeBlockBytes = probe.indexOf(v1.v1Wire.blockEnd) + 1;

/** The rest of the probe: empty blocks, which v1 skips, up to the length of a v2 header. */
export const probeFill = probe.subarray(probeBlockBytes);

/** The answer of a server that detects the protocol: an empty v2 frame with a complemented checksum, which every v2 peer drops. */
export const v2Answer: Buffer = v2.v2Wire.probeAnswer;

/** The answer of every v1 peer. No other peer sends it. */
export const v1Answer: Buffer = v1.v1Wire.modeChangedBlock;

/** The answer without the byte that ends its block. */
export const v1AnswerBytes = v1Answer.length - 1;

export function startsWith(bytes: Buffer, pattern: Buffer): boolean {
  return bytes.length >= pattern.length && bytes.compare(pattern, 0, pattern.length, 0, pattern.length) === 0;
}

/** Whether the bytes are an incomplete beginning of the pattern. */
export function isPrefix(bytes: Buffer, pattern: Buffer): boolean {
  return bytes.length < pattern.length && bytes.compare(pattern, 0, bytes.length) === 0;
}
