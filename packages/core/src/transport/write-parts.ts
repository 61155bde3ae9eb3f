/**
 * What is too much for one write, in parts: OpenSSL takes less than 2 GiB at a time, and what it has encrypted waits in memory beside
 * what it was given.
 */

/** The most that a socket is given at a time. */
export const maxWriteBytes = 16 * 1024 * 1024;

export class WriteParts {
  readonly #pieces: { readonly piece: Uint8Array; readonly bytes: number }[] = [];
  /** The first piece that was not taken wholly, and how much of it was. */
  #index = 0;
  #offset = 0;
  #bytes = 0;

  /** How many bytes were not taken. */
  get bytes(): number {
    return this.#bytes;
  }

  add(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      this.#pieces.push({ piece, bytes: piece.length });
      this.#bytes += piece.length;
    }
  }

  /** The next part; undefined where the program has taken its bytes away meanwhile. */
  take(): Uint8Array[] | undefined {
    const part: Uint8Array[] = [];
    let room = maxWriteBytes;
    while (room > 0 && this.#bytes > 0) {
      const { piece, bytes } = this.#pieces[this.#index] as { readonly piece: Uint8Array; readonly bytes: number };
      if (piece.length !== bytes) return undefined;
      const next = piece.subarray(this.#offset, this.#offset + room);
      part.push(next);
      room -= next.length;
      this.#bytes -= next.length;
      this.#offset += next.length;
      if (this.#offset < piece.length) break;
      this.#index++;
      this.#offset = 0;
    }
    this.#pieces.splice(0, this.#index); // few are left, and those that are gone may be large
    this.#index = 0;
    return part;
  }
}
