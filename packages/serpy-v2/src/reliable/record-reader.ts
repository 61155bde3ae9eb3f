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

/** Records that cross the edge of a chunk are joined in memory of this size. */
const joinBytes = recordHeaderBytes + maxRecordBytes;

/** Memory that is not in use: most connections join a record at a time, one after the other. */
const spares: Buffer[] = [];
const maxSpares = 2;

export class RecordReader {
  /** The record that was read last. */
  type = 0;
  ackRequested = false;
  /** The low 32 bits of its offset. */
  offset = 0;
  /** Lent: it must not be used after the next call. */
  payload: Buffer = nothing;
  readonly #isChecked: boolean;
  #chunk: Buffer = nothing;
  #at = 0;
  /** A record that has come in part. */
  #join: Buffer | undefined;
  #joined = 0;
  /** Whether the last record is in the memory that records are joined in. */
  #isLent = false;

  /** @param isChecked whether records carry a check; those of TLS do not */
  constructor(isChecked: boolean) {
    this.#isChecked = isChecked;
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
    return this.#joined > 0 || this.#at < this.#chunk.length;
  }

  /** Memory that is held for it. */
  get heldBytes(): number {
    return this.#joined;
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
    if (this.#joined > 0) return this.#readJoined();
    const bytes = this.#chunk;
    const at = this.#at;
    const left = bytes.length - at;
    if (left === 0) return false;
    if (left >= recordHeaderBytes) {
      const end = at + recordHeaderBytes + lengthOf(bytes, at);
      if (end <= bytes.length) {
        this.#at = end;
        this.#accept(bytes, at, end);
        return true;
      }
    }
    return this.#readJoined();
  }

  /** The link is gone. */
  close(): void {
    this.#giveBack();
    this.#joined = 0;
    this.#chunk = nothing;
    this.#at = 0;
  }

  #readJoined(): boolean {
    this.#join ??= spares.pop() ?? Buffer.allocUnsafeSlow(joinBytes);
    const join = this.#join;
    if (!this.#fill(join, recordHeaderBytes)) return false;
    const end = recordHeaderBytes + lengthOf(join, 0);
    if (!this.#fill(join, end)) return false;
    this.#joined = 0;
    this.#isLent = true;
    this.#accept(join, 0, end);
    return true;
  }

  /** Whether that many bytes are joined now. */
  #fill(join: Buffer, bytes: number): boolean {
    if (this.#joined >= bytes) return true;
    const copied = this.#chunk.copy(join, this.#joined, this.#at, this.#at + bytes - this.#joined);
    this.#at += copied;
    this.#joined += copied;
    return this.#joined === bytes;
  }

  #accept(bytes: Buffer, at: number, end: number): void {
    const start = at + recordHeaderBytes;
    if (this.#isChecked && recordCheck(bytes, at, bytes, start, end) !== readCheck(bytes, at))
      throw new CorruptRecordError('a record arrived damaged: its check is wrong');
    const type = bytes[at + 3] as number;
    this.type = type & ~ackRequestedBit;
    this.ackRequested = (type & ackRequestedBit) !== 0;
    this.offset = readUint32(bytes, at + 4);
    this.payload = bytes.subarray(start, end);
  }

  #giveBack(): void {
    this.#isLent = false;
    if (this.#join !== undefined && spares.length < maxSpares) spares.push(this.#join);
    this.#join = undefined;
  }
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
