/** Closes a link whose peer has begun a message and sends the rest too slowly or not at all. Nothing runs while no message is unfinished. */
import { PeerTimeoutError } from '../errors.js';
import { type Movement, StallTimer } from './stall-timer.js';

/** Bytes of a message that must arrive within each timeout, unless it ends. With the default timeout, a line of 4,800 baud is fast enough. */
export const minBytesPerTimeout = 16 * 1024;

export class ReadStallTimer extends StallTimer {
  /** Whether a message is unfinished. */
  #active = false;
  /** Bytes that have arrived since the period began. */
  #bytes = 0;

  /** Bytes have arrived, and end within a message. */
  bytesArrived(bytes: number): void {
    this.#bytes += bytes;
    if (!this.#active) this.restart();
  }

  /** No message is unfinished. The timer runs on and ends at its next check: moving it for each message takes longer. */
  idle(): void {
    this.#active = false;
  }

  override stop(): void {
    this.#active = false;
    super.stop();
  }

  protected periodBegins(): void {
    this.#active = true;
    this.#bytes = 0;
  }

  protected movement(): Movement {
    if (!this.#active) return 'idle';
    return this.link.paused || this.#bytes >= minBytesPerTimeout ? 'moving' : 'stalled';
  }

  protected stallError(): PeerTimeoutError {
    const { host, port } = this.link.transport.remote;
    return new PeerTimeoutError(
      `${host}:${port} began a message, but sent only ${this.#bytes} more bytes of it within ${this.timeoutMs} ms (frameTimeoutMs). ` +
        'Possible causes: the network is interrupted, or the program at the peer hangs. If the line is that slow, raise frameTimeoutMs',
    );
  }
}
