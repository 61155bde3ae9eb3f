/** Writes messages to a folder that can be read at any moment, also after this process was killed. */
import { createHash } from 'node:crypto';
import { aboutFrom, OptionError } from 'serpy-core';
import { errorText, RecordingError } from '../errors.js';
import { chainOf, hashSoFar, seal, sealBytes, sha256 } from '../format/chain.js';
import { type EventLine, files, type Metadata, type RecordedMessage, type Times } from '../format/format.js';
import { checkInterval, type Interval } from '../format/interval.js';
import { type RecordingClock, systemClock } from '../system-clock.js';
import { type ArrayFiles, createArrayFiles } from './array-files.js';
import { type Disk, systemDisk } from './disk.js';
import { type FittingPlace, placeOf, valueLine } from './place.js';
import { aboutOf, checkMetadata, openFolder, rounded } from './start.js';

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

/** Lines of a message that wait for `flush`. */
interface Lines {
  readonly isMessage: boolean;
  readonly value: string | undefined;
  readonly index: string;
}

/** The length of the last line: without files, and for each file of arrays. */
const endBytes = 700;
const endBytesOfFile = 200;

/** The maximum length of the line of an array without its header and hash: names have up to 100 characters, addresses up to 80. */
const maxArrayLine = 900;

/** Starts a recording in a new or empty folder. Throws `ERR_RECORDING_FOLDER` for another folder. */
export function createRecording(folder: string, options: RecordingOptions = {}): RecordingWriter {
  const { clock = systemClock, maxBytes = Number.POSITIVE_INFINITY, disk = systemDisk } = options;
  if (typeof folder !== 'string' || folder === '') throw new OptionError('a recording needs the name of a folder');
  if (!(maxBytes > 0)) throw new OptionError(`maxBytes is a number above 0, not ${String(maxBytes)}`);
  checkMetadata(options);
  const startMs = clock.now();
  const aboutBytes = Buffer.from(`${JSON.stringify(aboutOf(options, clock.wallMs()), undefined, 2)}\n`);
  const { index, values, bytes } = openFolder(disk, folder, aboutBytes);
  const arrays = createArrayFiles(disk, folder);
  const valueContent = createHash('sha256');
  const byteContent = createHash('sha256');
  let chain = sha256(aboutBytes);

  let due: Lines[] = [];
  let dueBytes = 0;
  let valueBytes = 0;
  let messages = 0;
  let valueLines = 0;
  let omittedValues = 0;
  let gaps = 0;
  let marks = 0;
  let isOver = false;

  const total = () => aboutBytes.length + index.length + values.length + bytes.length + arrays.bytes + dueBytes;
  const fits = (addedBytes: number) =>
    total() + arrays.overheadBytes + endBytes + endBytesOfFile * arrays.count + addedBytes <= maxBytes;
  const times = (): Times => ({ timeMs: rounded(clock.now() - startMs), wallMs: rounded(clock.wallMs()) });

  /** Ends the recording. The lines that are due are written as far as possible. */
  const ended = (error: unknown): Error => {
    isOver = true;
    writeSingly();
    closeFiles();
    const hint =
      (error as NodeJS.ErrnoException).code === 'ENOSPC'
        ? 'free space, and record to another folder'
        : 'check the disk, and record to another folder';
    const count = `${new Intl.NumberFormat('en-US').format(messages)} message${messages === 1 ? '' : 's'}`;
    return new RecordingError(
      'ERR_RECORDING_ENDED',
      `the recording ${folder} ended after ${count}: ${errorText(error)}. Its messages can be read; ${hint}`,
      { cause: error },
    );
  };

  /** Writes message by message, so that no line of the index refers to a missing value. */
  const writeSingly = () => {
    messages -= due.filter(({ isMessage }) => isMessage).length;
    for (const { value, index: line, isMessage } of due) {
      try {
        if (value !== undefined) values.append(Buffer.from(value));
        index.append(Buffer.from(line));
        if (isMessage) messages++;
      } catch {
        break;
      }
    }
    due = [];
    dueBytes = 0;
  };

  const closeFiles = () => {
    isOver = true;
    for (const file of [index, values, bytes, arrays]) file.close();
  };

  const guarded = <R>(work: () => R): R => {
    try {
      return work();
    } catch (error) {
      throw ended(error);
    }
  };

  const flush = () => {
    if (isOver || due.length === 0) return;
    guarded(() => {
      values.append(Buffer.from(due.map(({ value }) => value ?? '').join('')));
      index.append(Buffer.from(due.map((each) => each.index).join('')));
      due = [];
      dueBytes = 0;
    });
  };

  /** Adds a line to the chain and to the lines that are due. */
  const addLine = (line: object, contentHash: string, value?: string) => {
    const text = JSON.stringify(line).slice(0, -1);
    chain = chainOf(chain, contentHash, text);
    const sealed = seal(text, chain);
    due.push({ isMessage: contentHash !== '', value, index: sealed });
    dueBytes += Buffer.byteLength(sealed) + (value === undefined ? 0 : Buffer.byteLength(value));
  };

  /** Adds a message of the given place, if it fits. */
  const addPlaced = (place: FittingPlace, listed: Times & { readonly n: number; readonly type: string }): boolean => {
    if (place.kind === 'value') {
      const { text, isComplete } = valueLine(listed, place.value);
      const length = Buffer.byteLength(text);
      const line = { ...listed, file: files.values, line: valueLines, offset: valueBytes, length };
      if (!fits(length + JSON.stringify(line).length + sealBytes)) return false;
      if (!isComplete) omittedValues++;
      valueContent.update(text);
      valueLines++;
      valueBytes += length;
      addLine(line, hashSoFar(valueContent), text);
      return true;
    }
    if (place.kind === 'bytes') {
      const line = { ...listed, file: files.bytes, offset: bytes.length, length: place.bytes.length };
      if (!fits(place.bytes.length + JSON.stringify(line).length + sealBytes)) return false;
      guarded(() => bytes.append(place.bytes));
      byteContent.update(place.bytes);
      addLine(line, hashSoFar(byteContent));
      return true;
    }
    const header = Buffer.from(place.header).toString('base64');
    const aboutLength = 'about' in listed ? Buffer.byteLength(JSON.stringify(listed.about)) : 0;
    const added = arrays.cost(place.form) + header.length + maxArrayLine + aboutLength + sealBytes + endBytesOfFile;
    if (!fits(added)) return false;
    const { file, row, isHeaderNew } = guarded(() => arrays.append(place.form, place.header, place.data));
    addLine({ ...listed, file, row, ...(isHeaderNew ? { header } : {}) }, arrays.contentHash(file));
    return true;
  };

  /** The SHA-256 of each file with messages. */
  const contentHashes = (): Record<string, string> => ({
    ...(valueLines > 0 ? { [files.values]: hashSoFar(valueContent) } : {}),
    ...(bytes.length > 0 ? { [files.bytes]: hashSoFar(byteContent) } : {}),
    ...Object.fromEntries(arrays.names().map((name) => [name, arrays.contentHash(name)])),
  });

  const addEvent = (line: EventLine) => {
    const text = JSON.stringify(line);
    if (line.type !== 'end' && !fits(text.length + sealBytes)) {
      if (line.type === 'mark') throw new RecordingError('ERR_RECORDING_RANGE', 'the mark does not fit into maxBytes');
      return; // it is only counted
    }
    if (line.type === 'mark') marks++;
    addLine(line, '');
  };

  return {
    folder,
    get messages() {
      return messages;
    },
    get unwritten() {
      return due.length;
    },
    get bytes() {
      return total();
    },
    get gaps() {
      return gaps;
    },
    get omittedValues() {
      return omittedValues;
    },

    add(message, from) {
      if (isOver) return false;
      const { type, mode } = message;
      const about = message.about === undefined ? undefined : aboutFrom(message.about);
      const sender = from === undefined ? {} : { from };
      const known = { ...(mode === undefined ? {} : { mode }), ...(about === undefined ? {} : { about }) };
      const listed = { n: messages, ...times(), type, ...known, ...sender };
      if (!addPlaced(withFileLimit(message, arrays), listed)) return false;
      messages++;
      if (due.length >= flushEvery) flush();
      return true;
    },

    event({ atMs, wallMs, ...event }, from) {
      if (event.type === 'gap') gaps++;
      if (isOver) return;
      if (event.type === 'mark') checkInterval(event, messages, marks);
      const now = times();
      const listed = {
        n: messages,
        timeMs: atMs === undefined ? now.timeMs : rounded(Math.max(0, atMs - startMs)),
        wallMs: wallMs === undefined ? now.wallMs : rounded(wallMs),
        file: null,
        ...(from === undefined ? {} : { from }),
      };
      addEvent({
        ...listed,
        ...event,
        ...('downMs' in event ? { downMs: roundedOrNull(event.downMs) } : {}),
      } as EventLine);
    },

    flush,

    close(reason = 'closed') {
      if (isOver) return;
      addEvent({ n: messages, ...times(), type: 'end', file: null, reason, sha256: contentHashes() });
      flush();
      if (!isOver) closeFiles();
    },
  };
}

/** Lines are written at the latest after this many messages. */
export const flushEvery = 256;

/** An array for which there can be no further file goes to the bytes, unchanged. */
function withFileLimit(message: RecordedMessage, arrays: ArrayFiles): FittingPlace {
  const place = placeOf(message);
  if (place.kind !== 'array' || arrays.accepts(place.form)) return place;
  const { value } = message;
  return { kind: 'bytes', bytes: value instanceof Uint8Array ? value : Buffer.concat([place.header, place.data]) };
}

function roundedOrNull(ms: number | undefined): number | null {
  return ms === undefined ? null : rounded(ms);
}
