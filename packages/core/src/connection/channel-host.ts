/** What a channel reports. Types only. */
import type { SessionHostListener } from './session-host.js';

export interface ChannelListener extends SessionHostListener {
  /** Messages can be exchanged. Called after each step in which they can. */
  channelReady(): void;
  /** Whether this end reconnects when the link breaks. */
  readonly reconnects: boolean;
  /** Closes the connection at once. */
  destroy(error: Error): void;
  /** No message is left to be sent or acknowledged. */
  idle(): void;
}
