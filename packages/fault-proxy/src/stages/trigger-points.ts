/** Marks at places of a direction: where something happens once the sender's bytes have got that far. */
import type { Place } from '../options/faults.js';
import type { FrameTracker } from './frame-tracker.js';
import { type Piece, partOf } from './item.js';

/** A part of a piece, and the mark behind it; the last part has none. */
export interface Step<T> {
  readonly piece: Piece;
  readonly mark: T | undefined;
}

/** Each mark is reached once. One whose place was passed before it was set is reached with the next piece. */
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

  /** A piece of the sender, cut at the marks that it reaches, in their order. */
  *split(piece: Piece): Iterable<Step<T>> {
    const start = piece.at ?? 0;
    let done = 0;
    for (const { mark, position } of this.#takeUpTo(start + piece.bytes.length)) {
      const end = Math.max(done, position - start);
      yield { piece: partOf(piece, done, end), mark };
      done = end;
    }
    yield { piece: partOf(piece, done), mark: undefined };
  }

  #takeUpTo(end: number): { mark: T; position: number }[] {
    if (this.#waiting.length === 0) return [];
    const placed = this.#waiting.map((mark) => ({ mark, position: this.#frames.positionOf(mark) }));
    const isReached = (each: { mark: T; position: number | undefined }): each is { mark: T; position: number } =>
      each.position !== undefined && each.position <= end;
    this.#waiting = placed.filter((each) => !isReached(each)).map(({ mark }) => mark);
    return placed.filter(isReached).sort((a, b) => a.position - b.position);
  }
}
