/** Writes messages to a folder that can be read at any moment, also after this process was killed. */
import { aboutFrom, OptionError } from 'serpy-core';
import { errorText, RecordingError } from '../errors.js';
import { sealBytes, sha256 } from '../format/chain.js';
import { type EventLine, type Metadata, type RecordedMessage, rounded, type Times } from '../format/format.js';
import { checkInterval, type Interval } from '../format/interval.js';
import { type RecordingClock, systemClock } from '../system-clock.js';
import { type Disk, systemDisk } from './disk.js';
import { DueLines } from './due-lines.js';
import { endBytesOfFile, MessageContent } from './message-content.js';
import { aboutOf, checkMetadata, openFolder, type RecordingFiles } from './start.js';

/** Options of `createRecording`. */
export interface RecordingOptions extends Metadata {
  /** The maximum size of the folder, with 4 KiB for each file of arrays in addition to its content. Default: no limit. */
  readonly maxBytes?: number | undefined;
  readonly clock?: RecordingClock | undefined;
  readonly disk?: Disk | undefined;
}

/** An event between messages. `atMs` and `wallMs` are its time by both clocks; without them it is now. */
export type RecordedEvent = (
  | { readonly type: 'peer'; readonly protocol: string; readonly session: boolean; readonly encrypted: boolean }
  | { readonly type: 'gap'; readonly downMs: number | undefined }
  | { readonly type: 'reconnect'; readonly downMs: number }
  | { readonly type: 'drop'; readonly messages: number }
  | ({ readonly type: 'mark' } & Interval)
) & { readonly atMs?: number; readonly wallMs?: number };

/** A recording that is written. */
export interface RecordingWriter {
  readonly folder: string;
  readonly messages: number;
  /** The number of lines that wait for `flush`. */
  readonly unwritten: number;
  /** The size of the folder. */
  readonly bytes: number;
  /** The number of messages that are in the index without their values, because these are too long. */
  readonly omittedValues: number;
  readonly gaps: number;
  /**
   * Records a message. Arrays and other bytes are written when it returns, the lines that refer to them after `flush`.
   * @param from the peer's address, if several peers can send
   * @returns whether it fits into `maxBytes`; if not, no part of it was recorded
   * @throws `ERR_RECORDING_ENDED` if the disk cannot store it: the recording ends, and earlier messages can be read
   */
  add(message: RecordedMessage, from?: string): boolean;
  /**
   * Records an event after the messages added so far. Throws as `add` does.
   * @throws `ERR_RECORDING_RANGE` for a mark of messages that were not recorded, and after 1,000 marks
   */
  event(event: RecordedEvent, from?: string): void;
  /** Writes the lines that are due. Call it when no message waits, and regularly. Throws as `add` does. */
  flush(): void;
  /** Writes the lines that are due and a last line, and closes the files. The first call throws as `add` does. */
  close(reason?: string): void;
}

/** The length of the last line without files. */
const endBytes = 700;

/** Lines are written at the latest after this many messages. */
const flushEvery = 256;

/** Starts a recording in a new or empty folder. Throws `ERR_RECORDING_FOLDER` for another folder. */
export function createRecording(folder: string, options: RecordingOptions = {}): RecordingWriter {
  const { maxBytes = Number.POSITIVE_INFINITY } = options;
  if (typeof folder !== 'string' || folder === '') throw new OptionError('a recording needs the name of a folder');
  if (!(maxBytes > 0)) throw new OptionError(`maxBytes is a number above 0, not ${String(maxBytes)}`);
  checkMetadata(options);
  return new FolderWriter(folder, options, maxBytes);
}

class FolderWriter implements RecordingWriter {
  readonly folder: string;
  readonly #clock: RecordingClock;
  readonly #startMs: number;
  readonly #maxBytes: number;
  readonly #aboutBytes: number;
  readonly #files: RecordingFiles;
  readonly #content: MessageContent;
  readonly #lines: DueLines;
  #messages = 0;
  #gaps = 0;
  #marks = 0;
  #isOver = false;

  constructor(folder: string, options: RecordingOptions, maxBytes: number) {
    const { clock = systemClock, disk = systemDisk } = options;
    this.folder = folder;
    this.#clock = clock;
    this.#startMs = clock.now();
    this.#maxBytes = maxBytes;
    const about = Buffer.from(`${JSON.stringify(aboutOf(options, clock.wallMs()), undefined, 2)}\n`);
    this.#aboutBytes = about.length;
    this.#files = openFolder(disk, folder, about);
    const { index, values, bytes, arrays } = this.#files;
    this.#content = new MessageContent(bytes, arrays);
    this.#lines = new DueLines(index, values, sha256(about));
  }

