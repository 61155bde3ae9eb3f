/** The lines that wait for `flush`: of the index, and of the values to which they refer. */
import { chainOf, seal } from '../format/chain.js';
import type { GrowingFile } from './disk.js';

/** A line of the index, and that of its value. */
interface Line {
  readonly isMessage: boolean;
  readonly value: string | undefined;
  readonly index: string;
}

export class DueLines {
  readonly #index: GrowingFile;
  readonly #values: GrowingFile;
  #chain: string;
  #lines: Line[] = [];
  #bytes = 0;

  /** @param chain the hash before the first line */
  constructor(index: GrowingFile, values: GrowingFile, chain: string) {
    this.#index = index;
    this.#values = values;
    this.#chain = chain;
  }

  get count(): number {
    return this.#lines.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Adds a line to the chain.
   * @param contentHash of the file of the message; empty for an event
   */
  add(line: object, contentHash: string, value?: string): void {
    const text = JSON.stringify(line).slice(0, -1);
    this.#chain = chainOf(this.#chain, contentHash, text);
    const index = seal(text, this.#chain);
    this.#lines.push({ isMessage: contentHash !== '', value, index });
    this.#bytes += Buffer.byteLength(index) + (value === undefined ? 0 : Buffer.byteLength(value));
  }

  flush(): void {
    this.#values.append(Buffer.from(this.#lines.map(({ value }) => value ?? '').join('')));
    this.#index.append(Buffer.from(this.#lines.map(({ index }) => index).join('')));
    this.#clear();
  }

  /**
   * Writes line by line until the disk refuses one, so that no line of the index refers to a missing value.
   * @returns the number of messages that were not written
   */
  flushSingly(): number {
    let missing = this.#lines.filter(({ isMessage }) => isMessage).length;
    for (const { value, index, isMessage } of this.#lines) {
      try {
        if (value !== undefined) this.#values.append(Buffer.from(value));
        this.#index.append(Buffer.from(index));
        if (isMessage) missing--;
      } catch {
        break;
      }
    }
    this.#clear();
    return missing;
  }

  #clear(): void {
    this.#lines = [];
    this.#bytes = 0;
  }
}
