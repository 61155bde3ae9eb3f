/**
 * What a session's frames are checked with: a CRC-32, and for the bytes of large pieces XXH3, which takes half the time. Both notice bytes that
 * changed places, which the plain sum of v2 does not.
 */
import { crc32 } from './crc32.js';
import { xxh3 } from './xxh3.js';

/** From this size on the bytes of a piece are checked with XXH3. */
export const xxh3FromBytes = 4096;

/** The check of a frame, given the CRC-32 of what goes before its bytes. */
export function frameChecksum(headCrc: number, bytes: Uint8Array, start: number, end: number): number {
  return end - start < xxh3FromBytes ? crc32(bytes, start, end, headCrc) : xxh3(bytes, start, end, headCrc);
}
