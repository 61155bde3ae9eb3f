/** serpy-recording: writes and reads recordings, and verifies them. */

export type { DataOf, DType, NdArray } from 'serpy-arrays';
export type { Disk } from './disk.js';
export { systemDisk } from './disk.js';
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
} from './format.js';
export { isEvent } from './format.js';
export type { Interval } from './interval.js';
export { jsonLine } from './json-line.js';
export { OmittedValue, RecordedArray } from './json-value.js';
export { markRecording } from './mark-recording.js';
export { isOpaque, isPickledArray, npyOf, type PickledArray } from './pickled.js';
export type { ArrayFile } from './read-array.js';
export {
  type FullReason,
  type ReceivedMessage,
  type RecordConnectionOptions,
  type RecordedConnection,
  recordConnection,
  recordMessage,
} from './record-connection.js';
export {
  type FollowOptions,
  type IndexCursor,
  openRecording,
  type ReadOptions,
  type Recorded,
  Recording,
} from './recording.js';
export type { RecordingInfo } from './recording-info.js';
export type { RecordingClock } from './system-clock.js';
export { type Verification, type VerifyOptions, verifyRecording } from './verify.js';
export { type ConnectionWatch, type EndOfLink, type WatchedConnection, watchConnection } from './watch-connection.js';
export { createRecording, type RecordedEvent, type RecordingOptions, type RecordingWriter } from './writer.js';
