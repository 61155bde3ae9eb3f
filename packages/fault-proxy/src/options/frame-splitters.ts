/** Functions that find the length of a frame: the type, and those for the protocols of serpy. */

/**
 * Finds the length of the frame that starts at the first byte of `soFar`.
 * @param soFar the received bytes of the frame, at least one; bytes of later frames can follow
 * @param seen the number of these bytes that the function has already seen, so that a search can continue there
 * @returns the length of the frame in bytes, or undefined if it needs more bytes. With the last byte of the frame it must
 * return the length.
 */
export type FrameSplitter = (soFar: Buffer, seen: number) => number | undefined;

const v2HeaderBytes = 14;
const v2LengthOffset = 10;
const v1Separator = 0x1f;

/** The frames of serpy v2: a header of 14 bytes, with the payload's length at offset 10, little-endian. */
export function v2Frames(soFar: Buffer): number | undefined {
  return soFar.length < v2HeaderBytes ? undefined : v2HeaderBytes + soFar.readUInt32LE(v2LengthOffset);
}

/** The blocks of serpy v1. Each ends with 1F, which is part of the block. */
export function v1Blocks(soFar: Buffer, seen = 0): number | undefined {
  const end = soFar.indexOf(v1Separator, seen);
  return end < 0 ? undefined : end + 1;
}
