/**
 * Splits a write into parts, each written when the one before has left. OpenSSL accepts less than 2 GiB in one write, and keeps the encrypted
 * bytes in memory in addition to the unencrypted ones. Node copies the pieces of a TLS write into one buffer, unless there is only one.
 */

/** 16 MiB: the maximum of one write to a socket. */
export const maxWriteBytes = 16 * 1024 * 1024;

/** 64 KiB: from this size on, a piece is a part of its own over TLS. The copy of 1 MiB took a tenth of the CPU time of the sender. */
const separateBytes = 64 * 1024;

/** Whether a TLS write of these pieces is split. */
export function hasSeparate(pieces: readonly Uint8Array[]): boolean {
  return pieces.length > 1 && pieces.some(({ length }) => length >= separateBytes);
}

export class WriteParts {
  readonly #isTls: boolean;
  readonly #pieces: { readonly piece: Uint8Array; readonly bytes: number }[] = [];
  /** The first piece that was not taken completely, and the number of its bytes that were taken. */
  #index = 0;
  #offset = 0;
  #bytes = 0;

  constructor(isTls = false) {
    this.#isTls = isTls;
  }

  /** The number of bytes that were not taken. */
  get bytes(): number {
    return this.#bytes;
  }

  add(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      this.#pieces.push({ piece, bytes: piece.length });
      this.#bytes += piece.length;
    }
  }

  /** The next part; undefined if the program has transferred or shrunk its bytes. */
  take(): Uint8Array[] | undefined {
    const part: Uint8Array[] = [];
    let room = maxWriteBytes;
    while (room > 0 && this.#bytes > 0) {
      const { piece, bytes } = this.#pieces[this.#index] as { readonly piece: Uint8Array; readonly bytes: number };
      if (piece.length !== bytes) return undefined;
      const isSeparate = this.#isTls && bytes >= separateBytes;
      if (isSeparate && part.length > 0) break;
      const next = piece.subarray(this.#offset, this.#offset + room);
      part.push(next);
      room -= next.length;
      this.#bytes -= next.length;
      this.#offset += next.length;
      if (this.#offset < piece.length) break;
      this.#index++;
      this.#offset = 0;
      if (isSeparate) break;
    }
    this.#pieces.splice(0, this.#index); // few remain, and the memory of large removed ones becomes free
    this.#index = 0;
    return part;
  }
}
