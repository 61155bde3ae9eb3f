/** Limits the size of a record to what the link carries in 50 ms: a broken link then loses little, and control records wait for a short time only. */
import { wideZero } from 'serpy-core';
import { maxRecordBytes } from './record.js';

const minRecordBytes = 512;

/** A record is at most this share of the bytes that the peer has acknowledged on this link, so that a link that dies loses little. */
const arrivedPart = 1 / 8;

/**
 * Or this share of the bytes that were written to the link, up to `unconfirmedRecordBytes`: a fast sender writes megabytes before the first
 * acknowledgement, which took thousands of records and 100 ms of each new link.
 */
const sentPart = 1 / 16;
const unconfirmedRecordBytes = 16 * 1024;

/** Longest time that one record occupies the link, in milliseconds. */
const recordMs = 50;

/** Shortest time over which the rate is measured, in milliseconds. */
const windowMs = 100;

export class LineRate {
  #sentBytes = wideZero;
  #arrivedBytes = wideZero;
  /** Bytes per millisecond; infinite until a busy link has been measured. */
  #rate = Number.POSITIVE_INFINITY;
  /** Start of the measurement; undefined while the link is idle, since a sender with little data says nothing about the rate of the link. */
  #sinceMs: number | undefined;
  #windowBytes = wideZero;
  /** Largest payload of the next record. A field, because each record reads it. */
  recordBytes = minRecordBytes;

  /** A record was written. Only one of the largest size shows that a larger one is of use. */
  sent(bytes: number): void {
    this.#sentBytes += bytes;
    if (bytes === this.recordBytes && bytes < unconfirmedRecordBytes) this.#setRecordBytes();
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
    this.#setRecordBytes();
  }

  #setRecordBytes(): void {
    const unconfirmedBytes = Math.min(this.#sentBytes * sentPart, unconfirmedRecordBytes);
    const allowedBytes = Math.max(this.#arrivedBytes * arrivedPart, unconfirmedBytes);
    const most = Math.min(allowedBytes, this.#rate * recordMs, maxRecordBytes);
    this.recordBytes = Math.max(minRecordBytes, Math.floor(most));
  }

  #begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#windowBytes = 0;
  }
}
