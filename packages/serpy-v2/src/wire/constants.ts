/** The constants of the v2 wire: a 14-byte header, then the payload. */

/** The first bytes of every frame. */
export const magic = Buffer.from('decafecafe', 'hex');

/** Magic (5), type (1), checksum (4), payload length (4). */
export const headerBytes = 14;

/** Below this size a payload is copied behind its header. From this size on, header and payload are two buffers. */
export const copyBelowBytes = 4096;

/** Offsets of the fields in a header. */
export const typeOffset = 5;
export const checksumOffset = 6;
export const lengthOffset = 10;

/** The payload types. */
export const frameType = { int: 0x01, float: 0x11, str: 0x21, bytes: 0x81 } as const;

/** The type of a part of a stream, which only a session uses. */
export const streamType = 0x41;

/** The type of a part of a request, which only a session uses. */
export const requestType = 0x42;

/** The type of a message with metadata, which only a session uses. */
export const aboutType = 0x43;

/** The name of a payload type. */
export type TypeName = keyof typeof frameType;

/**
 * `01 SETMODE0` and five `1F`: a client sends it to detect the protocol of a server. A v1 server answers it. A v2 server skips it, because it
 * has the length of a header.
 */
export const probe = Buffer.from('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f', 'latin1');

/**
 * The answer of a v2 server to the probe: an empty frame with a complemented checksum, which every v2 peer drops. A client sends the same frame
 * to decline the session that the server offered with its answer.
 */
export const probeAnswer = Buffer.concat([magic, Buffer.from('81ffffffff00000000', 'hex')]);

/** The constants with which the protocol detection recognizes v2. */
export const v2Wire = { magic, probe, probeAnswer } as const;
