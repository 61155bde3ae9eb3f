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
      `no byte has left for ${host}:${port} for ${this.timeoutMs} ms (writeTimeoutMs): the cable is out, or the peer's ` +
        'program does not read. If it may rest for so long, raise writeTimeoutMs',
    );
  }
}
