/**
 * How much one socket may read in a turn of the event loop. libuv reads up to 32 times in one go from a socket whose peer sends without
 * end, which is 8 MiB; with a few such peers everybody else would wait for seconds.
 */

/** At least so much of what comes from a fast line: to stop and go on costs a few microseconds. */
export const shareBytes = 1024 * 1024;

/** What is read may be worked on for so long: bytes that are small messages take a hundred times as long as those of a large one. */
export const shareMs = 1;

/** What takes long is handed over in parts, as small as this, so that it can be stopped in between. */
const smallPartBytes = 4 * 1024;
const largePartBytes = 256 * 1024;

/** Of a peer of whose bytes nothing is known yet. */
const firstPartBytes = 32 * 1024;

export class ReadShare {
  /** How much may be handed over at once. */
  partBytes = firstPartBytes;
  #bytes = 0;
  #ms = 0;

  /**
   * So many bytes were worked on for so long.
   * @returns whether there may be more in this turn
   */
  take(bytes: number, ms: number): boolean {
    this.#bytes += bytes;
    this.#ms += ms;
    if (ms > shareMs / 2) this.partBytes = Math.max(smallPartBytes, Math.min(this.partBytes, bytes) >> 1);
    else if (ms < shareMs / 8) this.partBytes = Math.min(largePartBytes, this.partBytes * 2);
    return this.#bytes < shareBytes && this.#ms < shareMs;
  }

  /** The others have had their turn. */
  renew(): void {
    this.#bytes = 0;
    this.#ms = 0;
  }
}
