/** The `.npy` files of a recording: one for all arrays of a type and shape. A file can be opened at any moment while it grows. */
import { createHash, type Hash } from 'node:crypto';
import { join } from 'node:path';
import { hashSoFar } from '../format/chain.js';
import { countText, type NpyForm, reverseAxes, stackHeader } from '../format/npy-form.js';
import { type Disk, writeWhole } from './disk.js';

/** The place of an array. */
export interface ArrayPlace {
  readonly file: string;
  readonly row: number;
  /** Whether its header differs from that of the previous row. */
  readonly isHeaderNew: boolean;
}

export interface ArrayFiles {
  /** The size of all files. */
  readonly bytes: number;
  /** Additional space on the disk: the rest of the last blocks, and the entries of the folder. */
  readonly overheadBytes: number;
  readonly count: number;
  /** Whether there is, or may be, a file for arrays of this form. */
  accepts(form: NpyForm): boolean;
  /** The bytes that `append` would add to `bytes` and `overheadBytes`. */
  cost(form: NpyForm): number;
  /** @param header of the message: arrays of one file can have different headers with the same meaning */
  append(form: NpyForm, header: Uint8Array, data: Uint8Array): ArrayPlace;
  /** The SHA-256 of the arrays of a file so far, without its header, in hex. */
  contentHash(file: string): string;
  /** The names of the files. */
  names(): string[];
  close(): void;
}

interface Stack {
  readonly name: string;
  readonly headerBytes: number;
  readonly countAt: number;
  /** undefined while the file is closed. At most `maxOpen` files are open. */
  handle: number | undefined;
  rows: number;
  lastHeader: string;
  readonly content: Hash;
}

/** Open files: a peer can send a thousand shapes. */
const maxOpen = 32;

/** No instrument has more types and shapes, and a folder with more files is slow to open. */
export const maxArrayFiles = 1024;

/** The block size of most file systems. */
const fileOverheadBytes = 4096;

export function createArrayFiles(disk: Disk, folder: string): ArrayFiles {
  /** By type and shape, the least recently used first. */
  const stacks = new Map<string, Stack>();
  let bytes = 0;

  const create = (form: NpyForm): Stack => {
    const { bytes: header, countAt } = stackHeader(form);
    const name = `${form.name}.npy`;
    disk.create(join(folder, name), header);
    bytes += header.length;
    return {
      name,
      headerBytes: header.length,
      countAt,
      handle: undefined,
      rows: 0,
      lastHeader: '',
      content: createHash('sha256'),
    };
  };

  const closeOldest = () => {
    const open = [...stacks.values()].filter(({ handle }) => handle !== undefined);
    const oldest = open[0];
    if (open.length < maxOpen || oldest?.handle === undefined) return;
    disk.close(oldest.handle);
    oldest.handle = undefined;
  };

  return {
    get bytes() {
      return bytes;
    },

    get overheadBytes() {
      return stacks.size * fileOverheadBytes;
    },

    get count() {
      return stacks.size;
    },

    accepts: (form) => stacks.has(form.name) || stacks.size < maxArrayFiles,

    cost: (form) => form.dataBytes + (stacks.has(form.name) ? 0 : stackHeader(form).bytes.length + fileOverheadBytes),

    append(form, header, data) {
      const key = form.name;
      const stack = stacks.get(key) ?? create(form);
      stacks.delete(key);
      if (stack.handle === undefined) {
        closeOldest();
        stack.handle = disk.open(join(folder, stack.name));
      }
      stacks.set(key, stack);
      const row = form.fortran ? reverseAxes(data, form.shape.toReversed(), form.itemBytes) : data;
      // The data is written first, so that the header never counts an array that is missing.
      writeWhole(disk, stack.handle, row, stack.headerBytes + stack.rows * form.dataBytes);
      disk.write(stack.handle, Buffer.from(countText(stack.rows + 1)), stack.countAt);
      stack.rows++;
      stack.content.update(row);
      bytes += data.length;
      const text = Buffer.from(header).toString('base64');
      const isHeaderNew = text !== stack.lastHeader;
      stack.lastHeader = text;
      return { file: stack.name, row: stack.rows - 1, isHeaderNew };
    },

    contentHash: (file) => hashSoFar(stacks.get(file.slice(0, -'.npy'.length))?.content),

    names: () => [...stacks.values()].map(({ name }) => name).sort(),

    close() {
      for (const { handle } of stacks.values()) if (handle !== undefined) disk.close(handle);
      stacks.clear();
    },
  };
}
