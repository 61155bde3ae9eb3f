/** The open files of a reader. */
import { join } from 'node:path';
import { files } from '../format/format.js';
import { openRecorded, type RecordedFile } from './recorded-file.js';

/** A recording can have a file for each of many shapes, and systems limit the number of open files. */
const maxOpenFiles = 32;

/** Opens files of a folder, and keeps those that were used last. */
export class OpenFiles {
  readonly #folder: string;
  /** The least recently used first. */
  readonly #opened = new Map<string, RecordedFile>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws a `SyntaxError` for a name of another folder, and for anything but a regular file */
  open(name: string): RecordedFile {
    if (!/^[\w.-]+$/.test(name)) throw new SyntaxError(`${JSON.stringify(name)} is not a file of a recording`);
    const file = this.#opened.get(name) ?? openRecorded(join(this.#folder, name));
    this.#opened.delete(name);
    this.#opened.set(name, file);
    const oldest = [...this.#opened].find(([each]) => each !== files.index); // the index stays open
    if (oldest !== undefined && this.#opened.size > maxOpenFiles) {
      this.#opened.delete(oldest[0]);
      oldest[1].close();
    }
    return file;
  }

  close(): void {
    for (const file of this.#opened.values()) file.close();
    this.#opened.clear();
  }
}
