/**
 * The sent blocks that the peer has not acknowledged, in the order in which it acknowledges them. A block whose `sendData` no longer waits
 * is replaced by a count at its position: memory stays bounded if a peer never acknowledges, and a late acknowledgement is not assigned to
 * another block.
 */
import type { Block } from './wire/block.js';

/** Consecutive blocks whose acknowledgement is no longer awaited. */
interface CancelledRun {
  acks: number;
}

/** The list is compacted only if it has more unawaited entries than this. */
const minCompactEntries = 32;

export class PendingAcks {
  /** Entries before `#first` are acknowledged. */
  #entries: (Block | CancelledRun)[] = [];
  #first = 0;
  /** The number of blocks whose acknowledgement is awaited. */
  #awaitedCount = 0;

  /** The number of entries: at most three for each awaited block, plus `minCompactEntries`. */
  get entries(): number {
    return this.#entries.length - this.#first;
  }

  add(block: Block): void {
    if (block.awaitsAck) {
      this.#entries.push(block);
      this.#awaitedCount++;
    } else {
      addRun(this.#entries, this.#first, 1);
      this.#compactSometimes();
    }
  }

  /** The acknowledgement of this block is no longer awaited. */
  cancelAck(block: Block): void {
    if (block.ackCancelled) return;
    block.ackCancelled = true;
    this.#awaitedCount--;
    this.#compactSometimes();
  }

  /** An acknowledgement arrived. @returns its block; `'cancelled'` if it is no longer awaited; undefined if none was due */
  acknowledge(): Block | 'cancelled' | undefined {
    const entry = this.#entries[this.#first];
    if (entry === undefined) return undefined;
    if (isRun(entry)) {
      entry.acks--;
      if (entry.acks === 0) this.#drop();
      return 'cancelled';
    }
    this.#drop();
    if (entry.ackCancelled) return 'cancelled';
    this.#awaitedCount--;
    return entry;
  }

  /**
   * The link ended. Acknowledgements arrive in order, so a block that the peer cannot handle is the first awaited one. Only this block counts
   * the link.
   * @returns this block if it was sent on `maxLinks` links
   */
  linkDown(maxLinks: number): Block | undefined {
    for (let index = this.#first; index < this.#entries.length; index++) {
      const entry = this.#entries[index] as Block | CancelledRun;
      if (isRun(entry) || entry.ackCancelled) continue;
      entry.endedLinks++;
      return entry.endedLinks >= maxLinks ? entry : undefined;
    }
    return undefined;
  }

  /** Removes all entries. @returns the awaited blocks */
  drain(): Block[] {
    const awaited = this.#entries.slice(this.#first).filter((entry) => !isRun(entry) && !entry.ackCancelled) as Block[];
    this.#entries = [];
    this.#first = 0;
    this.#awaitedCount = 0;
    return awaited;
  }

  #drop(): void {
    this.#first++;
    if (2 * this.#first < this.#entries.length) return;
    this.#entries.splice(0, this.#first);
    this.#first = 0;
  }

  /** Compacts rarely, so that the cost for each block is constant: afterwards there is at most one run beside each awaited block. */
  #compactSometimes(): void {
    if (this.entries - this.#awaitedCount > 2 * this.#awaitedCount + minCompactEntries) this.#compact();
  }

  #compact(): void {
    const entries: (Block | CancelledRun)[] = [];
    for (let index = this.#first; index < this.#entries.length; index++) {
      const entry = this.#entries[index] as Block | CancelledRun;
      if (isRun(entry)) addRun(entries, 0, entry.acks);
      else if (entry.ackCancelled) addRun(entries, 0, 1);
      else entries.push(entry);
    }
    this.#entries = entries;
    this.#first = 0;
    this.#awaitedCount = entries.filter((entry) => !isRun(entry)).length;
  }
}

function isRun(entry: Block | CancelledRun): entry is CancelledRun {
  return 'acks' in entry;
}

function addRun(entries: (Block | CancelledRun)[], first: number, acks: number): void {
  const last = entries.length > first ? (entries[entries.length - 1] as Block | CancelledRun) : undefined;
  if (last !== undefined && isRun(last)) last.acks += acks;
  else entries.push({ acks });
}
