/** Marks at positions of a direction. Something happens when the sender's bytes reach a mark. */
import type { Place } from '../options/faults.js';
import type { FrameTracker } from './frame-tracker.js';
import { type Piece, partOf } from './item.js';

/** A part of a piece, and the mark at its end; the last part has no mark. */
export interface Step<T> {
  readonly piece: Piece;
  readonly mark: T | undefined;
}

/** Marks, each of which is reached once. If its position has already passed when it is set, the next piece reaches it. */
export class TriggerPoints<T extends Place> {
  readonly #frames: FrameTracker;
  #waiting: readonly T[] = [];

  constructor(frames: FrameTracker) {
    this.#frames = frames;
  }

  set(marks: readonly T[]): void {
    this.#waiting = marks;
    for (const { frame } of marks) if (frame !== undefined) this.#frames.request(frame);
  }

  /** Splits a piece of the sender at the marks that it reaches, in their order. */
  *split(piece: Piece): Iterable<Step<T>> {
    const start = piece.at ?? 0;
    let done = 0;
    for (const { mark, position } of this.#removeUpTo(start + piece.bytes.length)) {
      const end = Math.max(done, position - start);
      yield { piece: partOf(piece, done, end), mark };
      done = end;
    }
    yield { piece: partOf(piece, done), mark: undefined };
  }

  #removeUpTo(end: number): { mark: T; position: number }[] {
    if (this.#waiting.length === 0) return [];
    const placed = this.#waiting.map((mark) => ({ mark, position: this.#frames.positionOf(mark) }));
    const isReached = (each: { mark: T; position: number | undefined }): each is { mark: T; position: number } =>
      each.position !== undefined && each.position <= end;
    this.#waiting = placed.filter((each) => !isReached(each)).map(({ mark }) => mark);
    return placed.filter(isReached).sort((a, b) => a.position - b.position);
  }
}
