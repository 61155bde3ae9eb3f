/** Bytes in, frames out, as they are after a handshake. One link, one reader: after it has thrown it is done with. */
import { ByteQueue, exactFromBytes } from 'serpy-core';
import { ChunkCursor } from '../../wire/chunk-cursor.js';
import { frameType, headerBytes, lengthOffset, magic, typeOffset } from '../../wire/constants.js';
import { readUint32, startsWithMagic } from '../../wire/header.js';
import { maxAllocationRatio } from '../../wire/payload-buffer.js';
import {
  batchType,
  controlType,
  maxSegmentBytes,
  numberedBit,
  readNumber,
  segmentFlag,
  segmentHeaderBytes,
  totalBytes,
} from './constants.js';
import { CorruptFrameError } from './corrupt-frame.js';
import { crc32 } from './crc32.js';
import { frameChecksum, xxh3FromBytes } from './frame-checksum.js';
import type { SegmentHeader } from './segment.js';
import { streamType } from './stream-frame.js';

/** What takes frames whose CRC was right. */
export interface FrameSink {
  /** Where the bytes of a piece may be put as they come; undefined where they must be gathered. */
  allocate(head: SegmentHeader, believedBytes: number): Buffer | undefined;
}

/** A frame that is whole and unharmed: a piece of a message, or a word about the session. */
export type Frame =
  | { readonly kind: 'piece'; readonly head: SegmentHeader; readonly data: Buffer; readonly placed: boolean }
  | { readonly kind: 'control'; readonly type: number; readonly payload: Buffer };

const crcOffset = 6;

/** Of a piece that is a message by itself. */
const wholeFlags = segmentFlag.first | segmentFlag.last;

/** The longest head of a piece, with the frame's header. */
const maxHeaderBytes = headerBytes + segmentHeaderBytes + totalBytes;

