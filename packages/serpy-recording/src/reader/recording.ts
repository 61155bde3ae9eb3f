/** Reads a recording: its messages from any index, its arrays, and what is known about it; also while it grows. */
import type { NdArray } from 'serpy-arrays';
import { OptionError, systemEnvironment } from 'serpy-core';
import { errorText } from '../errors.js';
import {
  type EventLine,
  files,
  type IndexLine,
  isEvent,
  type MessageLine,
  type RecordedMessage,
  type RecordingAbout,
  type Times,
} from '../format/format.js';
import { readAbout } from './about.js';
import { damaged, IndexReader, type Position, startPosition } from './index-reader.js';
import { OpenFiles } from './open-files.js';
import { type ArrayFile, ArrayFiles } from './read-array.js';
import { MessageReader, readPlaced } from './read-message.js';
import { type RecordingInfo, summarize } from './recording-info.js';

/** A message of a recording. Arrays are the bytes of a `.npy`: `decodeNpy` of serpy-arrays decodes them. */
export interface Recorded extends RecordedMessage, Times {
  readonly n: number;
  /** The peer's address, in recordings of a server. */
  readonly from?: string;
}

/** The part of a recording to read. */
export interface ReadOptions {
  /** The number of the first message. Default 0. */
  readonly from?: number | undefined;
  /** The number after that of the last message. Default: all. */
  readonly to?: number | undefined;
  /** Called for each event, in order with the messages. */
  readonly onEvent?: ((event: EventLine) => void) | undefined;
}

/** Options of `follow`. */
export interface FollowOptions extends Pick<ReadOptions, 'from' | 'onEvent'> {
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined;
  /** The time between two looks for new messages. Default 50. */
  readonly pollMs?: number | undefined;
}

/** A reader of the index. */
export interface IndexCursor {
  /** The next line; undefined if there is none yet. Throws `ERR_RECORDING_DAMAGED`. */
  next(): IndexLine | undefined;
  close(): void;
}

/** Lines of the index between two remembered positions. */
const stepLines = 1024;

/** A recording that is read. All methods read files synchronously, and throw `ERR_RECORDING_DAMAGED` for damaged files. */
export class Recording {
  readonly folder: string;
  /** The content of `recording.json`. */
  readonly about: RecordingAbout;
  /** Positions of every 1,024th line, in ascending order. */
  readonly #positions: Position[] = [startPosition];
  readonly #files: OpenFiles;
  readonly #arrays: ArrayFiles;

  /** Use `openRecording`. */
  constructor(folder: string) {
    this.folder = folder;
    this.about = readAbout(folder);
    this.#files = new OpenFiles(folder);
    this.#arrays = new ArrayFiles(folder, this.#files);
  }

  /** The messages in order of arrival, up to the last complete line of the index. */
  *messages(options: ReadOptions = {}): Generator<Recorded, void, undefined> {
    checkRange(options);
    const files = new OpenFiles(this.folder);
    try {
      const index = this.#indexAt(files, options.from ?? 0);
      yield* this.#read(index, files, options);
    } finally {
      files.close();
    }
  }

  /**
   * The messages, and then those that arrive, until the recording is closed. Ends without an error when the signal is aborted.
   * A recorder that was killed does not close its recording.
   */
  async *follow({ signal, pollMs = 50, ...options }: FollowOptions = {}): AsyncGenerator<Recorded, void, undefined> {
    checkRange(options);
    const files = new OpenFiles(this.folder);
    let isClosed = false;
    const onEvent = (event: EventLine) => {
      isClosed ||= event.type === 'end';
      options.onEvent?.(event);
    };
    try {
      const index = this.#indexAt(files, options.from ?? 0);
      while (!signal?.aborted) {
        for (const message of this.#read(index, files, { ...options, onEvent })) {
          if (signal?.aborted) return;
          yield message;
        }
        if (isClosed) return;
        await pause(pollMs, signal);
      }
    } finally {
      files.close();
    }
  }

  /** The lines of the index, messages and events, without the content of the messages: `content` reads it. */
  *index({
    from = 0,
    to = Number.POSITIVE_INFINITY,
  }: Pick<ReadOptions, 'from' | 'to'> = {}): Generator<IndexLine, void, undefined> {
    checkRange({ from, to });
    const files = new OpenFiles(this.folder);
    try {
      const index = this.#indexAt(files, from);
      while (index.position.n < to) {
        const line = this.#next(index);
        if (line === undefined) return;
        if (line.n >= from) yield line;
      }
    } finally {
      files.close();
    }
  }

