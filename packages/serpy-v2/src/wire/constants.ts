/** The constants of the v2 wire: a 14-byte header, then the payload. */

/** What every frame starts with. */
export const magic = Buffer.from('decafecafe', 'hex');

/** Magic (5), type (1), checksum (4), payload length (4). */
export const headerBytes = 14;

/** A payload below this is copied behind its header; above, header and payload stay two pieces. */
export const copyBelowBytes = 4096;

/** Where these begin. */
export const typeOffset = 5;
export const checksumOffset = 6;
export const lengthOffset = 10;

/** The payload types. */
export const frameType = { int: 0x01, float: 0x11, str: 0x21, bytes: 0x81 } as const;

/** The type of a part of a stream: only a session has it. */
export const streamType = 0x41;

/** The name of a payload type. */
export type TypeName = keyof typeof frameType;

/**
 * `01 SETMODE0` and five `1F`: what a client sends to learn which protocol a server speaks. A v1 peer answers;
 * for a v2 peer it is as long as a header, and is skipped.
 */
export const probe = Buffer.from('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f', 'latin1');

/** What the detection of the protocol needs to recognize v2. */
export const v2Wire = { magic, probe } as const;