  get messages(): number {
    return this.#messages;
  }

  get unwritten(): number {
    return this.#lines.count;
  }

  get bytes(): number {
    const { index, values, bytes, arrays } = this.#files;
    return this.#aboutBytes + index.length + values.length + bytes.length + arrays.bytes + this.#lines.bytes;
  }

  get gaps(): number {
    return this.#gaps;
  }

  get omittedValues(): number {
    return this.#content.omittedValues;
  }

  add(message: RecordedMessage, from?: string): boolean {
    if (this.#isOver) return false;
    const { type, mode } = message;
    const about = message.about === undefined ? undefined : aboutFrom(message.about);
    const sender = from === undefined ? {} : { from };
    const known = { ...(mode === undefined ? {} : { mode }), ...(about === undefined ? {} : { about }) };
    const entry = this.#content.entryOf(message, { n: this.#messages, ...this.#times(), type, ...known, ...sender });
    if (!this.#fits(entry.maxBytes)) return false;
    const { line, contentHash, value } = this.#guard(() => entry.store());
    this.#lines.add(line, contentHash, value);
    this.#messages++;
    if (this.#lines.count >= flushEvery) this.flush();
    return true;
  }

  event({ atMs, wallMs, ...event }: RecordedEvent, from?: string): void {
    if (event.type === 'gap') this.#gaps++;
    if (this.#isOver) return;
    if (event.type === 'mark') checkInterval(event, this.#messages, this.#marks);
    const now = this.#times();
    const listed = {
      n: this.#messages,
      timeMs: atMs === undefined ? now.timeMs : rounded(Math.max(0, atMs - this.#startMs)),
      wallMs: wallMs === undefined ? now.wallMs : rounded(wallMs),
      file: null,
      ...(from === undefined ? {} : { from }),
    };
    const downMs = 'downMs' in event ? { downMs: roundedOrNull(event.downMs) } : {};
    this.#addEvent({ ...listed, ...event, ...downMs } as EventLine);
  }

  flush(): void {
    if (this.#isOver || this.#lines.count === 0) return;
    this.#guard(() => this.#lines.flush());
  }

  close(reason = 'closed'): void {
    if (this.#isOver) return;
    const sha256 = this.#content.hashes();
    this.#addEvent({ n: this.#messages, ...this.#times(), type: 'end', file: null, reason, sha256 });
    this.flush();
    if (!this.#isOver) this.#closeFiles();
  }

  #times(): Times {
    return { timeMs: rounded(this.#clock.now() - this.#startMs), wallMs: rounded(this.#clock.wallMs()) };
  }

  /** Whether there is space for this many bytes, and for the last line. */
  #fits(addedBytes: number): boolean {
    const { overheadBytes, count } = this.#files.arrays;
    return this.bytes + overheadBytes + endBytes + endBytesOfFile * count + addedBytes <= this.#maxBytes;
  }

  #addEvent(line: EventLine): void {
    if (line.type !== 'end' && !this.#fits(JSON.stringify(line).length + sealBytes)) {
      if (line.type === 'mark') throw new RecordingError('ERR_RECORDING_RANGE', 'the mark does not fit into maxBytes');
      return; // it is only counted
    }
    if (line.type === 'mark') this.#marks++;
    this.#lines.add(line, '');
  }

  /** If the disk cannot store something, the recording ends. */
  #guard<R>(work: () => R): R {
    try {
      return work();
    } catch (error) {
      throw this.#ended(error);
    }
  }

  /** Ends the recording. The lines that are due are written as far as possible. */
  #ended(error: unknown): RecordingError {
    this.#messages -= this.#lines.flushSingly();
    this.#closeFiles();
    const hint =
      (error as NodeJS.ErrnoException).code === 'ENOSPC'
        ? 'free space, and record to another folder'
        : 'check the disk, and record to another folder';
    const count = `${new Intl.NumberFormat('en-US').format(this.#messages)} message${this.#messages === 1 ? '' : 's'}`;
    return new RecordingError(
      'ERR_RECORDING_ENDED',
      `the recording ${this.folder} ended after ${count}: ${errorText(error)}. Its messages can be read; ${hint}`,
      { cause: error },
    );
  }

  #closeFiles(): void {
    this.#isOver = true;
    for (const file of Object.values(this.#files)) file.close();
  }
}

function roundedOrNull(ms: number | undefined): number | null {
  return ms === undefined ? null : rounded(ms);
}
