/**
 * Limits how much one socket reads in a turn of the event loop. libuv reads up to 32 times in a row from a socket whose peer sends without
 * pause, which is 8 MiB; a few such peers would delay all other connections for seconds.
 */

/** 4 MiB: the maximum for a socket in one turn. Pausing and resuming costs a few microseconds. */
export const shareBytes = 4 * 1024 * 1024;

/** 2 ms: the maximum time for the chunks of a socket in one turn. Bytes of small messages take a hundred times as long as those of a large one. */
export const shareMs = 2;

/** 4 KiB: the minimum of one part. Chunks that take long are delivered in parts, so that delivery can stop between them. */
const minPartBytes = 4 * 1024;

/** The initial estimate for a socket: 50 KiB take half a share. */
const initialMsPerByte = 2e-5;

/** 4: the maximum factor by which the next part is smaller. A part can take long because the computer was busy. */
const maxSlowdown = 4;

/** Below the resolution of the clock. */
const minMsPerByte = 1e-7;

export class ReadShare {
  #bytes = 0;
  #ms = 0;
  /** The time for each byte of the last part. */
  #msPerByte = initialMsPerByte;

  /** The number of bytes to deliver at once: they take half a share. */
  get partBytes(): number {
    return Math.max(minPartBytes, Math.floor(shareMs / 2 / this.#msPerByte));
  }

  /** Whether the share is used up. */
  get exhausted(): boolean {
    return this.#bytes >= shareBytes || this.#ms >= shareMs;
  }

  /** Records that the handler took `ms` for `bytes`. */
  record(bytes: number, ms: number): void {
    this.#bytes += bytes;
    this.#ms += ms;
    this.#msPerByte = Math.max(minMsPerByte, Math.min(ms / bytes, this.#msPerByte * maxSlowdown));
  }

  /** A new turn begins: the other sockets have been served. */
  reset(): void {
    this.#bytes = 0;
    this.#ms = 0;
  }
}
