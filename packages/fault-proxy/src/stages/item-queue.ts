/** Items that wait their turn, and how much memory they take. */
import { type Item, partOf } from './item.js';

/** What an item costs beside its bytes: a limit of bytes alone would let a million pieces of one byte pass for 1 MB. */
const itemOverheadBytes = 128;

/** So many taken items may lie before the first, or as many as follow it: keeps each `shift` at constant time in the mean. */
const compactAfter = 1024;

interface Entry {
  readonly item: Item;
  readonly dueMs: number;
}

export class ItemQueue {
  #entries: Entry[] = [];
  #head = 0;
  #bytes = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** The bytes in it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The memory that it takes, about. */
  get memoryBytes(): number {
    return this.#bytes + this.length * itemOverheadBytes;
  }

  get first(): Item | undefined {
    return this.#entries[this.#head]?.item;
  }

  /** When the first is due; `Infinity` if there is none. */
  get firstDueMs(): number {
    return this.#entries[this.#head]?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  push(item: Item, dueMs = 0): void {
    this.#entries.push({ item, dueMs });
    this.#bytes += sizeOf(item);
  }

  /** Takes the first out; there must be one. */
  shift(): Item {
    const { item } = this.#entries[this.#head++] as Entry;
    this.#bytes -= sizeOf(item);
    if ((this.#head >= compactAfter && this.#head >= this.length) || this.length === 0) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes bytes from the beginning of the first, all of it if it has no more. */
  take(bytes: number): Item {
    const { item, dueMs } = this.#entries[this.#head] as Entry;
    if (item.kind !== 'bytes' || item.bytes.length <= bytes) return this.shift();
    this.#entries[this.#head] = { item: partOf(item, bytes), dueMs };
    this.#bytes -= bytes;
    return partOf(item, 0, bytes);
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}

function sizeOf(item: Item): number {
  return item.kind === 'bytes' ? item.bytes.length : 0;
}
