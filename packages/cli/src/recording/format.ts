/** The files of a recording, and the lines in them. docs/recordings.md describes them for their readers. */

export const formatName = 'serpy-recording';
export const formatVersion = 1;

export const files = {
  /** What was recorded, when: one JSON object. */
  about: 'recording.json',
  /** A line for each message: when it came, and where it is. */
  index: 'index.jsonl',
  /** A line for each number, text or object. */
  values: 'values.jsonl',
  /** All other bytes, one message behind the other. */
  bytes: 'bytes.bin',
} as const;

/** A message as a recording takes and gives it: what both ages of the protocol deliver. */
export interface RecordedMessage {
  /** `int`, `float`, `str` and `bytes` over v2; `text`, `bytes` and `object` over v1. */
  readonly type: string;
  readonly value: unknown;
  /** Only over v1. */
  readonly mode?: number;
}

/** When a message came. */
export interface Times {
  /** Since the recording began, by a clock that never jumps. */
  readonly timeMs: number;
  /** Since 1970, by the computer's clock. */
  readonly wallMs: number;
}

/** Of `recording.json`. */
export interface About {
  readonly format: typeof formatName;
  readonly version: number;
  /** When `timeMs` was 0, since 1970. */
  readonly startedWallMs: number;
  readonly url: string;
}

/** What each line of the index begins with. */
interface Listed extends Times {
  readonly n: number;
  readonly type: string;
  readonly mode?: number;
  /** The peer's address, as `127.0.0.1:50123`: only where several could send. */
  readonly from?: string;
  readonly file: string;
}

/** Where messages are missing, as a link broke. It stands between those lines of the messages, and has no file. */
export interface ListedGap extends Times {
  /** The number of the message that follows. */
  readonly n: number;
  readonly type: 'gap';
  readonly file: null;
  /** How long there was no link, in milliseconds; null where it did not come back. */
  readonly downMs: number | null;
  readonly from?: string;
}

/** In a `.npy` file: its row, and its own header (base64) where it is not that of the row before. */
export interface ListedArray extends Listed {
  readonly row: number;
  readonly header?: string;
}

/** In `values.jsonl`: its line, from 0. */
export interface ListedValue extends Listed {
  readonly line: number;
}

/** In `bytes.bin`. */
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
