/** The frames in the stream of a session: the frames of v2, and parts of streams. */
import type { SessionFrames } from '../decoder.js';
import { type DecodedMessage, decodeValue } from '../values/values.js';
import { streamType } from '../wire/constants.js';
import { decodeStreamFrame } from './stream-frame.js';

/** The largest part of a stream. */
const maxPartBytes = 256 * 1024;

/** The value of a part of a stream, which is not a message. */
const nothing = Buffer.alloc(0);

export function sessionFrames(maxMessageBytes: number): SessionFrames {
  return {
    maxBytes: (type) => (type === streamType ? maxPartBytes : maxMessageBytes),
    decode: (type, payload, end) => (type === streamType ? partOf(payload, end) : decodeValue(type, payload, end)),
  };
}

/** A part of a stream; undefined for a kind that only later versions know. */
function partOf(payload: Buffer, end: number): DecodedMessage | undefined {
  const part = decodeStreamFrame(payload);
  return part && { type: 'bytes', value: nothing, sizeBytes: payload.length, end, part };
}
