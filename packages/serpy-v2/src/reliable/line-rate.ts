/** Limits the size of a record to what the link carries in 50 ms: a broken link then loses little, and control records wait for a short time only. */
import { wideZero } from 'serpy-core';
import { maxRecordBytes } from './record.js';

const minRecordBytes = 512;

/** A record is at most this share of the bytes that the peer has acknowledged on this link. */
const arrivedPart = 1 / 8;

/** Longest time that one record occupies the link, in milliseconds. */
const recordMs = 50;

/** Shortest time over which the rate is measured, in milliseconds. */
const windowMs = 100;

export class LineRate {
  #arrivedBytes = wideZero;
  /** Bytes per millisecond; infinite until a busy link has been measured. */
  #rate = Number.POSITIVE_INFINITY;
  /** Start of the measurement; undefined while the link is idle, since a sender with little data says nothing about the rate of the link. */
  #sinceMs: number | undefined;
  #windowBytes = wideZero;
  #recordBytes = minRecordBytes;

  /** Largest payload of the next record. */
  get recordBytes(): number {
    return this.#recordBytes;
  }

  /** @param isIdle whether no bytes are in flight */
  arrived(bytes: number, nowMs: number, isIdle: boolean): void {
    this.#arrivedBytes += bytes;
    this.#windowBytes += bytes;
    const sinceMs = this.#sinceMs;
    if (isIdle) this.#sinceMs = undefined;
    else if (sinceMs === undefined) this.#begin(nowMs);
    else if (nowMs - sinceMs >= windowMs) {
      this.#rate = this.#windowBytes / (nowMs - sinceMs);
      this.#begin(nowMs);
    }
    const most = Math.min(this.#arrivedBytes * arrivedPart, this.#rate * recordMs, maxRecordBytes);
    this.#recordBytes = Math.max(minRecordBytes, Math.floor(most));
  }

  #begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#windowBytes = 0;
  }
}
