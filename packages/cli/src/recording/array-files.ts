/** The `.npy` files of a recording: one for all arrays of a type and shape, which grows and can be opened at any moment. */
import { join } from 'node:path';
import { type Disk, writeWhole } from './disk.js';
import { countText, type NpyForm, reverseAxes, stackHeader } from './npy-form.js';

/** Where an array was written. */
export interface ArrayPlace {
  readonly file: string;
  readonly row: number;
  /** Whether its header is not that of the row before. */
  readonly isHeaderNew: boolean;
}

export interface ArrayFiles {
  /** Bytes of all files. */
  readonly bytes: number;
  /** What the files take of a disk besides: the rest of their last blocks, and their entries. */
  readonly overheadBytes: number;
  /** Whether there may be a file for arrays of this form. */
  takes(form: NpyForm): boolean;
  /** How much `append` would add to `bytes` and `overheadBytes`. */
  cost(form: NpyForm): number;
  /** @param header of the message: the arrays of a file may have different ones that say the same */
  append(form: NpyForm, header: Uint8Array, data: Uint8Array): ArrayPlace;
  close(): void;
}

interface Stack {
  readonly name: string;
  readonly headerBytes: number;
  readonly countAt: number;
  /** Open while there are not too many younger ones. */
  handle: number | undefined;
  rows: number;
  lastHeader: string;
}

/** Files that are open at a time: a peer may send a thousand shapes. */
const maxOpen = 32;

/** More types and shapes than these no instrument has, and a folder with more files is slow to open. */
export const maxArrayFiles = 1024;

/** A block of most file systems. */
const fileOverheadBytes = 4096;

export function createArrayFiles(disk: Disk, folder: string): ArrayFiles {
  /** By type and shape, those that were used last at the end. */
  const stacks = new Map<string, Stack>();
  let bytes = 0;

  const create = (form: NpyForm): Stack => {
    const { bytes: header, countAt } = stackHeader(form);
    const name = `${form.name}.npy`;
    disk.create(join(folder, name), header);
    bytes += header.length;
    return { name, headerBytes: header.length, countAt, handle: undefined, rows: 0, lastHeader: '' };
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

    takes: (form) => stacks.has(form.name) || stacks.size < maxArrayFiles,

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
      // The data first: whenever the header is read, what it promises is there.
      writeWhole(disk, stack.handle, row, stack.headerBytes + stack.rows * form.dataBytes);
      disk.write(stack.handle, Buffer.from(countText(stack.rows + 1)), stack.countAt);
      stack.rows++;
      bytes += data.length;
      const text = Buffer.from(header).toString('base64');
      const isHeaderNew = text !== stack.lastHeader;
      stack.lastHeader = text;
      return { file: stack.name, row: stack.rows - 1, isHeaderNew };
    },

    close() {
      for (const { handle } of stacks.values()) if (handle !== undefined) disk.close(handle);
      stacks.clear();
    },
  };
}
