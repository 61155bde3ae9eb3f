/** A new file that is written from its start to its end, in large pieces. */
import { closeSync, openSync } from 'node:fs';
import { appendAll } from './append-all.js';

const bufferBytes = 2 ** 20;

export class BufferedFile {
  readonly #file: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'wx');
  }

  write(content: string | Uint8Array): void {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= bufferBytes) this.flush();
  }

  flush(): void {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    appendAll(this.#file, bytes);
  }

  close(): void {
    closeSync(this.#file);
  }
}
