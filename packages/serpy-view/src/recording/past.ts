/** The panels of one page at a message of a recording. They hold what a page needs of that moment, and are filled from the files. */
import { HubMessage } from 'serpy-hub';
import type { MessageLine } from 'serpy-recording';
import type { PanelBoard } from '../panels/board.js';
import type { ViewClock } from '../system.js';
import { kindOf } from './channels.js';
import type { Timeline } from './timeline.js';

/** Trends and logs show the messages before the position, at most so many. */
export const contextMessages = 2048;

export class Past {
  /** The message that is shown; -1 before the first. */
  n = -1;
  timeMs = 0;
  wallMs: number;
  board: PanelBoard;
  readonly #timeline: Timeline;
  readonly #clock: ViewClock;
  readonly #createBoard: () => PanelBoard;

  constructor(timeline: Timeline, clock: ViewClock, createBoard: () => PanelBoard) {
    this.#timeline = timeline;
    this.#clock = clock;
    this.#createBoard = createBoard;
    this.board = createBoard();
    this.wallMs = timeline.recording.about.startedWallMs;
  }

  /** Shows message n. Returns whether the board is another one. */
  moveTo(n: number): boolean {
    const isNear = n >= this.n && n - this.n <= contextMessages && this.n >= 0;
    if (isNear) {
      this.#take(this.n + 1, n);
      return false;
    }
    this.board = this.#createBoard();
    this.n = -1;
    const from = Math.max(0, n + 1 - contextMessages);
    for (const each of this.#attempt(() => this.#timeline.lastBefore(from)) ?? []) this.#take(each, each);
    this.#take(from, n);
    return true;
  }

  /** Hands messages to the panels: of images and curves only the last ones, because the others would be replaced at once. */
  #take(from: number, to: number): void {
    const lines = this.#attempt(() => [...this.#timeline.lines(from, to)]) ?? [];
    const lastOf = new Map(lines.map((line) => [this.#timeline.channels.of(line), line.n]));
    for (const line of lines) {
      const kind = kindOf(line);
      const isReplaced =
        (kind === 'image' || kind === 'curve') && lastOf.get(this.#timeline.channels.of(line)) !== line.n;
      if (!isReplaced) this.#takeLine(line);
    }
    const last = lines.at(-1);
    this.n = last?.n ?? this.n;
    this.timeMs = last?.timeMs ?? this.timeMs;
    this.wallMs = last?.wallMs ?? this.wallMs;
  }

  #takeLine(line: MessageLine): void {
    const { n, type, mode, about, wallMs } = line;
    const source = this.#timeline.channels.sourceOf(line);
    const value = this.#attempt(() => this.#valueOf(line), source);
    if (value === undefined) return;
    const message = new HubMessage(
      source,
      { type, value, mode, about },
      n,
      this.#clock.now(),
      this.#timeline.channels.isNamed(line),
    );
    this.board.take(message, wallMs);
  }

  /** Arrays as the bytes that arrived. */
  #valueOf(line: MessageLine): unknown {
    const { recording } = this.#timeline;
    if (!('row' in line)) return recording.content(line);
    return recording.message(line.n)?.value;
  }

  /** An error becomes a line of the log: the other messages can be shown. */
  #attempt<R>(work: () => R, source = this.#timeline.name): R | undefined {
    try {
      return work();
    } catch (error) {
      this.board.note(source, (error as Error).message);
      return undefined;
    }
  }
}
