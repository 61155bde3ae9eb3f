/**
 * The blocks whose answer has not come, in the order of the answers. Of those that nobody waits for any more there is only a count, in its
 * place: a peer that never answers must not make them pile up, and a late answer must not be taken for that of another.
 */
import type { Block } from './wire/block.js';

/** So many answers in a row that nobody waits for. */
interface Run {
  answers: number;
}

/** So many entries that nobody waits for are at least worth a walk through all. */
const fewEntries = 32;

export class Unanswered {
  /** From `#first` on: what is before was answered. */
  #entries: (Block | Run)[] = [];
  #first = 0;
  /** How many of them somebody waits for. */
  #awaited = 0;

  /** How many entries it takes: three for each block that is waited for, and some, at most. */
  get entries(): number {
    return this.#entries.length - this.#first;
  }

  add(block: Block): void {
    if (block.awaitsAck) {
      this.#entries.push(block);
      this.#awaited++;
    } else {
      addRun(this.#entries, this.#first, 1);
      this.#compactSometimes();
    }
  }

  /** Nobody waits for the answer of this block any more. */
  forget(block: Block): void {
    if (block.forgotten) return;
    block.forgotten = true;
    this.#awaited--;
    this.#compactSometimes();
  }

  /** An answer has come. @returns whose it is; `'nobody'` where that was forgotten, undefined where none was due */
  answered(): Block | 'nobody' | undefined {
    const entry = this.#entries[this.#first];
    if (entry === undefined) return undefined;
    if (isRun(entry)) {
      entry.answers--;
      if (entry.answers === 0) this.#drop();
      return 'nobody';
    }
    this.#drop();
    if (entry.forgotten) return 'nobody';
    this.#awaited--;
    return entry;
  }

  /**
   * The link has ended. Answers come in order, so what the peer cannot take is the first that somebody waits for: what is behind it is not to blame.
   * @returns that one where it has had its number of links
   */
  linkLost(maxLinks: number): Block | undefined {
    for (let index = this.#first; index < this.#entries.length; index++) {
      const entry = this.#entries[index] as Block | Run;
      if (isRun(entry) || entry.forgotten) continue;
      entry.lostLinks++;
      return entry.lostLinks >= maxLinks ? entry : undefined;
    }
    return undefined;
  }

  /** Takes everything out. @returns the blocks that are waited for */
  takeAwaited(): Block[] {
    const awaited = this.#entries.slice(this.#first).filter((entry) => !isRun(entry) && !entry.forgotten) as Block[];
    this.#entries = [];
    this.#first = 0;
    this.#awaited = 0;
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
    if (this.entries - this.#awaited > 2 * this.#awaited + fewEntries) this.#compact();
  }

  #compact(): void {
    const entries: (Block | Run)[] = [];
    for (let index = this.#first; index < this.#entries.length; index++) {
      const entry = this.#entries[index] as Block | Run;
      if (isRun(entry)) addRun(entries, 0, entry.answers);
      else if (entry.forgotten) addRun(entries, 0, 1);
      else entries.push(entry);
    }
    this.#entries = entries;
    this.#first = 0;
    this.#awaited = entries.filter((entry) => !isRun(entry)).length;
  }
}

function isRun(entry: Block | Run): entry is Run {
  return 'answers' in entry;
}

function addRun(entries: (Block | Run)[], first: number, answers: number): void {
  const last = entries.length > first ? (entries[entries.length - 1] as Block | Run) : undefined;
  if (last !== undefined && isRun(last)) last.answers += answers;
  else entries.push({ answers });
}
