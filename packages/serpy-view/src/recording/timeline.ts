/** Finds the messages of a recording while it grows. Of each 1,024 messages it keeps one position, so that a long recording needs little memory. */
import { basename, resolve } from 'node:path';
import {
  type IndexCursor,
  isEvent,
  type ListedMark,
  type MessageLine,
  openRecording,
  type Recording,
} from 'serpy-recording';
import type { ViewClock } from '../system.js';
import { Channels } from './channels.js';

/** A place in the recording, and what was there. */
interface Step {
  readonly n: number;
  /** The number of the last message of each channel before n; -1 for none. */
  readonly last: readonly number[];
}

const stepMessages = 1024;

/** Reading the index of a long recording leaves time for everything else. */
const scanMs = { work: 10, pause: 1, refresh: 30, poll: 100, pollClosed: 1000 } as const;

/** Gaps that the bar shows. */
const maxGaps = 1000;

const maxMarks = 1000;

export class Timeline {
  readonly folder: string;
  readonly name: string;
  readonly recording: Recording;
  readonly channels: Channels;
  /** The number of messages that were found. */
  messages = 0;
  lastTimeMs = 0;
  lastWallMs: number;
  isClosed = false;
  isScanning = true;
  problem: string | undefined;
  readonly marks: ListedMark[] = [];
  readonly gaps: number[] = [];
  /** Changes with the marks and gaps. */
  marksVersion = 0;
  readonly #steps: Step[] = [];
  readonly #last: number[] = [];
  readonly #clock: ViewClock;
  readonly #cursor: IndexCursor;
  readonly #onChange: () => void;
  #timer: unknown;
  #isSoon = false;

  /**
   * @param onChange called after new lines were found
   * @throws `ERR_RECORDING_NOT_FOUND`, `ERR_RECORDING_VERSION`, `ERR_RECORDING_DAMAGED`
   */
  constructor(folder: string, clock: ViewClock, onChange: () => void) {
    this.folder = folder;
    this.recording = openRecording(folder);
    this.name = basename(resolve(folder));
    this.channels = new Channels(this.name);
    this.lastWallMs = this.recording.about.startedWallMs;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#cursor = this.recording.cursor();
    this.#scan();
  }

  /** Reads what was added, now. */
  refresh(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#scan();
  }

  /** Reads what was added, a little later: a recorder writes often. */
  refreshSoon(): void {
    if (this.#isSoon || this.problem !== undefined) return;
    this.#isSoon = true;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#scan(), scanMs.refresh);
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#cursor.close();
    this.recording.close();
  }

  /** The lines of messages from `from` up to and including `to`. */
  *lines(from: number, to: number): Generator<MessageLine, void, undefined> {
    for (const line of this.recording.index({ from, to: Math.min(to + 1, this.messages) }))
      if (!isEvent(line)) yield line;
  }

  /** The last message of each channel before message n, in ascending order. */
  lastBefore(n: number): number[] {
    const step = this.#stepAt(n);
    const last = [...(step?.last ?? [])];
    for (const line of this.lines(step?.n ?? 0, n - 1)) last[this.channels.of(line)] = line.n;
    return last.filter((each) => each >= 0).sort((one, other) => one - other);
  }

  /** The next message of some channels after n, or the previous one; undefined for none. */
  neighbor(n: number, by: 1 | -1, channels: readonly number[]): number | undefined {
    return by === 1 ? this.#next(n, channels) : this.#previous(n, channels);
  }

  #previous(n: number, channels: readonly number[]): number | undefined {
    const step = this.#stepAt(n);
    let found = -1;
    for (const line of this.lines(step?.n ?? 0, n - 1)) if (channels.includes(this.channels.of(line))) found = line.n;
    if (found < 0) found = Math.max(...channels.map((each) => step?.last[each] ?? -1));
    return found < 0 ? undefined : found;
  }

  #next(n: number, channels: readonly number[]): number | undefined {
    // The message is before the first step that knows it.
    const known = this.#steps.findIndex((step) => step.n > n && channels.some((each) => (step.last[each] ?? -1) > n));
    const end = this.#steps[known]?.n ?? this.messages;
    const start = this.#steps[known < 0 ? this.#steps.length - 1 : known - 1]?.n ?? 0;
    for (const line of this.lines(Math.max(n + 1, start), end - 1)) {
      if (channels.includes(this.channels.of(line))) return line.n;
    }
    return undefined;
  }

  #stepAt(n: number): Step | undefined {
    return this.#steps[Math.min(this.#steps.length, Math.floor(n / stepMessages)) - 1];
  }

  #scan(): void {
    this.#isSoon = false;
    const startMs = this.#clock.now();
    const before = this.messages + this.marksVersion;
    let isMore = true;
    try {
      while (isMore && this.#clock.now() - startMs < scanMs.work) {
        for (let count = 0; count < 64 && isMore; count++) isMore = this.#takeLine();
      }
    } catch (error) {
      this.problem = (error as Error).message; // what was found before can be shown
      isMore = false;
    }
    const wasScanning = this.isScanning;
    this.isScanning = isMore;
    const pollMs = this.isClosed ? scanMs.pollClosed : scanMs.poll;
    if (this.problem === undefined) {
      this.#timer = this.#clock.setTimeout(() => this.#scan(), isMore ? scanMs.pause : pollMs);
    }
    if (this.messages + this.marksVersion !== before || wasScanning !== isMore) this.#onChange();
  }

  /** Returns whether there was a line. */
  #takeLine(): boolean {
    const line = this.#cursor.next();
    if (line === undefined) return false;
    if (!isEvent(line)) {
      this.#last[this.channels.of(line)] = line.n;
      this.messages++;
      this.lastTimeMs = line.timeMs;
      this.lastWallMs = line.wallMs;
      if (this.messages % stepMessages === 0)
        this.#steps.push({ n: this.messages, last: Array.from(this.#last, (n) => n ?? -1) });
    } else if (line.type === 'end') this.isClosed = true;
    else if (line.type === 'mark' && this.marks.length < maxMarks) {
      this.marks.push(line);
      this.marksVersion++;
    } else if ((line.type === 'gap' || line.type === 'drop') && this.gaps.length < maxGaps) {
      this.gaps.push(line.n);
      this.marksVersion++;
    }
    return true;
  }
}
