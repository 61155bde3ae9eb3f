/** Closes a link on which bytes wait and none leaves this process, however long TCP keeps trying. Nothing runs while no bytes wait. */
import { PeerTimeoutError } from '../errors.js';
import { type Movement, StallTimer } from './stall-timer.js';

export class WriteStallTimer extends StallTimer {
  #flushedBytes = 0;

  /** Bytes wait. The timer ends at the first check that finds none: it need not be informed when they have left. */
  start(): void {
    if (!this.running) this.restart();
  }

  protected periodBegins(): void {
    this.#flushedBytes = this.link.transport.flushedBytes;
  }

  protected movement(): Movement {
    const { unsentBytes, flushedBytes } = this.link.transport;
    if (unsentBytes === 0) return 'idle';
    return flushedBytes !== this.#flushedBytes ? 'moving' : 'stalled';
  }

  protected stallError(): PeerTimeoutError {
    const { host, port } = this.link.transport.remote;
    return new PeerTimeoutError(
      `no data could be sent to ${host}:${port} for ${this.timeoutMs} ms (writeTimeoutMs). Possible causes: the network is interrupted, ` +
        'or the program at the peer does not read. If the peer may pause for that long, raise writeTimeoutMs',
    );
  }
}
