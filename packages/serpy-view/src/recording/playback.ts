/** Where one page is in a recording: at the newest values, at a message, or playing. */
import type { IndexCursor, MessageLine } from 'serpy-recording';
import { isEvent } from 'serpy-recording';
import type { PanelBoard } from '../panels/board.js';
import type { ViewClock } from '../system.js';
import type { TimeRequest } from '../wire/time.js';
import { Past } from './past.js';
import type { Timeline } from './timeline.js';

export interface PlaybackHost {
  readonly timeline: Timeline;
  readonly clock: ViewClock;
  /** Whether the newest values are on a board of the view; otherwise they, too, come from the files. */
  readonly hasLiveBoard: boolean;
  createBoard(): PanelBoard;
  /** Called when the panels have other values, with whether they are other panels. */
  onMove(isOtherBoard: boolean): void;
}

const playMs = 40;

/** A page that drags fast gets some of the positions. */
const seekMs = 30;

export class Playback {
  readonly #host: PlaybackHost;
  #past: Past | undefined;
  #isLive = true;
  #speed: number | undefined;
  /** Where playing began: in the recording, and by the clock. */
  #from = { timeMs: 0, atMs: 0 };
  #cursor: IndexCursor | undefined;
  #peeked: MessageLine | undefined;
  #wanted: number | undefined;
  #timer: unknown;
  #seekTimer: unknown;
  #mayMoveAtMs = Number.NEGATIVE_INFINITY;

  constructor(host: PlaybackHost) {
    this.#host = host;
    if (!host.hasLiveBoard) this.#follow();
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  get speed(): number | null {
    return this.#speed ?? null;
  }

  /** The board of a page that does not show the newest values of the view. */
  get past(): Past | undefined {
    return this.#past;
  }

  /** The message that is shown. */
  get n(): number {
    return this.#past?.n ?? this.#host.timeline.messages - 1;
  }

  /** The recording has grown. */
  grown(): void {
    if (this.#isLive && !this.#host.hasLiveBoard) this.#follow();
  }

  handle(request: Exclude<TimeRequest, { readonly type: 'mark' }>, channels: readonly number[] | undefined): void {
    if (request.type === 'live') return this.#goLive();
    const { n } = this;
    this.#isLive = false;
    if (request.type === 'play') return this.#play(request.speed);
    this.#stop();
    if (request.type === 'seek') this.#seek(request.n);
    else if (request.type === 'pause') this.#seek(n);
    else this.#step(this.#wanted ?? n, request.by, channels);
  }

  close(): void {
    this.#stop();
    this.#host.clock.clearTimeout(this.#seekTimer);
  }

  #goLive(): void {
    this.#stop();
    this.#wanted = undefined;
    this.#isLive = true;
    if (!this.#host.hasLiveBoard) return this.#follow();
    this.#past = undefined;
    this.#host.onMove(true);
  }

  #follow(): void {
    this.#seek(this.#host.timeline.messages - 1);
  }

  #step(n: number, by: 1 | -1, channels: readonly number[] | undefined): void {
    const found = channels === undefined ? n + by : this.#host.timeline.neighbor(n, by, channels);
    this.#seek(found ?? n);
  }

  /** Moves at once, or, soon after the last time, a little later: of several wishes the last one counts. */
  #seek(n: number): void {
    this.#wanted = Math.min(this.#host.timeline.messages - 1, Math.max(0, n));
    const { clock } = this.#host;
    const waitMs = this.#mayMoveAtMs - clock.now();
    if (waitMs <= 0) return this.#moveToWanted();
    this.#seekTimer ??= clock.setTimeout(() => {
      this.#seekTimer = undefined;
      if (this.#wanted !== undefined) this.#moveToWanted();
    }, waitMs);
  }

  #moveToWanted(): void {
    const n = this.#wanted as number;
    this.#wanted = undefined;
    const { clock } = this.#host;
    const startMs = clock.now();
    this.#moveTo(n);
    const tookMs = clock.now() - startMs;
    this.#mayMoveAtMs = startMs + Math.max(seekMs, 2 * tookMs); // half of the time is for the others
  }

  #moveTo(n: number): void {
    const { timeline, clock, createBoard, onMove } = this.#host;
    const isFirst = this.#past === undefined;
    this.#past ??= new Past(timeline, clock, createBoard);
    const isOther = n >= 0 && this.#past.n !== n && this.#past.moveTo(n);
    onMove(isOther || isFirst);
  }

  #play(speed: number): void {
    const { clock } = this.#host;
    if (this.#past === undefined || this.#wanted !== undefined) this.#moveTo(this.#wanted ?? this.n);
    this.#wanted = undefined;
    this.#stop();
    this.#speed = speed;
    this.#from = { timeMs: this.#past?.timeMs ?? 0, atMs: clock.now() };
    this.#cursor = this.#host.timeline.recording.cursor(Math.max(0, this.n + 1));
    this.#tick();
  }

  /** Shows the last message whose time has come. */
  #tick(): void {
    const { clock, timeline } = this.#host;
    const startMs = clock.now();
    const timeMs = this.#from.timeMs + (startMs - this.#from.atMs) * (this.#speed ?? 1);
    let n = this.n;
    let isAtEnd = false;
    try {
      for (let line = this.#peek(); ; line = this.#peek()) {
        isAtEnd = line === undefined;
        if (line === undefined || line.timeMs > timeMs || clock.now() - startMs > playMs) break;
        n = line.n;
        this.#peeked = undefined;
      }
    } catch {
      isAtEnd = true; // the timeline reports it
    }
    this.#moveTo(n);
    if (isAtEnd && n >= timeline.messages - 1) {
      if (timeline.isClosed || timeline.problem !== undefined) return this.#arrived();
      if (timeMs >= timeline.lastTimeMs) return this.#goLive();
    }
    this.#timer = clock.setTimeout(() => this.#tick(), Math.max(playMs, clock.now() - startMs));
  }

  #arrived(): void {
    this.#stop();
    this.#host.onMove(false);
  }

  /** The next line of a message; undefined at the end. */
  #peek(): MessageLine | undefined {
    while (this.#peeked === undefined) {
      const line = this.#cursor?.next();
      if (line === undefined) return undefined;
      if (!isEvent(line)) this.#peeked = line;
    }
    return this.#peeked;
  }

  #stop(): void {
    this.#host.clock.clearTimeout(this.#timer);
    this.#cursor?.close();
    this.#cursor = undefined;
    this.#peeked = undefined;
    this.#speed = undefined;
  }
}
