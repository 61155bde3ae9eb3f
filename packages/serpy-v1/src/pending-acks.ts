/**
 * The blocks whose answer has not come, in the order of the answers. Of those that nobody waits for any more there is only a count, in its
 * place: a peer that never answers must not make them pile up, and a late answer must not be taken for that of another.
 */
import type { Block } from './wire/block.js';

/** So many answers in a row that nobody waits for. */
interface CancelledRun {
  acks: number;
}

/** So many entries that nobody waits for are at least worth a walk through all. */
const minCompactEntries = 32;

export class PendingAcks {
  /** From `#first` on: what is before was answered. */
  #entries: (Block | CancelledRun)[] = [];
  #first = 0;
  /** How many of them somebody waits for. */
  #awaitedCount = 0;

  /** How many entries it takes: three for each block that is waited for, and some, at most. */
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

  /** Nobody waits for the answer of this block any more. */
  cancelAck(block: Block): void {
    if (block.ackCancelled) return;
    block.ackCancelled = true;
    this.#awaitedCount--;
    this.#compactSometimes();
  }

  /** An answer has come. @returns whose it is; `'cancelled'` where that was forgotten, undefined where none was due */
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
   * The link has ended. Answers come in order, so what the peer cannot take is the first that somebody waits for: what is behind it is not to blame.
   * @returns that one where it has had its number of links
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

  /** Takes everything out. @returns the blocks that are waited for */
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

  /** Rarely enough that it costs nothing: a walk leaves one run beside each block that is waited for. */
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

function addRun(entries: (Block | CancelledRun)[], first: number, answers: number): void {
  const last = entries.length > first ? (entries[entries.length - 1] as Block | CancelledRun) : undefined;
  if (last !== undefined && isRun(last)) last.acks += answers;
  else entries.push({ acks: answers });
}
