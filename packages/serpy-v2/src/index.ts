/** serpy-v2: the wire protocol of Python's serpy2, length-prefixed binary messages over TCP. */
export type { ArrayOptions, ArrayValue, DType, NdArray, ShapedArray, TypedArray } from 'serpy-arrays';
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
export { type CodecOptions, createDecoderStream, createEncoderStream } from './codec-streams.js';
export { Connection } from './connection.js';
export type { ReplayLimits } from './handshake/outflow.js';
export { type HandshakeMode, type HandshakeOptions, handshakeOptions } from './handshake/settings.js';
export { type ConnectionOptions, v2AcceptedOptions, v2ConnectionOptions, withSession } from './options.js';
export { type V2, v2Protocol } from './protocol.js';
export { Server, type ServerOptions } from './server.js';
export type { AcknowledgeOption, V2Session } from './session.js';
export { type Data, float, int, type Message, type Value } from './values.js';
