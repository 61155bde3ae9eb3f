/** Splits the bytes of a link into verified records. Each link has its own reader; a reader that has thrown is not used again. */
import { wideZero } from 'serpy-core';
import { readUint32, startsWithMagic } from '../wire/header.js';
import { maxAllocationRatio } from '../wire/payload-buffer.js';
import {
  ackRequestedBit,
  consumedRequestedBit,
  criticalBit,
  digestPart,
  digestPartBytes,
  maxControlBytes,
  maxRecordBytes,
  readCheck,
  recordCheck,
  recordHeaderBytes,
  recordType,
  requestBits,
} from './record.js';

/** A record is damaged or not at the expected offset: the link is closed, and the session resumes over the next one. */
export class CorruptRecordError extends Error {}

const nothing = Buffer.alloc(0);

/** Unused buffers that all connections share: most connections join one record after the other. */
const spares: Buffer[] = [];
const maxSpares = 2;

/** Below this size the payload of a record is joined in a buffer of its own. */
const placedBytes = 4096;

/** Knows the destination of a record's payload before it is verified. */
export interface Placer {
  /** @returns the destination; undefined if the reader must join the payload */
  place(offset: number, length: number): Buffer | undefined;
}

export class RecordReader {
  /** The record that was read last. */
  type = 0;
  ackRequested = false;
  consumedRequested = false;
  /** The low 32 bits of its offset. */
  offset = wideZero;
  /** The buffer that contains its payload, from `start` to `end`. Borrowed: valid until the next call. */
  bytes: Buffer = nothing;
  start = 0;
  end = 0;
  /** Whether the payload is in the buffer that `place` returned. */
  isPlaced = false;
  readonly #isChecked: boolean;
  readonly #placer: Placer | undefined;
  #chunk: Buffer = nothing;
  #at = 0;
  /** An incomplete record: its header, and the destination of its payload. */
  #header: Buffer = nothing;
  #headerFilled = 0;
  #length = 0;
  #target: Buffer | undefined;
  #filled = 0;
  #isTargetPlaced = false;
  /** The part of the payload that was digested, and its digest. */
  #digested = 0;
  #digest = wideZero;
  /** Whether the last payload is in `#target`. */
  #isInTarget = false;

  /**
   * @param isChecked whether records carry a check; with TLS they do not
   * @param placer knows the destination of a large payload that arrives in several chunks
   */
  constructor(isChecked: boolean, placer?: Placer) {
    this.#isChecked = isChecked;
    this.#placer = placer;
  }

  /** Adds bytes, which must not change until `keep`. */
  push(bytes: Buffer): void {
    this.#chunk = this.#at === this.#chunk.length ? bytes : Buffer.concat([this.takeRest(), bytes]);
    this.#at = 0;
  }

