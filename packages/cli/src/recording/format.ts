/** The files of a recording and their lines. docs/recordings.md is the specification. */

export const formatName = 'serpy-recording';
export const formatVersion = 1;

export const files = {
  /** One JSON object: format, version, URL, start. */
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
}

/** The time of arrival. */
export interface Times {
  /** Since the start of the recording, by a monotonic clock. */
  readonly timeMs: number;
  /** Since 1970, by the computer's clock. */
  readonly wallMs: number;
}

/** The object in `recording.json`. */
export interface About {
  readonly format: typeof formatName;
  readonly version: number;
  /** The start, when `timeMs` is 0: milliseconds since 1970. */
  readonly startedWallMs: number;
  readonly url: string;
}

/** The first fields of each line of the index. */
interface Listed extends Times {
  readonly n: number;
  readonly type: string;
  readonly mode?: number;
  /** The peer's address, as `127.0.0.1:50123`: only in recordings of a server. */
  readonly from?: string;
  readonly file: string;
}

/** A gap: messages are missing because the connection broke. It stands between the lines of messages, and has no file. */
export interface ListedGap extends Times {
  /** The number of the next message. */
  readonly n: number;
  readonly type: 'gap';
  readonly file: null;
  /** The duration of the outage in milliseconds; null if the connection did not come back. */
  readonly downMs: number | null;
  readonly from?: string;
}

/** An array: its row in a `.npy` file, and its header (base64) if that differs from the previous row. */
export interface ListedArray extends Listed {
  readonly row: number;
  readonly header?: string;
}

/** A value: its line in `values.jsonl`, from 0. */
export interface ListedValue extends Listed {
  readonly line: number;
}

/** Bytes: their place in `bytes.bin`. */
export interface ListedBytes extends Listed {
  readonly offset: number;
  readonly length: number;
}

export type IndexLine = ListedArray | ListedValue | ListedBytes;

/** A line of `values.jsonl`. */
export interface ValueLine extends Times {
  readonly n: number;
  readonly type: string;
  readonly from?: string;
  readonly value: unknown;
}
