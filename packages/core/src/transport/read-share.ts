/**
 * How much one socket may read in a turn of the event loop. libuv reads up to 32 times in one go from a socket whose peer sends without
 * end, which is 8 MiB; with a few such peers everybody else would wait for seconds.
 */

/** At least so much of what comes from a fast line: to stop and go on costs a few microseconds. */
export const shareBytes = 4 * 1024 * 1024;

/** What is read may be worked on for so long: bytes that are small messages take a hundred times as long as those of a large one. */
export const shareMs = 2;

/** What takes long is handed over in parts, as small as this, so that it can be stopped in between. */
const minPartBytes = 4 * 1024;

/** Of a peer of whose bytes nothing is known yet: 50 KiB take half a share. */
const initialMsPerByte = 2e-5;

/** A part that took long because the computer was busy is not taken at its word: the next is not more than so many times smaller. */
const maxSlowdown = 4;

/** Below what a clock can tell. */
const minMsPerByte = 1e-7;

export class ReadShare {
  #bytes = 0;
  #ms = 0;
  /** How long the last part took. */
  #msPerByte = initialMsPerByte;

  /** How much may be handed over at once: what takes half a share. */
  get partBytes(): number {
    return Math.max(minPartBytes, Math.floor(shareMs / 2 / this.#msPerByte));
  }

  /** Whether the share is used up. */
  get exhausted(): boolean {
    return this.#bytes >= shareBytes || this.#ms >= shareMs;
  }

  /** So many bytes were worked on for so long. */
  record(bytes: number, ms: number): void {
    this.#bytes += bytes;
    this.#ms += ms;
    this.#msPerByte = Math.max(minMsPerByte, Math.min(ms / bytes, this.#msPerByte * maxSlowdown));
  }

  /** The others have had their turn. */
  reset(): void {
    this.#bytes = 0;
    this.#ms = 0;
  }
}
