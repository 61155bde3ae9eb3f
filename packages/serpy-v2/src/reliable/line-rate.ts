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
  /** Since when it is measured; undefined while the link is idle: a sender that has little to say tells nothing of the line. */
  #sinceMs: number | undefined;
  #windowBytes = 0;
  #recordBytes = minRecordBytes;

  /** The longest record. */
  get recordBytes(): number {
    return this.#recordBytes;
  }

  /** @param isIdle whether nothing is in flight any more */
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
