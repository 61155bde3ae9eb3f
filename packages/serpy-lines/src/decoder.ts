/** Bytes in, lines out: finds where each line ends, in whatever chunks the bytes arrive. */
import { ByteQueue } from 'serpy-core';

const carriageReturn = 0x0d;

export class LineDecoder {
  /** Received bytes that are not read yet. */
  readonly bytes = new ByteQueue();
  readonly #end: Buffer;
  /** Whether a line may end with `\r\n` too. */
  readonly #isNewline: boolean;
  /** Bytes that were searched and do not begin a line end: no byte is searched twice. */
  #searchedBytes = 0;
  #endBytes = 0;

  /** @param terminator of `\n` and `\r\n`, either is read for both */
  constructor(terminator: Buffer) {
    this.#isNewline = ['\n', '\r\n'].includes(terminator.toString('latin1'));
    this.#end = this.#isNewline ? Buffer.from('\n') : terminator;
  }

  /** Bytes of a line whose end has not arrived; 0 while a complete line waits. */
  get partialBytes(): number {
    return this.#searchedBytes;
  }

  /** The length of the first line without its end, or undefined until more bytes arrive. */
  find(): number | undefined {
    for (;;) {
      const at = this.bytes.indexOf(this.#end[0] as number, this.#searchedBytes);
      this.#searchedBytes = at < 0 ? this.bytes.length : at;
      if (at < 0 || at + this.#end.length > this.bytes.length) return undefined;
      if (this.#end.every((byte, i) => this.bytes.at(at + i) === byte)) break;
      this.#searchedBytes++;
    }
    const position = this.#searchedBytes;
    const isReturn = this.#isNewline && position > 0 && this.bytes.at(position - 1) === carriageReturn;
    this.#searchedBytes = 0;
    this.#endBytes = this.#end.length + (isReturn ? 1 : 0);
    return position - (isReturn ? 1 : 0);
  }

  /** Removes and returns the line that `find` found; its end is dropped. */
  take(lineBytes: number): Buffer {
    const line = this.bytes.take(lineBytes);
    this.bytes.skip(this.#endBytes);
    return line;
  }
}
