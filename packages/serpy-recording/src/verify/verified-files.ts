/** The files of a recording under verification: how far their content is listed and hashed. */
import { createHash, type Hash } from 'node:crypto';
import { readNpyHeader } from 'serpy-arrays';
import { hashSoFar } from '../format/chain.js';
import type { MessageLine } from '../format/format.js';
import { countText, headerForm, stackHeader } from '../format/npy-form.js';
import type { OpenFiles } from '../reader/open-files.js';

interface Listed {
  readonly content: Hash;
  /** Where the listed content ends. */
  endBytes: number;
  /** Only of files of arrays. */
  readonly stack: { readonly headerBytes: number; readonly dataBytes: number; rows: number } | undefined;
}

/** Bytes per read: a message can be larger than memory. */
const chunkBytes = 2 ** 20;

/** Longer than a header of a recording. */
const maxHeaderBytes = 4096;

export class VerifiedFiles {
  readonly #files: OpenFiles;
  readonly #listed = new Map<string, Listed>();

  constructor(files: OpenFiles) {
    this.#files = files;
  }

  names(): string[] {
    return [...this.#listed.keys()];
  }

  /**
   * Adds the content of a message. Returns the hash of the file's content up to it.
   * @param header of an array, in base64
   * @throws a `SyntaxError` if the content is missing, or does not follow that of the previous message of the file
   */
  add(line: MessageLine, header: string | undefined): string {
    const listed = this.#listed.get(line.file) ?? this.#begin(line, header);
    this.#listed.set(line.file, listed);
    const { stack } = listed;
    if ('row' in line) {
      if (stack === undefined || line.row !== stack.rows)
        throw new SyntaxError(`its row is ${line.row}, and the next row of ${line.file} is ${stack?.rows}`);
      stack.rows++;
      this.#hash(line.file, listed, stack.dataBytes);
    } else {
      if (stack !== undefined || line.offset !== listed.endBytes)
        throw new SyntaxError(
          `its offset is ${line.offset}, and the next message of ${line.file} is at ${listed.endBytes}`,
        );
      this.#hash(line.file, listed, line.length);
    }
    return hashSoFar(listed.content);
  }

  contentHash(name: string): string {
    return hashSoFar(this.#listed.get(name)?.content);
  }

  /** The bytes of a file after its listed content. */
  unlistedBytes(name: string): number {
    return this.#files.open(name).size - (this.#listed.get(name)?.endBytes ?? 0);
  }

  /** What is wrong with the header of a file of arrays; undefined if it counts its arrays. @param isClosed whether the count must be exact */
  headerFault(name: string, isClosed: boolean): string | undefined {
    const { stack } = this.#listed.get(name) ?? {};
    if (stack === undefined) return undefined;
    const header = this.#files.open(name).read(0, stack.headerBytes);
    const { shape } = readNpyHeader(header);
    const form = headerForm(header);
    const [count = 0, ...rest] = shape;
    if (form === undefined) return 'its header cannot be read';
    const { bytes, countAt } = stackHeader({ descr: form.descr, shape: rest });
    bytes.write(countText(count), countAt, 'latin1');
    if (!bytes.equals(header)) return 'its header was altered';
    if (count < stack.rows) return `its header counts ${count} arrays, and the index has ${stack.rows}`;
    return isClosed && count > stack.rows
      ? `its header counts ${count} arrays, and ${stack.rows} were recorded`
      : undefined;
  }

  #begin(line: MessageLine, header: string | undefined): Listed {
    const content = createHash('sha256');
    if (!('row' in line)) return { content, endBytes: 0, stack: undefined };
    const form = header === undefined ? undefined : headerForm(Buffer.from(header, 'base64'));
    if (form === undefined) throw new SyntaxError('the header of the array cannot be read');
    const { headerBytes } = readNpyHeader(this.#files.open(line.file).start(maxHeaderBytes));
    return { content, endBytes: headerBytes, stack: { headerBytes, dataBytes: form.dataBytes, rows: 0 } };
  }

  #hash(name: string, listed: Listed, length: number): void {
    const file = this.#files.open(name);
    const end = listed.endBytes + length;
    for (let at = listed.endBytes; at < end; at += chunkBytes) {
      listed.content.update(file.read(at, Math.min(chunkBytes, end - at)));
    }
    listed.endBytes = end;
  }
}
