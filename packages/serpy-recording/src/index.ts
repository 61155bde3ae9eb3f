/** serpy-recording: writes and reads recordings, and verifies them. */

export type { DataOf, DType, NdArray } from 'serpy-arrays';
export {
  type FullReason,
  type ReceivedMessage,
  type RecordConnectionOptions,
  type RecordedConnection,
  recordConnection,
  recordMessage,
} from './connection/record-connection.js';
export {
  type ConnectionWatch,
  type EndOfLink,
  type WatchedConnection,
  watchConnection,
} from './connection/watch-connection.js';
export { RecordingError, type RecordingErrorCode } from './errors.js';
export type {
  About,
  EventLine,
  IndexLine,
  Listed,
  ListedArray,
  ListedBytes,
  ListedDrop,
  ListedEnd,
  ListedEvent,
  ListedGap,
  ListedMark,
  ListedPeer,
  ListedReconnect,
  ListedValue,
  MessageLine,
  Metadata,
  RecordedMessage,
  RecordingAbout,
  Times,
} from './format/format.js';
export { isEvent } from './format/format.js';
export type { Interval } from './format/interval.js';
export { jsonLine } from './format/json-line.js';
export { OmittedValue, RecordedArray } from './format/json-value.js';
export { isOpaque, isPickledArray, npyOf, type PickledArray } from './format/pickled.js';
export { markRecording } from './mark-recording.js';
export type { ArrayFile } from './reader/read-array.js';
export {
  type FollowOptions,
  type IndexCursor,
  openRecording,
  type ReadOptions,
  type Recorded,
  Recording,
} from './reader/recording.js';
export type { RecordingInfo } from './reader/recording-info.js';
export type { RecordingClock } from './system-clock.js';
export { type Verification, type VerifyOptions, verifyRecording } from './verify/verify.js';
export type { Disk } from './writer/disk.js';
export { systemDisk } from './writer/disk.js';
export { createRecording, type RecordedEvent, type RecordingOptions, type RecordingWriter } from './writer/writer.js';
