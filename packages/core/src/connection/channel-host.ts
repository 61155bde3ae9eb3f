/** What a conversation tells of itself. Types only. */
import type { SessionHostListener } from './session-host.js';

export interface ChannelListener extends SessionHostListener {
  /** Messages can be exchanged. Told again and again. */
  channelReady(): void;
  /** Nothing is left to be sent, or to be acknowledged. */
  idle(): void;
  /** The session has done a step. */
  stepDone(): void;
}