/** The longest word about the session: a goodbye with its reason. */
export const maxControlBytes = 2048;

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #chunk = new ChunkCursor();
  #received = 0;
  /** A frame that has begun, and its head: the header of v2, and what follows it before the bytes of the message. */
  readonly #head = Buffer.allocUnsafe(maxHeaderBytes);
  #headFilled = 0;
  #piece: SegmentHeader | undefined;
  /** Where the bytes of a piece go that is not in one chunk. */
  #place: Buffer | undefined;
  #gathered: ByteQueue | undefined;
  #filled = 0;
  #headCrc = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Takes bytes in, which must not change until `keep`. */
  push(bytes: Buffer): void {
    this.#received += bytes.length;
    this.#chunk.borrow(bytes);
  }

  /** The bytes go back: what of them was not read is copied. */
  retainUnread(): void {
    this.#chunk.detach();
  }

  /** The type of the first frame, before anything is read. */
  get firstType(): number | undefined {
    return this.#chunk.remaining > typeOffset ? this.#chunk.bytes[this.#chunk.at + typeOffset] : undefined;
  }

  /** All that has not been read. */
  drain(): Buffer {
    return this.#chunk.take(this.#chunk.remaining);
  }

  /** Whether a frame has begun and is not whole. */
  get midFrame(): boolean {
    return this.#headFilled > 0 || this.#piece !== undefined || this.#chunk.remaining > 0;
  }

  /** Memory that is held for it, but for what belongs to a message in pieces. */
  get partialBytes(): number {
    if (this.#gathered) return this.#gathered.length;
    return this.#place && isWhole(this.#piece) ? this.#place.length : 0;
  }

  /**
   * The next frame, or undefined until more bytes come. Its bytes are lent.
   * @throws `DamageError` for what was damaged on the way; `ERR_SERPY_PROTOCOL` for a frame that no peer of ours sends
   */
  read(): Frame | undefined {
    if (this.#piece) return this.#readRest(this.#piece);
    const chunk = this.#chunk;
    if (this.#headFilled === 0 && chunk.remaining >= maxHeaderBytes) {
      const { bytes, at } = chunk;
      this.#checkHeader(bytes, at);
      return this.#readFrom(bytes, at);
    }
    return this.#joinHead();
  }

  /** A head that comes in parts is put together first; a wrong one is noticed at its first wrong byte. */
  #joinHead(): Frame | undefined {
    const chunk = this.#chunk;
    for (;;) {
      const needed = this.#headNeeded();
      const missing = needed - this.#headFilled;
      if (missing <= 0) break;
      const count = chunk.bytes.copy(
        this.#head,
        this.#headFilled,
        chunk.at,
        chunk.at + Math.min(missing, chunk.remaining),
      );
      if (count === 0) return undefined;
      chunk.at += count;
      this.#headFilled += count;
      if (this.#headFilled < headerBytes) checkPrefix(this.#head.subarray(0, this.#headFilled));
      else this.#checkHeader(this.#head, 0);
    }
    this.#headFilled = 0;
    return this.#readFrom(this.#head, 0);
  }

  /** How long the head is, as far as can be told from its beginning. */
  #headNeeded(): number {
    if (this.#headFilled < headerBytes) return headerBytes;
    if (isControl(this.#head[typeOffset] as number)) return headerBytes;
    if (this.#headFilled < headerBytes + segmentHeaderBytes) return headerBytes + segmentHeaderBytes;
    return headerBytes + headBytesOf(this.#head[headerBytes] as number);
  }

  #checkHeader(bytes: Buffer, at: number): void {
    if (!startsWithMagic(bytes, at)) throw new CorruptFrameError('a frame does not begin as it should');
    const type = bytes[at + typeOffset] as number;
    const length = readUint32(bytes, at + lengthOffset);
    const maxBytes = isControl(type) ? maxControlBytes : segmentHeaderBytes + totalBytes + maxSegmentBytes;
    if (!isControl(type) && !isNumbered(type))
      throw new CorruptFrameError(`a frame has the type ${type}, which does not exist`);
    if (length > maxBytes)
      throw new CorruptFrameError(`a frame announces ${length} bytes, and none has more than ${maxBytes}`);
  }

  /** Goes on behind a header that was checked: in the chunk itself, or in `#head`, which holds the head alone. */
  #readFrom(bytes: Buffer, at: number): Frame | undefined {
    const inChunk = bytes === this.#chunk.bytes;
    const type = bytes[at + typeOffset] as number;
    const length = readUint32(bytes, at + lengthOffset);
    if (isControl(type)) return this.#readControl(bytes, at, type, length, inChunk);
    const flags = bytes[at + headerBytes] as number;
    const headBytes = headBytesOf(flags);
    if (length < headBytes) throw new CorruptFrameError('a frame is shorter than what must be in it');
    const dataBytes = length - headBytes;
    const numberAt = at + headerBytes + 1;
    const total = headBytes > segmentHeaderBytes ? readNumber(bytes, numberAt + 8) : dataBytes;
    const head: SegmentHeader = { type, flags, number: readNumber(bytes, numberAt), total, dataBytes };
    const chunk = this.#chunk;
    const dataAt = inChunk ? at + headerBytes + headBytes : chunk.at;
    if (chunk.bytes.length - dataAt < dataBytes) {
      this.#headCrc = crc32(bytes, at + lengthOffset, at + headerBytes + headBytes, type);
      bytes.copy(this.#head, 0, at, at + headerBytes); // the CRC that it states is looked at when all has come
      chunk.at = dataAt;
      this.#piece = head;
      this.#filled = 0;
      this.#place = this.#sink.allocate(head, this.#received * maxAllocationRatio);
      return this.#readRest(head);
    }
    // One pass over all of it, where that is the same.
    const joined = inChunk && dataBytes < xxh3FromBytes;
    const headCrc = crc32(bytes, at + lengthOffset, joined ? dataAt + dataBytes : at + headerBytes + headBytes, type);
    checkCrc(joined ? headCrc : frameChecksum(headCrc, chunk.bytes, dataAt, dataAt + dataBytes), bytes, at);
    chunk.at = dataAt;
    const isOwn = isWhole(head) && dataBytes < exactFromBytes && type === (frameType.bytes | numberedBit);
    const data = isOwn ? chunk.takeOwn(dataBytes) : chunk.take(dataBytes);
    return { kind: 'piece', head, data, placed: isOwn };
  }

  #readControl(bytes: Buffer, at: number, type: number, length: number, inChunk: boolean): Frame | undefined {
    const chunk = this.#chunk;
    const start = inChunk ? at + headerBytes : chunk.at;
    if (chunk.bytes.length - start < length) {
      if (inChunk) {
        bytes.copy(this.#head, 0, at, at + headerBytes);
        chunk.at = start;
      }
      this.#headFilled = headerBytes; // the rest is put behind what the chunk has of it
      return undefined;
    }
    const head = Buffer.from(bytes.subarray(at, at + headerBytes));
    chunk.at = start;
    const payload = Buffer.from(chunk.take(length));
    checkCrc(crc32(payload, 0, length, crc32(head, lengthOffset, headerBytes, type)), head, 0);
    return { kind: 'control', type, payload };
  }

  #readRest(head: SegmentHeader): Frame | undefined {
    const chunk = this.#chunk;
    const missing = head.dataBytes - this.#filled;
    const count = Math.min(missing, chunk.remaining);
    if (count > 0) {
      const part = chunk.bytes.subarray(chunk.at, chunk.at + count);
      if (this.#place) this.#place.set(part, this.#filled);
      else {
        this.#gathered ??= new ByteQueue();
        this.#gathered.pushCopy(part);
      }
      chunk.at += count;
      this.#filled += count;
    }
    if (this.#filled < head.dataBytes) return undefined;
    this.#piece = undefined;
    const placed = this.#place;
    const gathered = this.#gathered;
    this.#place = undefined;
    this.#gathered = undefined;
    const data = placed ?? gathered?.take(head.dataBytes) ?? Buffer.alloc(0);
    checkCrc(frameChecksum(this.#headCrc, data, 0, data.length), this.#head, 0);
    return { kind: 'piece', head, data, placed: placed !== undefined };
  }
}

function isWhole(piece: SegmentHeader | undefined): boolean {
  return piece !== undefined && (piece.flags & wholeFlags) === wholeFlags;
}

function isControl(type: number): boolean {
  return (
    type === controlType.state || type === controlType.ping || type === controlType.pong || type === controlType.close
  );
}

function isNumbered(type: number): boolean {
  return (
    type === 0x03 ||
    type === 0x13 ||
    type === 0x23 ||
    type === 0x83 ||
    type === (streamType | numberedBit) ||
    type === batchType
  );
}

/** How much stands between the header and the bytes of a piece. */
function headBytesOf(flags: number): number {
  const both = segmentFlag.first | segmentFlag.last;
  return segmentHeaderBytes + ((flags & both) === segmentFlag.first ? totalBytes : 0);
}

function checkPrefix(start: Buffer): void {
  const there = Math.min(start.length, magic.length);
  if (start.compare(magic, 0, there, 0, there) !== 0)
    throw new CorruptFrameError('a frame does not begin as it should');
}

function checkCrc(crc: number, bytes: Buffer, at: number): void {
  const stated = readUint32(bytes, at + crcOffset);
  if (crc !== stated) throw new CorruptFrameError(`a frame arrived damaged: its CRC is ${crc}, not ${stated}`);
}
