/** How frames are cut: a function tells, and the wires of serpy have theirs here. */

/**
 * Says where the frame that begins at the first byte of `soFar` ends.
 * @param soFar the frame's bytes that have come, and perhaps some that follow it; at least one
 * @param seen how many of them the function has been shown before, so that a search need not begin anew
 * @returns the length of the frame in bytes, or undefined as long as it cannot be told. It must be told when the frame's last
 * byte is there, at the latest.
 */
export type FrameSplitter = (soFar: Buffer, seen: number) => number | undefined;

const v2HeaderBytes = 14;
const v2LengthOffset = 10;
const v1Separator = 0x1f;

/** The frames of serpy v2: a header of 14 bytes, with the payload's length, little-endian, at offset 10. */
export function v2Frames(soFar: Buffer): number | undefined {
  return soFar.length < v2HeaderBytes ? undefined : v2HeaderBytes + soFar.readUInt32LE(v2LengthOffset);
}

/** The blocks of serpy v1: each ended by 1F, which counts as its last byte. */
export function v1Blocks(soFar: Buffer, seen = 0): number | undefined {
  const end = soFar.indexOf(v1Separator, seen);
  return end < 0 ? undefined : end + 1;
}
