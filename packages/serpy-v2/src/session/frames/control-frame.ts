/** Frames of a session that carry no message, and where the fields of a frame are. */
import { headerBytes } from '../../wire/constants.js';
import { crc32 } from './crc32.js';

/** What the CRC covers of the header: type, then everything from the length on. */
export const typeAt = 5;
export const crcAt = 6;
export const lengthAt = 10;

/** What begins every frame. */
export const frameStart = Buffer.alloc(headerBytes);

/** A frame that carries no message. */
export function controlFrame(type: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(headerBytes + payload.length);
  frameStart.copy(frame);
  frame[typeAt] = type;
  frame.writeUInt32LE(payload.length, lengthAt);
  frame.set(payload, headerBytes);
  frame.writeUInt32LE(crc32(frame, lengthAt, frame.length, type), crcAt);
  return frame;
}
