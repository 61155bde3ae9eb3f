/** Bytes in, verified records out. One link has one reader: after it has thrown it is not used again. */
import { readUint32 } from '../wire/header.js';
import {
  ackRequestedBit,
  criticalBit,
  maxControlBytes,
  maxRecordBytes,
  readCheck,
  recordCheck,
  recordHeaderBytes,
  recordType,
} from './record.js';

/** A record arrived damaged, or not in its place: the link ends, and the session resumes over the next one. */
export class CorruptRecordError extends Error {}

const nothing = Buffer.alloc(0);

/** Memory that is not in use: most connections join a record at a time, one after the other. */
const spares: Buffer[] = [];
const maxSpares = 2;

/** Below this the payload of a record is joined in memory of its own. */
const placedBytes = 4096;

/** Where the payload of a record may be put as it comes, before it is checked; undefined where it must be joined. */
export type Place = (offset: number, length: number) => Buffer | undefined;

export class RecordReader {
  /** The record that was read last. */
  type = 0;
  ackRequested = false;
  /** The low 32 bits of its offset. */
  offset = 0;
  /** Lent: it must not be used after the next call. */
  payload: Buffer = nothing;
  /** Whether the payload is where `place` said. */
  isPlaced = false;
  readonly #isChecked: boolean;
  readonly #place: Place;
  #chunk: Buffer = nothing;
  #at = 0;
  /** A record that has come in part: its header, and where its payload goes. */
  readonly #header = Buffer.alloc(recordHeaderBytes);
  #headerFilled = 0;
  #length = 0;
  #target: Buffer | undefined;
  #filled = 0;
  #isTargetPlaced = false;
  /** Whether the last payload is in memory that records are joined in. */
  #isLent = false;

  /**
   * @param isChecked whether records carry a check; those of TLS do not
   * @param place where large payloads go that do not come in one chunk
   */
  constructor(isChecked: boolean, place: Place = () => undefined) {
    this.#isChecked = isChecked;
    this.#place = place;
  }

  /** Takes bytes in, which must not change until `keep`. */
  push(bytes: Buffer): void {
    this.#chunk = this.#at === this.#chunk.length ? bytes : Buffer.concat([this.takeRest(), bytes]);
    this.#at = 0;
  }

  /** The chunk goes back: what was not read of it is copied. */
  keep(): void {
    if (this.#chunk === nothing) return;
    this.#chunk = this.#at === this.#chunk.length ? nothing : Buffer.from(this.#chunk.subarray(this.#at));
    this.#at = 0;
  }

  /** Whether a record has come in part. */
  get inRecord(): boolean {
    return this.#headerFilled > 0 || this.#at < this.#chunk.length;
  }

  /** Memory that is held for it. */
  get heldBytes(): number {
    return this.#isTargetPlaced ? 0 : this.#filled;
  }

  /**
   * Whether the first bytes are those of a record; undefined while they are too few. No record is as long as the first bytes
   * of a v2 frame would say.
   */
  get startsWithRecord(): boolean | undefined {
    const { length } = this.#chunk;
    if (length - this.#at < recordHeaderBytes) return undefined;
    return lengthAt(this.#chunk, this.#at) <= maxRecordBytes;
  }

  /** Where the next bytes may be read to that come. */
  target(leastBytes: number): Buffer | undefined {
    const target = this.#isLent || this.#at < this.#chunk.length ? undefined : this.#target;
    return target && this.#length - this.#filled >= leastBytes
      ? target.subarray(this.#filled, this.#length)
      : undefined;
  }

  /** They are there. @returns whether the record is whole */
  filled(count: number): boolean {
    this.#filled += count;
    return this.#filled === this.#length;
  }

  /** What has not been read. */
  takeRest(): Buffer {
    const rest = this.#chunk.subarray(this.#at);
    this.#at = this.#chunk.length;
    return rest;
  }

  /**
   * Reads the next record. False until more bytes come.
   * @throws `CorruptRecordError` for one that is damaged
   */
  read(): boolean {
    if (this.#isLent) this.#giveBack();
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

  /** The link is gone. */
  close(): void {
    this.#giveBack();
    this.#headerFilled = 0;
    this.#chunk = nothing;
    this.#at = 0;
  }

  #readInParts(): boolean {
    if (this.#target === undefined && !this.#beginTarget()) return false;
    const target = this.#target as Buffer;
    const copied = this.#chunk.copy(target, this.#filled, this.#at, this.#at + this.#length - this.#filled);
    this.#at += copied;
    this.#filled += copied;
    if (this.#filled < this.#length) return false;
    this.#headerFilled = 0;
    this.isPlaced = this.#isTargetPlaced;
    this.#isLent = true;
    this.#accept(this.#header, 0, target, 0, this.#length);
    return true;
  }

  /** Whether the header is there, and so the place of the payload known. */
  #beginTarget(): boolean {
    const missing = recordHeaderBytes - this.#headerFilled;
    const copied = this.#chunk.copy(this.#header, this.#headerFilled, this.#at, this.#at + missing);
    this.#at += copied;
    this.#headerFilled += copied;
    if (copied < missing) return false;
    const length = lengthOf(this.#header, 0);
    this.#length = length;
    this.#filled = 0;
    const isData = ((this.#header[3] as number) & ~ackRequestedBit) === recordType.data;
    const placed = isData && length >= placedBytes ? this.#place(readUint32(this.#header, 4), length) : undefined;
    this.#isTargetPlaced = placed !== undefined;
    this.#target = placed ?? (length < placedBytes ? Buffer.allocUnsafe(length) : spares.pop()) ?? newSpare();
    return true;
  }

  #accept(header: Buffer, at: number, bytes: Buffer, start: number, end: number): void {
    if (this.#isChecked && recordCheck(header, at, bytes, start, end) !== readCheck(header, at))
      throw new CorruptRecordError('a record arrived damaged: its check is wrong');
    const type = header[at + 3] as number;
    this.type = type & ~ackRequestedBit;
    this.ackRequested = (type & ackRequestedBit) !== 0;
    this.offset = readUint32(header, at + 4);
    this.payload = bytes.subarray(start, end);
  }

  #giveBack(): void {
    const target = this.#target;
    this.#isLent = false;
    this.#target = undefined;
    if (target?.length === maxRecordBytes && !this.#isTargetPlaced && spares.length < maxSpares) spares.push(target);
  }
}

function newSpare(): Buffer {
  return Buffer.allocUnsafeSlow(maxRecordBytes);
}

function lengthAt(bytes: Buffer, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
}

/** The length of a payload. Throws where no record has such a length, so that a damaged one does not wait for its end. */
function lengthOf(bytes: Buffer, at: number): number {
  const length = lengthAt(bytes, at);
  const type = (bytes[at + 3] as number) & ~(ackRequestedBit | criticalBit);
  const max = type === recordType.data ? maxRecordBytes : maxControlBytes;
  if (length > max) throw new CorruptRecordError(`a record states a length of ${length} bytes, and has at most ${max}`);
  return length;
}