  /** Reads the lines of the index one after the other, also while it grows. Close it. */
  cursor(from = 0): IndexCursor {
    checkRange({ from });
    const files = new OpenFiles(this.folder);
    const index = this.#indexAt(files, from);
    return {
      next: () => {
        let line = this.#next(index);
        while (line !== undefined && line.n < from) line = this.#next(index);
        return line;
      },
      close: () => files.close(),
    };
  }

  /** Message n; undefined if there is none yet. */
  message(n: number): Recorded | undefined {
    checkRange({ from: n });
    const index = this.#indexAt(this.#files, n);
    return this.#read(index, this.#files, { from: n, to: n + 1 }).next().value ?? undefined;
  }

  /** The content of a message by its line of the index: the array, the value, or the bytes. Throws as `frame` does. */
  content(line: MessageLine): unknown {
    if ('row' in line) return this.frame(line.file, line.row);
    try {
      return readPlaced(this.#files, line);
    } catch (error) {
      throw damaged(this.folder, `message ${line.n}: ${errorText(error)}`, error);
    }
  }

  /** Counts the messages: reads the whole index. */
  info(): RecordingInfo {
    const files = new OpenFiles(this.folder);
    try {
      const index = this.#indexAt(files, 0);
      const found = summarize(() => this.#next(index));
      const incompleteBytes = this.#open(files, indexName).size - index.position.offset;
      return { ...this.about, ...found, incompleteBytes, arrays: this.arrays() };
    } finally {
      files.close();
    }
  }

  /** The files of arrays, as their headers are at this moment. */
  arrays(): ArrayFile[] {
    return this.#arrays.list();
  }

  /**
   * Array n of a file, from 0. A file of a growing recording can have more arrays than the index has messages.
   * @param file its name, such as `uint16-480x640.npy`
   * @throws `ERR_RECORDING_RANGE` if there is no such file or array
   */
  frame(file: string, n: number): NdArray {
    return this.#arrays.read(file, n);
  }

  /** Closes the files that `frame` has opened. */
  close(): void {
    this.#files.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The messages from the reader's position, as far as there are lines now. */
  *#read(index: IndexReader, files: OpenFiles, options: ReadOptions): Generator<Recorded, void, undefined> {
    const { from = 0, to = Number.POSITIVE_INFINITY, onEvent } = options;
    const reader = new MessageReader(files);
    for (;;) {
      if (index.position.n >= to) return;
      const line = this.#next(index);
      if (line === undefined) return;
      if (isEvent(line)) {
        if (line.n >= from) onEvent?.(line);
        continue;
      }
      if (line.n < from) continue;
      const { n, timeMs, wallMs, type, mode, about, from: sender } = line;
      const described = { ...(mode === undefined ? {} : { mode }), ...(about === undefined ? {} : { about }) };
      const known = { n, timeMs, wallMs, type, ...described };
      const value = index.guard(() => reader.read(line, index));
      yield { ...known, ...(sender === undefined ? {} : { from: sender }), value };
    }
  }

  /** Reads a line, and remembers some positions. */
  #next(index: IndexReader): IndexLine | undefined {
    const { position } = index;
    const last = this.#positions.at(-1) as Position;
    if (position.line - last.line >= stepLines) this.#positions.push(position);
    return index.next();
  }

  /** A reader of the index at a position before message n, or at it. */
  #indexAt(files: OpenFiles, n: number): IndexReader {
    const position = this.#positions.findLast((each) => each.n <= n) as Position;
    // Events before message n have its number: the position before them counts.
    const start = position.n === n ? (this.#positions.findLast((each) => each.n < n) ?? startPosition) : position;
    for (const name of [indexName, valuesName]) this.#open(files, name);
    return new IndexReader(this.folder, this.#open(files, indexName), start);
  }

  #open(opened: OpenFiles, name: string) {
    try {
      return opened.open(name);
    } catch (error) {
      throw damaged(this.folder, errorText(error), error);
    }
  }
}

const indexName = files.index;
const valuesName = files.values;

/**
 * Opens a recording, finished or growing.
 * @throws `ERR_RECORDING_NOT_FOUND` for a folder without a recording, `ERR_RECORDING_VERSION` for another version
 */
export function openRecording(folder: string): Recording {
  return new Recording(folder);
}

function checkRange({ from = 0, to = 0 }: ReadOptions): void {
  for (const [name, value] of Object.entries({ from, to })) {
    const isCount = Number.isSafeInteger(value) && value >= 0;
    if (!isCount && value !== Number.POSITIVE_INFINITY)
      throw new OptionError(`${name} is the number of a message, from 0, not ${String(value)}`);
  }
}

function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  const { clock } = systemEnvironment;
  return new Promise((resolve) => {
    const done = () => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, delayMs);
    signal?.addEventListener('abort', done, { once: true });
  });
}
