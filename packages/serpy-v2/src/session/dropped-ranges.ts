/**
 * What a full receive queue has turned away. It counts as taken as soon as all before it has been: the peer is told a number up to which all
 * was taken, and would wait for a message that nobody will ever take. There is a run for each message in the queue at most.
 */
export class DroppedRanges {
  /** Where the last message ends that is not dropped, and the last before it. */
  #lastEnd: number;
  #endBefore: number;
  readonly #runs: { readonly after: number; end: number }[] = [];

  /** @param begin the first number that counts */
  constructor(begin: number) {
    this.#lastEnd = begin;
    this.#endBefore = begin;
  }

  /** A message is handed to the queue. */
  delivered(end: number): void {
    this.#endBefore = this.#lastEnd;
    this.#lastEnd = end;
  }

  /** The queue has turned away what it was handed last. */
  add(end: number): void {
    if (end !== this.#lastEnd) return;
    this.#lastEnd = this.#endBefore;
    const last = this.#runs.at(-1);
    if (last?.after === this.#lastEnd) last.end = end;
    else this.#runs.push({ after: this.#lastEnd, end });
  }

  /** How far all is taken or dropped, when all before `taken` is. */
  takenWith(taken: number): number {
    let end = taken;
    for (let first = this.#runs[0]; first !== undefined && first.after <= end; first = this.#runs[0]) {
      end = Math.max(end, first.end);
      this.#runs.shift();
    }
    return end;
  }
}
