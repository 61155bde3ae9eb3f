/** A session host for tests: records the written bytes, and allocates memory. */
import { allocateMessage } from '../buffers/message-buffer.js';
import type { WriteSlot } from '../transport/transport.js';

export class RecordingHost {
  #pieces: Uint8Array[] = [];

  readonly write = (piece: Uint8Array): void => {
    this.#pieces.push(piece);
  };

  readonly reserve = (bytes: number): WriteSlot => {
    const memory = Buffer.alloc(bytes);
    this.#pieces.push(memory);
    return { buffer: memory, offset: 0 };
  };

  readonly allocate = allocateMessage;
  readonly rejected = (): void => {};
  readonly progress = (): void => {};
  readonly randomBytes = (count: number): Buffer => Buffer.alloc(count, 7);
  /** The session has no connection. */
  readonly linkHolder = { takeOverLink: () => false, releaseLink: () => undefined };

  /** Removes and returns the pieces that were written since the last call. */
  take(): Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}
