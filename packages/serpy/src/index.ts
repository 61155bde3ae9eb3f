/** serpy: direct TCP messaging between instruments and workstations, over either wire protocol, from one configuration. */
export {
  type ArrayOptions,
  type ArrayValue,
  type BareArray,
  type DType,
  decodeNpy,
  encodeNpy,
  isNpy,
  type NdArray,
  type ShapedArray,
  type TypedArray,
} from 'serpy-arrays';
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
export { environmentOptions, type LoadConfigOptions, loadConfig, parseUrl } from './config.js';
export { connect } from './connect.js';
export type { Connection } from './connection.js';
export { listen } from './listen.js';
export type { PortableMessage, PortableV1Message, PortableV2Message, Readings } from './messages.js';
export type { ConnectOptions, ConnectOptionsOf, ListenOptions, ListenOptionsOf } from './options.js';
export type { Portable, PortableV1, PortableV2, TypesOf } from './portable.js';
export type { PortableConnection } from './portable-connection.js';
export type { ProtocolName } from './protocols.js';
export type { Server } from './server.js';
export { float, int, type PortableValue } from './values.js';
