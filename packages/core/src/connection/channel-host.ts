/** What a conversation tells of itself. Types only. */
import type { OutletOwner } from './session-host.js';

export interface ConversationOwner extends OutletOwner {
  /** Messages can be exchanged. Told again and again. */
  ready(): void;
  /** Nothing is left to be sent, or to be acknowledged. */
  idle(): void;
  /** The session has done a step. */
  stepped(): void;
}
