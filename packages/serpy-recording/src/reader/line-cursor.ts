/** Reads the complete lines of a file one after the other, also while the file grows. */
import type { RecordedFile } from './recorded-file.js';

/** Bytes per read. */
const chunkBytes = 2 ** 16;

/** Longer than any line of an index: its longest parts are a header of an array, and the hashes of 1,024 files. */
const maxLineBytes = 2 ** 20;

export class LineCursor {
  readonly #file: RecordedFile;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #offset: number;

  /** @param offset where a line begins */
  constructor(file: RecordedFile, offset = 0) {
    this.#file = file;
    this.#offset = offset;
  }

  /** Where the next line begins. */
  get offset(): number {
    return this.#offset;
  }

  /** The next line; undefined if the file has no further complete line yet. Throws a `SyntaxError` if it is too long. */
  next(): string | undefined {
    for (;;) {
      const end = this.#buffer.indexOf(10, this.#at);
      if (end >= 0) {
        const line = this.#buffer.toString('utf8', this.#at, end);
        this.#offset += end + 1 - this.#at;
        this.#at = end + 1;
        return line;
      }
      const rest = this.#buffer.subarray(this.#at);
      if (rest.length > maxLineBytes) throw new SyntaxError(`a line is longer than ${maxLineBytes} bytes`);
      const more = this.#file.some(this.#offset + rest.length, Math.max(chunkBytes, rest.length));
      this.#at = 0;
      // An incomplete line is read again: it can grow.
      this.#buffer = more.length === 0 ? more : Buffer.concat([rest, more]);
      if (more.length === 0) return undefined;
    }
  }
}
