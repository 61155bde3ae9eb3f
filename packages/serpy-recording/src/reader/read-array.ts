/** Reads arrays from their files, by number. */
import { readdirSync } from 'node:fs';
import { arrayOf, type DType, type NdArray, type NpyHeader, readNpyHeader } from 'serpy-arrays';
import { errorText, RecordingError } from '../errors.js';
import { damaged } from './index-reader.js';
import type { OpenFiles } from './open-files.js';
import { maxHeaderBytes } from './read-message.js';

/** A file of arrays. */
export interface ArrayFile {
  readonly file: string;
  readonly dtype: DType;
  /** The shape of one array. */
  readonly shape: readonly number[];
  /** The number of arrays. */
  readonly count: number;
  /** The bytes of the file before the first element. */
  readonly headerBytes: number;
}

interface Stack {
  readonly info: ArrayFile;
  readonly header: NpyHeader;
}

/** A name of a file of arrays. */
const namePattern = /^[\w-]+\.npy$/;

export class ArrayFiles {
  readonly #folder: string;
  readonly #files: OpenFiles;
  /** The headers as they were last read. */
  readonly #stacks = new Map<string, Stack>();

  constructor(folder: string, files: OpenFiles) {
    this.#folder = folder;
    this.#files = files;
  }

  list(): ArrayFile[] {
    const names = readdirSync(this.#folder).filter((name) => namePattern.test(name));
    return names.sort().map((file) => this.#stack(file).info);
  }

  read(file: string, n: number): NdArray {
    const known = this.#stacks.get(file);
    const { info, header } = known && n < known.info.count ? known : this.#stack(file);
    const { count, shape } = info;
    if (!Number.isSafeInteger(n) || n < 0 || n >= count) {
      const range = count === 0 ? 'and has no array yet' : `and its arrays are 0 to ${count - 1}`;
      throw new RecordingError('ERR_RECORDING_RANGE', `${file} has no array ${String(n)}, ${range}`);
    }
    try {
      const { dtype, byteOrder, headerBytes, dataBytes } = header;
      const rowBytes = dataBytes / count;
      const bytes = this.#files.open(file).read(headerBytes + n * rowBytes, rowBytes);
      return arrayOf(bytes, { dtype, shape: [...shape], byteOrder });
    } catch (error) {
      throw damaged(this.#folder, `${file}: ${errorText(error)}`, error);
    }
  }

  #stack(file: string): Stack {
    if (typeof file !== 'string' || !namePattern.test(file)) {
      const what = `${JSON.stringify(file)} is not the name of a file of arrays, such as uint16-480x640.npy`;
      throw new RecordingError('ERR_RECORDING_RANGE', what);
    }
    try {
      const header = readNpyHeader(this.#files.open(file).start(maxHeaderBytes));
      const [count = 0, ...shape] = header.shape;
      const stack = { info: { file, dtype: header.dtype, shape, count, headerBytes: header.headerBytes }, header };
      this.#stacks.set(file, stack);
      return stack;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        throw damaged(this.#folder, `${file}: ${errorText(error)}`, error);
      const message = `the recording ${this.#folder} has no file ${file}`;
      throw new RecordingError('ERR_RECORDING_RANGE', message, { cause: error });
    }
  }
}
