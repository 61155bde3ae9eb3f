/** How long a record may be: what the link carries in a moment, so that little is lost with a link and control records soon pass. */
import { maxRecordBytes } from './record.js';

const minRecordBytes = 512;

/** A record is at most this part of what has arrived over its link. */
const arrivedPart = 1 / 8;

/** A record takes the link for that long at most. */
const recordMs = 50;

/** The rate is measured over that long at least. */
const windowMs = 100;

export class LineRate {
  #arrivedBytes = 0;
  /** Bytes in a millisecond; infinite until a full link has been measured. */
  #rate = Number.POSITIVE_INFINITY;
  /** Since when the link is busy without a pause; undefined while it is idle. */
  #sinceMs: number | undefined;
  #windowBytes = 0;
  #recordBytes = minRecordBytes;

  /** The longest record. */
  get recordBytes(): number {
    return this.#recordBytes;
  }

  /** There are bytes in flight. */
  busy(nowMs: number): void {
    if (this.#sinceMs !== undefined) return;
    this.#sinceMs = nowMs;
    this.#windowBytes = 0;
  }

  /** @param isIdle whether nothing is in flight any more: a sender that has little to say tells nothing of the line */
  arrived(bytes: number, nowMs: number, isIdle: boolean): void {
    this.#arrivedBytes += bytes;
    this.#windowBytes += bytes;
    const sinceMs = this.#sinceMs;
    if (sinceMs !== undefined && nowMs - sinceMs >= windowMs) {
      this.#rate = this.#windowBytes / (nowMs - sinceMs);
      this.#sinceMs = nowMs;
      this.#windowBytes = 0;
    }
    if (isIdle) this.#sinceMs = undefined;
    const most = Math.min(this.#arrivedBytes * arrivedPart, this.#rate * recordMs, maxRecordBytes);
    this.#recordBytes = Math.max(minRecordBytes, Math.floor(most));
  }
}
