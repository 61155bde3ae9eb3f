/** The files of a recording and their lines. docs/recordings.md is the specification. */

import type { About } from 'serpy-core';

export type { About };

export const formatName = 'serpy-recording';
export const formatVersion = 2;

/** The largest `recording.json`. */
export const maxAboutBytes = 2 ** 20;

export const files = {
  /** One JSON object: format, version, start, origin, notes. */
  about: 'recording.json',
  /** One line for each message: its time and place. */
  index: 'index.jsonl',
  /** One line for each number, text or object. */
  values: 'values.jsonl',
  /** All other bytes, one message after the other. */
  bytes: 'bytes.bin',
} as const;

/** A message of either protocol, as a recording stores and returns it. */
export interface RecordedMessage {
  /** `int`, `float`, `str` and `bytes` over v2; `text`, `bytes` and `object` over v1. */
  readonly type: string;
  readonly value: unknown;
  /** Only v1. */
  readonly mode?: number;
  /** What the sender said about it: only in sessions. */
  readonly about?: About | undefined;
}

/** The time of arrival. */
export interface Times {
  /** Since the start of the recording, by a monotonic clock. */
  readonly timeMs: number;
  /** Since 1970, by the computer's clock. */
  readonly wallMs: number;
}

/** What a recording tells about itself, in `recording.json`. */
export interface Metadata {
  /** The URL of the connection, without secrets. */
  readonly url?: string;
  readonly note?: string;
  /** Names and values that the user has given. */
  readonly meta?: Readonly<Record<string, string>>;
  /** The program, the computer, the user: written by the program that records. */
  readonly origin?: Readonly<Record<string, string>>;
  /** The options of the connection, without secrets. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** The object in `recording.json`. */
export interface RecordingAbout extends Metadata {
  readonly format: typeof formatName;
  readonly version: number;
  /** The start, when `timeMs` is 0: milliseconds since 1970. */
  readonly startedWallMs: number;
  /** The same as text. */
  readonly startedAt: string;
}

/** The first fields of each line of the index. */
export interface Listed extends Times {
  readonly n: number;
  readonly type: string;
  readonly mode?: number;
  readonly about?: About;
  /** The peer's address, as `127.0.0.1:50123`: only in recordings of a server. */
  readonly from?: string;
  readonly file: string;
}

/** The first fields of a line of the index that is not a message. */
export interface ListedEvent extends Times {
  /** The number of the next message. */
  readonly n: number;
  readonly file: null;
  readonly from?: string;
}

/** A peer has sent its first message. */
export interface ListedPeer extends ListedEvent {
  readonly type: 'peer';
  readonly protocol: string;
  /** Whether the connection is a session: messages are numbered, and none is missing without a gap. */
  readonly session: boolean;
  readonly encrypted: boolean;
}

/** Messages may be missing because the connection broke. */
export interface ListedGap extends ListedEvent {
  readonly type: 'gap';
  /** The duration of the outage in milliseconds; null if the connection did not come back. */
  readonly downMs: number | null;
}

/** The connection broke, and its session was resumed: no message is missing. */
export interface ListedReconnect extends ListedEvent {
  readonly type: 'reconnect';
  readonly downMs: number;
}

/** The receiver dropped messages, for example with `keep: 'latest'`. */
export interface ListedDrop extends ListedEvent {
  readonly type: 'drop';
  readonly messages: number;
}

/** The last line of a recording that was closed. */
export interface ListedEnd extends ListedEvent {
  readonly type: 'end';
  readonly reason: string;
  /** The SHA-256 of each file of messages; of a `.npy` without its header. */
  readonly sha256: Readonly<Record<string, string>>;
}

/** An interval that a user has marked. It may follow the line that ended the recording. */
export interface ListedMark extends ListedEvent {
  readonly type: 'mark';
  /** The number of the first message of the interval. */
  readonly first: number;
  /** That of its last message. */
  readonly last: number;
  /** At most 200 characters. */
  readonly label?: string;
}

export type EventLine = ListedPeer | ListedGap | ListedReconnect | ListedDrop | ListedMark | ListedEnd;

/** An array: its row in a `.npy` file, and its header (base64) if that differs from the previous row. */
export interface ListedArray extends Listed {
  readonly row: number;
  readonly header?: string;
}

/** A value: its line in `values.jsonl`, from 0, and the place of that line. */
export interface ListedValue extends Listed {
  readonly line: number;
  readonly offset: number;
  readonly length: number;
}

/** Bytes: their place in `bytes.bin`. */
export interface ListedBytes extends Listed {
  readonly offset: number;
  readonly length: number;
}

export type MessageLine = ListedArray | ListedValue | ListedBytes;

/** A line of the index. */
export type IndexLine = MessageLine | EventLine;

/** A line of `values.jsonl`. */
export interface ValueLine extends Times {
  readonly n: number;
  readonly type: string;
  readonly from?: string;
  readonly value: unknown;
}

/** Marks of a recording. More would not be found again. */
export const maxMarks = 1000;

export const maxLabelLength = 200;

/** Whether a line of the index is an event, and not a message. */
export function isEvent(line: IndexLine): line is EventLine {
  return line.file === null;
}

/** A time rounded to microseconds, as the lines have it. */
export function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
