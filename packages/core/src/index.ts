/** serpy-core: the foundation of serpy-v1, serpy-v2 and serpy, which programs use. */

export type { AcceptError, AnySerpyError, ErrorFields, ErrorOf } from './any-error.js';
export { markInUse } from './buffers/buffer-pool.js';
export { ByteQueue } from './buffers/byte-queue.js';
export { Fifo } from './buffers/fifo.js';
export { allocateMessage, exactFromBytes, ownCopy } from './buffers/message-buffer.js';
export { wideZero } from './buffers/wide-zero.js';
export type { CloseOptions, CloseServerOptions } from './connection/close-options.js';
export { Connection, type SendOptions } from './connection/connection.js';
export type * from './connection/connection-events.js';
export {
  acceptedOptions,
  addressOptions,
  type ClientOption,
  type ConnectionOptions,
  type ConnectionSettings,
  connectionOptions,
  type WhenOffline,
} from './connection/connection-options.js';
export type { ConnectionState } from './connection/connection-state.js';
export {
  type Keep,
  type KeepByKind,
  type KeepFunction,
  type KeepKind,
  type KeptMessage,
  receiveBounds,
} from './connection/keep-option.js';
export type { PeerInfo } from './connection/peer-info.js';
export type { RequestHandler, RequestInfo, RequestOptions } from './connection/request-types.js';
export type { ConnectionStats } from './connection/stats.js';
export type { MessageDuplex, StreamOptions, WebStreams } from './connection/stream-adapters.js';
export { describeValue } from './describe-value.js';
export type { Clock, Environment } from './environment.js';
export * from './errors.js';
export { json } from './json/json.js';
export { type JsonReading, jsonOf, Message } from './json/message.js';
export type { DisconnectReason } from './link/link-end.js';
export { type Kernel, loadKernel } from './load-kernel.js';
export {
  type About,
  type AboutOption,
  aboutFrom,
  aboutOf,
  aboutTextFrom,
  maxAxes,
  parseAbout,
} from './options/about-option.js';
export { nameFrom } from './options/name-option.js';
export {
  type OptionSpec,
  type OptionSpecs,
  option,
  type PartialOptions,
  parseOptions,
  validateAll,
} from './options/option.js';
export { checkNames } from './options/option-names.js';
export type { SendWaitOptions, WaitOptions } from './options/wait-options.js';
export { BadFrames } from './protocol/bad-frames.js';
export {
  decoderStream,
  detachedHost,
  encoderStream,
  type MessageDecoder,
  type ValueEncoder,
} from './protocol/codec-streams.js';
export type { InboundMessage, OutboundMessage, RequestPart, StreamPart } from './protocol/message.js';
export { kindOfBytes, type MessageKind, messageKinds } from './protocol/message-kind.js';
export type { Protocol, ProtocolTypes, Role } from './protocol/protocol.js';
export type { LinkHolder, PeerClose, ProgressInfo, ResumableSession } from './protocol/resumable-session.js';
export type { Session, SessionHost } from './protocol/session.js';
export { SharedEncoding } from './protocol/shared-encoding.js';
export { isTypedNumber, type TypedNumber } from './protocol/typed-number.js';
export type { QueueLimits, Sized } from './queue/bounded-queue.js';
export type { SlowPeers } from './queue/broadcasts.js';
export type { QueueOptions, WhenFull } from './queue/send-queue.js';
export type { ReconnectOptions } from './reconnect/backoff.js';
export type { OutOfStep } from './requests/requests-host.js';
export type { Security, SecuritySettings } from './security/security.js';
export { generateKey, type Key, SharedKey } from './security/shared-key.js';
export type { TlsOptions } from './security/tls-options.js';
export type { AdmissionLimit, AdmissionLimits } from './server/admission.js';
export type { BroadcastOptions, BroadcastResult } from './server/broadcast.js';
export type { HandshakeLimit, HandshakeLimits } from './server/handshake-limiter.js';
export { Server, type Started } from './server/server.js';
export type * from './server/server-events.js';
export { acceptedSettings, type ServerSettings, serverOptions } from './server/server-options.js';
export type { ListenSettings } from './server/server-security.js';
export type { ByteSource } from './streams/byte-source.js';
export type { ReceivedStream } from './streams/inbound-stream.js';
export type { SendStreamOptions } from './streams/stream-manager.js';
export { systemEnvironment } from './system-environment.js';
export { type Address, isLoopback } from './transport/address.js';
export { describeForeignProtocol, sniffBytes } from './transport/foreign-protocol.js';
export type { HandshakeGuard, PendingHandshake } from './transport/handshake-guard.js';
export { LineWatch, linesHint, quoted } from './transport/line-detector.js';
export type {
  Dial,
  DialOptions,
  Listen,
  Listener,
  ListenOptions,
  Timers,
  Transport,
  TransportHandler,
  WriteSlot,
} from './transport/transport.js';