  /** Copies the unread bytes: the owner of the chunk reuses its memory. */
  keep(): void {
    if (this.#chunk === nothing) return;
    this.#chunk = this.#at === this.#chunk.length ? nothing : Buffer.from(this.#chunk.subarray(this.#at));
    this.#at = 0;
  }

  /** Whether a record is incomplete. */
  get inRecord(): boolean {
    return this.#headerFilled > 0 || this.#at < this.#chunk.length;
  }

  /** Memory of the incomplete record, without bytes that `place` has a buffer for. */
  get heldBytes(): number {
    return this.#isTargetPlaced ? 0 : this.#filled;
  }

  /**
   * Whether the first bytes are a record and not a frame of a client without a session; undefined while they are too few. A damaged header
   * counts as a record, so that the link closes and the session is resumed.
   */
  get startsWithRecord(): boolean | undefined {
    const { length } = this.#chunk;
    if (length - this.#at < recordHeaderBytes) return undefined;
    return !startsWithMagic(this.#chunk, this.#at);
  }

  /** The buffer that the transport may read the next bytes into. */
  target(leastBytes: number): Buffer | undefined {
    const target = this.#isInTarget || this.#at < this.#chunk.length ? undefined : this.#target;
    const end = target && Math.min(this.#length, target.length);
    return end !== undefined && end - this.#filled >= leastBytes ? target?.subarray(this.#filled, end) : undefined;
  }

  /** `count` bytes were read into `target`. @returns whether the record is complete */
  filled(count: number): boolean {
    this.#filled += count;
    this.#digestArrived();
    return this.#filled === this.#length;
  }

  /** Returns the unread bytes and counts them as read. */
  takeRest(): Buffer {
    const rest = this.#chunk.subarray(this.#at);
    this.#at = this.#chunk.length;
    return rest;
  }

  /**
   * Reads the next record.
   * @returns false if more bytes are needed
   * @throws `CorruptRecordError` for a damaged record
   */
  read(): boolean {
    if (this.#isInTarget) this.#releaseTarget();
    const bytes = this.#chunk;
    const at = this.#at;
    const left = bytes.length - at;
    if (left === 0 && this.#target === undefined) return false;
    if (this.#headerFilled === 0 && left >= recordHeaderBytes) {
      const start = at + recordHeaderBytes;
      const end = start + lengthOf(bytes, at);
      if (end <= bytes.length) {
        this.#at = end;
        this.isPlaced = false;
        this.#accept(bytes, at, bytes, start, end);
        return true;
      }
    }
    return this.#readInParts();
  }

  /** The link is closed: drops all bytes. */
  close(): void {
    this.#releaseTarget();
    this.#headerFilled = 0;
    this.#chunk = nothing;
    this.#at = 0;
  }

  #readInParts(): boolean {
    if (this.#target === undefined && !this.#beginTarget()) return false;
    const arrivedBytes = Math.min(this.#length, this.#filled + this.#chunk.length - this.#at);
    if (!this.#isTargetPlaced) this.#reserve(arrivedBytes);
    const target = this.#target as Buffer;
    const copied = this.#chunk.copy(target, this.#filled, this.#at, this.#at + this.#length - this.#filled);
    this.#at += copied;
    this.#filled += copied;
    this.#digestArrived();
    if (this.#filled < this.#length) return false;
    this.#headerFilled = 0;
    this.isPlaced = this.#isTargetPlaced;
    this.#isInTarget = true;
    this.#accept(this.#header, 0, target, 0, this.#length, this.#digested, this.#digest);
    return true;
  }

  /** @returns whether the header is complete, which determines the destination of the payload */
  #beginTarget(): boolean {
    const missing = recordHeaderBytes - this.#headerFilled;
    if (this.#header === nothing) this.#header = Buffer.alloc(recordHeaderBytes);
    const copied = this.#chunk.copy(this.#header, this.#headerFilled, this.#at, this.#at + missing);
    this.#at += copied;
    this.#headerFilled += copied;
    if (copied < missing) return false;
    const length = lengthOf(this.#header, 0);
    this.#length = length;
    this.#filled = 0;
    this.#digested = 0;
    this.#digest = 0;
    const isData = ((this.#header[3] as number) & ~requestBits) === recordType.data;
    const placed =
      isData && length >= placedBytes ? this.#placer?.place(readUint32(this.#header, 4), length) : undefined;
    this.#isTargetPlaced = placed !== undefined;
    this.#target = placed ?? nothing;
    return true;
  }

  /** Enlarges the buffer of the incomplete record for bytes that have arrived: the length in its header alone allocates nothing. */
  #reserve(arrivedBytes: number): void {
    const target = this.#target as Buffer;
    if (target.length >= arrivedBytes) return;
    const size = Math.min(this.#length, arrivedBytes * maxAllocationRatio);
    const isLarge = arrivedBytes * maxAllocationRatio >= maxRecordBytes;
    const larger = isLarge ? (spares.pop() ?? Buffer.allocUnsafeSlow(maxRecordBytes)) : Buffer.allocUnsafeSlow(size);
    target.copy(larger, 0, 0, this.#filled);
    this.#target = larger;
  }

  /** Digests the parts that are complete while they are in the cache: the receiver of 1 MiB messages takes a tenth less time. */
  #digestArrived(): void {
    if (!this.#isChecked) return;
    for (; this.#filled - this.#digested > digestPartBytes; this.#digested += digestPartBytes)
      this.#digest = digestPart(this.#target as Buffer, this.#digested, this.#digest);
  }

  #accept(header: Buffer, at: number, bytes: Buffer, start: number, end: number, from = start, before = 0): void {
    if (this.#isChecked && recordCheck(header, at, bytes, start, end, from, before) !== readCheck(header, at))
      throw new CorruptRecordError('a record arrived damaged: its check does not match');
    const type = header[at + 3] as number;
    this.type = type & ~requestBits;
    this.ackRequested = (type & ackRequestedBit) !== 0;
    this.consumedRequested = (type & consumedRequestedBit) !== 0;
    this.offset = readUint32(header, at + 4);
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  #releaseTarget(): void {
    const target = this.#target;
    this.#isInTarget = false;
    this.#target = undefined;
    if (target?.length === maxRecordBytes && !this.#isTargetPlaced && spares.length < maxSpares) spares.push(target);
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
}

/** The length of a payload. Throws if it exceeds the maximum of the type: the reader must not wait for the bytes of a damaged length. */
function lengthOf(bytes: Buffer, at: number): number {
  const length = lengthAt(bytes, at);
  const type = (bytes[at + 3] as number) & ~(requestBits | criticalBit);
  const max = type === recordType.data ? maxRecordBytes : maxControlBytes;
  if (length > max)
    throw new CorruptRecordError(`the length of a record is ${length} bytes, and the maximum for its type is ${max}`);
  return length;
}
