/** The content of messages: each goes to the lines of values, to the bytes, or to a file of arrays. */
import { createHash } from 'node:crypto';
import { hashSoFar, sealBytes } from '../format/chain.js';
import { files, type RecordedMessage, type Times } from '../format/format.js';
import type { ArrayFiles } from './array-files.js';
import type { GrowingFile } from './disk.js';
import { type FittingPlace, placeOf, valueLine } from './place.js';

/** The length of the last line for each file of arrays. */
export const endBytesOfFile = 200;

/** The maximum length of the line of an array without its header and hash: names have up to 100 characters, addresses up to 80. */
const maxArrayLine = 900;

/** What the index lists of each message. */
export type ListedMessage = Times & Pick<RecordedMessage, 'type' | 'mode' | 'about'> & { readonly n: number };

/** A message that was stored: its line in the index, the hash of its file so far, and its line among the values, which waits for `flush`. */
export interface StoredMessage {
  readonly line: object;
  readonly contentHash: string;
  readonly value?: string;
}

/** A message that is not stored yet. */
export interface MessageEntry {
  /** The most that it adds to the folder. */
  readonly maxBytes: number;
  /** Throws if the disk cannot store it. */
  store(): StoredMessage;
}

export class MessageContent {
  readonly #bytes: GrowingFile;
  readonly #arrays: ArrayFiles;
  readonly #valueHash = createHash('sha256');
  readonly #byteHash = createHash('sha256');
  #valueLines = 0;
  #valueBytes = 0;
  #omittedValues = 0;

  constructor(bytes: GrowingFile, arrays: ArrayFiles) {
    this.#bytes = bytes;
    this.#arrays = arrays;
  }

  /** The number of values that are too long for a line. */
  get omittedValues(): number {
    return this.#omittedValues;
  }

  /** The place of a message, without storing it. Throws `ERR_SERPY_VALUE` for a value that cannot be recorded. */
  entryOf(message: RecordedMessage, listed: ListedMessage): MessageEntry {
    const place = this.#placeOf(message);
    if (place.kind === 'value') return this.#valueEntry(place.value, listed);
    if (place.kind === 'bytes') return this.#byteEntry(place.bytes, listed);
    return this.#arrayEntry(place, listed);
  }

  /** The SHA-256 of each file with messages. */
  hashes(): Record<string, string> {
    return {
      ...(this.#valueLines > 0 ? { [files.values]: hashSoFar(this.#valueHash) } : {}),
      ...(this.#bytes.length > 0 ? { [files.bytes]: hashSoFar(this.#byteHash) } : {}),
      ...Object.fromEntries(this.#arrays.names().map((name) => [name, this.#arrays.contentHash(name)])),
    };
  }

  /** An array for which there can be no further file goes to the bytes, unchanged. */
  #placeOf(message: RecordedMessage): FittingPlace {
    const place = placeOf(message);
    if (place.kind !== 'array' || this.#arrays.accepts(place.form)) return place;
    const { value } = message;
    return { kind: 'bytes', bytes: value instanceof Uint8Array ? value : Buffer.concat([place.header, place.data]) };
  }

  #valueEntry(given: unknown, listed: ListedMessage): MessageEntry {
    const { text: value, isComplete } = valueLine(listed, given);
    const length = Buffer.byteLength(value);
    const line = { ...listed, file: files.values, line: this.#valueLines, offset: this.#valueBytes, length };
    return {
      maxBytes: length + JSON.stringify(line).length + sealBytes,
      store: () => {
        if (!isComplete) this.#omittedValues++;
        this.#valueHash.update(value);
        this.#valueLines++;
        this.#valueBytes += length;
        return { line, contentHash: hashSoFar(this.#valueHash), value };
      },
    };
  }

  #byteEntry(bytes: Uint8Array, listed: ListedMessage): MessageEntry {
    const line = { ...listed, file: files.bytes, offset: this.#bytes.length, length: bytes.length };
    return {
      maxBytes: bytes.length + JSON.stringify(line).length + sealBytes,
      store: () => {
        this.#bytes.append(bytes);
        this.#byteHash.update(bytes);
        return { line, contentHash: hashSoFar(this.#byteHash) };
      },
    };
  }

  #arrayEntry(place: Extract<FittingPlace, { kind: 'array' }>, listed: ListedMessage): MessageEntry {
    const header = Buffer.from(place.header).toString('base64');
    const aboutBytes = listed.about === undefined ? 0 : Buffer.byteLength(JSON.stringify(listed.about));
    const lineBytes = header.length + maxArrayLine + aboutBytes + sealBytes + endBytesOfFile;
    return {
      maxBytes: this.#arrays.cost(place.form) + lineBytes,
      store: () => {
        const { file, row, isHeaderNew } = this.#arrays.append(place.form, place.header, place.data);
        const line = { ...listed, file, row, ...(isHeaderNew ? { header } : {}) };
        return { line, contentHash: this.#arrays.contentHash(file) };
      },
    };
  }
}
