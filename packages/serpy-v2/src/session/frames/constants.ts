/** The constants of the wire after a handshake, and its 64-bit numbers. */
import { readUint32, writeUint32 } from '../../wire/header.js';

/** A numbered message has the type of a plain one with this bit set: no original peer has such a type. */
export const numberedBit = 0x02;

/** A frame of several small messages, each with a number of its own. */
export const batchType = 0x33;

/** Frames that carry no message. */
export const controlType = { state: 0x42, ping: 0x52, pong: 0x62, close: 0x72 } as const;

/** What a numbered frame says of its piece. */
export const segmentFlag = {
  /** It begins a message. */
  first: 1,
  /** It ends one. */
  last: 2,
  /** The sender waits for the acknowledgement. */
  ackNow: 4,
  /** The message is a stream. */
  stream: 8,
  /** The message ends here without being whole: it was taken back. */
  retracted: 16,
} as const;

/** Flags (1), number (8). */
export const segmentHeaderBytes = 9;

/** How large the whole message is (8): in its first piece, unless that is also the last. */
export const totalBytes = 8;

/** A larger message is cut, so that acknowledgements and heart-beats pass between its pieces. */
export const maxSegmentBytes = 256 * 1024;

/** The total of a stream whose size was not said. */
export const unknownTotal = Number.MAX_SAFE_INTEGER;

const twoTo32 = 2 ** 32;

/** Writes an unsigned number of 64 bits; only safe integers are written. */
export function writeNumber(target: Uint8Array, start: number, value: number): void {
  writeUint32(target, start, value);
  writeUint32(target, start + 4, value / twoTo32);
}

/** Reads an unsigned number of 64 bits. Above 2^53 it is not exact: no honest peer gets there in a lifetime. */
export function readNumber(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start) + readUint32(bytes, start + 4) * twoTo32;
}

/** Whether a frame of this type is one of plain v2. */
export function isPlain(type: number): boolean {
  return type === 0x01 || type === 0x11 || type === 0x21 || type === 0x81;
}
