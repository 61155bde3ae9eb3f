/** Whether a link has led to something: a message that was new, or one that the peer acknowledged. What is said again is nothing. */
import type { ResumableSession } from '../protocol/resumable-session.js';

export class LinkProgress {
  #epoch: unknown;
  #baseline = 0;
  #progressed = false;

  /** The link is coming up. */
  begin(lasting: ResumableSession | undefined): void {
    this.#epoch = lasting?.epoch;
    this.#baseline = lasting?.progressCount ?? 0;
  }

  /** A message has come, or an acknowledgement. */
  record(): void {
    this.#progressed = true;
  }

  /** Whether there has been any; asked before the session hears that the link is lost. */
  hasProgressed(lasting: ResumableSession | undefined): boolean {
    if (this.#progressed || lasting === undefined) return this.#progressed;
    // A session that began on this link had nothing before it.
    const before = lasting.epoch === this.#epoch ? this.#baseline : 0;
    return lasting.progressCount > before;
  }
}
