/** Reads the value of a message from its file. */

import { readNpyHeader } from 'serpy-arrays';
import type { ListedBytes, ListedValue, MessageLine, ValueLine } from '../format/format.js';
import { fromJson } from '../format/json-value.js';
import { headerForm, type NpyForm, reverseAxes } from '../format/npy-form.js';
import type { IndexReader } from './index-reader.js';
import type { OpenFiles } from './open-files.js';
import type { RecordedFile } from './recorded-file.js';

/** The header of a message, parsed. */
interface KnownHeader {
  readonly text: string;
  readonly bytes: Buffer;
  readonly form: NpyForm;
}

export class MessageReader {
  readonly #files: OpenFiles;
  /** The last header of each file, and where its arrays begin. */
  readonly #headers = new Map<string, KnownHeader>();
  readonly #starts = new Map<string, number>();

  constructor(files: OpenFiles) {
    this.#files = files;
  }

  /** @throws a `SyntaxError` if the files do not have what the line says */
  read(line: MessageLine, index: IndexReader): unknown {
    if (!('row' in line)) return readPlaced(this.#files, line);
    return this.#array(this.#files.open(line.file), line.file, line.row, index.header(line.file));
  }

  #array(file: RecordedFile, name: string, row: number, text: string | undefined): Buffer {
    if (text === undefined) throw new SyntaxError('the row has no header');
    const { bytes: header, form } = this.#header(name, text);
    const { dataBytes, fortran, shape, itemBytes } = form;
    const data = file.read(this.#start(file, name) + row * dataBytes, dataBytes);
    return Buffer.concat([header, fortran ? reverseAxes(data, shape, itemBytes) : data]);
  }

  #header(name: string, text: string): KnownHeader {
    const known = this.#headers.get(name);
    if (known?.text === text) return known;
    const bytes = Buffer.from(text, 'base64');
    const form = headerForm(bytes);
    if (form === undefined) throw new SyntaxError('the header of the array cannot be read');
    const header = { text, bytes, form };
    this.#headers.set(name, header);
    return header;
  }

  #start(file: RecordedFile, name: string): number {
    const start = this.#starts.get(name) ?? readNpyHeader(file.start(maxHeaderBytes)).headerBytes;
    this.#starts.set(name, start);
    return start;
  }
}

/** Longer than a header of a recording. */
export const maxHeaderBytes = 4096;

/** Reads a value or bytes. Throws a `SyntaxError` as `read` does. */
export function readPlaced(files: OpenFiles, line: ListedValue | ListedBytes): unknown {
  const bytes = files.open(line.file).read(line.offset, line.length);
  return 'line' in line ? fromJson((JSON.parse(bytes.toString()) as ValueLine).value) : bytes;
}
