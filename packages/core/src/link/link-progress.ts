/** Whether a link has made progress: a new message has arrived, or the peer has acknowledged one. Repeated data does not count. */
import type { ResumableSession } from '../protocol/resumable-session.js';

export class LinkProgress {
  #epoch: unknown;
  #baseline = 0;
  #progressed = false;

  /** The link is about to start. */
  begin(resumable: ResumableSession | undefined): void {
    this.#epoch = resumable?.epoch;
    this.#baseline = resumable?.progressCount ?? 0;
  }

  /** A message or an acknowledgement has arrived. */
  record(): void {
    this.#progressed = true;
  }

  /** Whether the link has made progress. Called before `linkDown` of the session. */
  hasProgressed(resumable: ResumableSession | undefined): boolean {
    if (this.#progressed || resumable === undefined) return this.#progressed;
    // A session that began on this link counts from 0.
    const before = resumable.epoch === this.#epoch ? this.#baseline : 0;
    return resumable.progressCount > before;
  }
}
