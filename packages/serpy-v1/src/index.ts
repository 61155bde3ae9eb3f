/** serpy-v1: the wire protocol of Python's serpy, text blocks with acknowledgements over TCP. */

export {
  type AcceptError,
  type Address,
  type AnySerpyError,
  type ByteSource,
  type CloseInfo,
  type CloseOptions,
  type ConnectInfo,
  type ConnectionEvents,
  type ConnectionState,
  type ConnectionStats,
  type DisconnectInfo,
  type DisconnectReason,
  type DropInfo,
  type Environment,
  type ErrorCode,
  generateKey,
  isSerpyError,
  type Keep,
  type Key,
  type MessageDuplex,
  type ProgressInfo,
  type QueueOptions,
  type ReceivedStream,
  type ReconnectInfo,
  type ReconnectingInfo,
  type ReconnectOptions,
  type SendOptions,
  type SendStreamOptions,
  type SerpyErrorLike,
  type ServerEvents,
  type Started,
  type StreamOptions,
  type TlsOptions,
  type TypedNumber,
  type WaitOptions,
  type WebStreams,
  type WhenFull,
  type WhenOffline,
} from 'serpy-core';
export { createDecoderStream, createEncoderStream, type DecoderOptions, type EncoderOptions } from './codec-streams.js';
export { Connection, type ConnectionOptions } from './connection.js';
export type { LivenessSetting } from './liveness.js';
export { type Data, type Message, OpaquePickle } from './messages.js';
export { formatFloat, formatNumber, parseNumber } from './number-text.js';
export { type EncodingSetting, type V1Setting, v1AcceptedOptions, v1ConnectionOptions } from './options.js';
export type { Value } from './payload.js';
export { NumpyArray, type PickleValue } from './pickle/index.js';
export { type V1, v1Protocol } from './protocol.js';
export { Server, type ServerOptions } from './server.js';
export type { ModeOptions, V1Session } from './session.js';
export { decodeText, type Encoding, encodeText } from './text.js';
export type { Mode } from './wire.js';
