/** serpy: TCP messaging between instruments and workstations, over each wire protocol, from one configuration. */
export {
  type ArrayOptions,
  type ArrayValue,
  type BareArray,
  type ByteOrder,
  type DataOf,
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
  type AdmissionLimit,
  type AdmissionLimits,
  type AnySerpyError,
  type ByteSource,
  type Clock,
  type CloseInfo,
  type CloseOptions,
  type CloseServerOptions,
  type ConnectInfo,
  type Connection as CoreConnection,
  type ConnectionEvents,
  type ConnectionSettings,
  type ConnectionState,
  type ConnectionStats,
  type Dial,
  type DiallingOption,
  type DialOptions,
  type DisconnectInfo,
  type DisconnectReason,
  type DropInfo,
  type Environment,
  type ErrorCode,
  type ErrorFields,
  type ErrorOf,
  generateKey,
  type HandshakeGuard as Gate,
  type HandshakeLimit as GateLimit,
  type HandshakeLimits as GateSettings,
  type InboundMessage,
  isLoopback,
  isSerpyError,
  type JsonReading,
  json,
  type Keep,
  type Key,
  type Listen,
  type Listener,
  type ListenOptions as ListenerOptions,
  type MessageDuplex,
  type PartialOptions as Given,
  type PeerInfo,
  type PendingHandshake as Guest,
  type ProgressInfo,
  type ProtocolTypes,
  type QueueLimits,
  type QueueOptions,
  type ReceivedStream,
  type ReconnectInfo,
  type ReconnectingInfo,
  type ReconnectOptions,
  type Security,
  type SecuritySettings,
  type SendOptions,
  type SendStreamOptions,
  type SerpyError,
  type SerpyErrorLike,
  type Server as CoreServer,
  type ServerEvents,
  type ServerSettings,
  type SharedKey,
  type Started,
  type StreamOptions,
  type Timers,
  type TlsOptions,
  type Transport,
  type TransportHandler,
  type TypedNumber,
  type WaitOptions,
  type WebStreams,
  type WhenFull,
  type WhenOffline,
  type WriteSlot as Place,
} from 'serpy-core';
export type { AutoOutgoing, AutoSendOptions } from './auto/auto-outgoing.js';
export type { AutoReceived, ProbeSetting } from './auto/auto-types.js';
export { type LoadConfigOptions, loadConfig } from './config/config-file.js';
export { environmentOptions } from './config/environment.js';
export type {
  ConnectOptions,
  ConnectOptionsOf,
  DiallingOptionOf,
  ListenOptions,
  ListenOptionsOf,
  OptionsOf,
  ProtocolOption,
} from './config/options.js';
export { parseUrl } from './config/url.js';
export { urlOf } from './config/url-of.js';
export { type ConnectCall, connect } from './connect.js';
export type { Connection } from './connection.js';
export type { Portable, PortableLines, PortableV1, PortableV2, TypesOf } from './create-protocol.js';
export { listen } from './listen.js';
export type { LineValue } from './portable/portable-lines.js';
export type {
  PortableLinesMessage,
  PortableMessage,
  PortableV1Message,
  PortableV2Message,
  Readings,
} from './portable/portable-message.js';
export { float, int, type PortableValue } from './portable/portable-value.js';
export type { PortableConnection } from './portable-connection.js';
export type { lines, ProtocolName, v1, v2 } from './protocols.js';
export type { Server } from './server.js';
