/** The frames in the stream of a session: the frames of v2, messages with metadata, and parts of streams and requests. */
import type { SessionFrames } from '../decoder.js';
import { type DecodedMessage, decodeValue } from '../values/values.js';
import { aboutType, requestType, streamType } from '../wire/constants.js';
import { decodeAboutFrame, maxAboutHeadBytes } from './about-frame.js';
import { decodeRequestFrame, requestHeadBytes } from './request-frame.js';
import { decodeStreamFrame } from './stream-frame.js';

/** The largest part of a stream. */
const maxPartBytes = 256 * 1024;

/** The value of a part of a stream, which is not a message. */
const nothing = Buffer.alloc(0);

/** A class and not an object of closures, so that the decoders of all sessions call the same functions. */
export class StreamFrames implements SessionFrames {
  readonly #maxMessageBytes: number;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  maxBytes(type: number): number {
    if (type === streamType) return maxPartBytes;
    if (type === aboutType) return this.#maxMessageBytes + maxAboutHeadBytes;
    return type === requestType ? this.#maxMessageBytes + requestHeadBytes : this.#maxMessageBytes;
  }

  decode(type: number, payload: Buffer, end: number): DecodedMessage | undefined {
    if (type === streamType) return partOf(payload, end);
    if (type === aboutType) return decodeAboutFrame(payload, end);
    return type === requestType ? decodeRequestFrame(payload, end) : decodeValue(type, payload, end);
  }
}

/** A part of a stream; undefined for a kind that only later versions know. */
function partOf(payload: Buffer, end: number): DecodedMessage | undefined {
  const part = decodeStreamFrame(payload);
  return part && { type: 'bytes', value: nothing, sizeBytes: payload.length, end, part };
}
