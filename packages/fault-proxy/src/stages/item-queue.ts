/** A queue of items, which counts its memory. */
import { type Item, partOf } from './item.js';

/** 128 bytes: the approximate memory of an item without its bytes. Otherwise a million pieces of one byte would count as 1 MB. */
const itemOverheadBytes = 128;

/** Removed items are dropped from the array when they are at least this many and half of it: `shift` takes constant time on average. */
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

  /** The bytes of all items. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The approximate memory of all items. */
  get memoryBytes(): number {
    return this.#bytes + this.length * itemOverheadBytes;
  }

  get first(): Item | undefined {
    return this.#entries[this.#head]?.item;
  }

  /** When the first item is due; `Infinity` if the queue is empty. */
  get firstDueMs(): number {
    return this.#entries[this.#head]?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  push(item: Item, dueMs = 0): void {
    this.#entries.push({ item, dueMs });
    this.#bytes += sizeOf(item);
  }

  /** Removes the first item; there must be one. */
  shift(): Item {
    const { item } = this.#entries[this.#head++] as Entry;
    this.#bytes -= sizeOf(item);
    if ((this.#head >= compactAfter && this.#head >= this.length) || this.length === 0) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Removes at most `bytes` bytes from the start of the first item, or the complete item if it is not larger. */
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
