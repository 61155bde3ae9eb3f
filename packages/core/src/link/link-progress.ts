/** Whether a link has led to something: a message that was new, or one that the peer acknowledged. What is said again is nothing. */
import type { LastingSession } from '../protocol/resumable-session.js';

export class LinkProgress {
  #session: unknown;
  #before = 0;
  #made = false;

  /** The link is coming up. */
  begin(lasting: LastingSession | undefined): void {
    this.#session = lasting?.session;
    this.#before = lasting?.advanced ?? 0;
  }

  /** A message has come, or an acknowledgement. */
  came(): void {
    this.#made = true;
  }

  /** Whether there has been any; asked before the session hears that the link is lost. */
  made(lasting: LastingSession | undefined): boolean {
    if (this.#made || lasting === undefined) return this.#made;
    // A session that began on this link had nothing before it.
    const before = lasting.session === this.#session ? this.#before : 0;
    return lasting.advanced > before;
  }
}
