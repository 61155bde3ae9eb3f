/** serpy-core: what the protocol packages and the facade are built on. Programs use those. */

export type { AdmissionLimit, AdmissionLimits } from './admission.js';
export type { AcceptError, AnySerpyError, ErrorFields, ErrorOf } from './any-error.js';
export { BadFrames } from './bad-frames.js';
export type { QueueLimits, Sized } from './bounded-queue.js';
export { ByteQueue } from './byte-queue.js';
export type { ByteSource } from './byte-source.js';
export type { SendStreamOptions } from './byte-streams.js';
export type { CloseOptions, CloseServerOptions } from './close-options.js';
export { decoderStream, encoderStream, type MessageDecoder, soloOutput, type ValueEncoder } from './codec-streams.js';
export { Connection, type SendOptions } from './connection.js';
export type * from './connection-events.js';
export type { ConnectionState } from './connection-state.js';
export { type Clock, type Environment, systemEnvironment } from './environment.js';
export * from './errors.js';
export { Fifo } from './fifo.js';
export type { GateLimit, GateSettings } from './gate.js';
export type { Farewell, LastingSession, ProgressInfo, Seat } from './lasting.js';
export { LineWatch, linesHint, quoted } from './lines.js';
export type { DisconnectReason } from './link-end.js';
export { messageMemory, ownCopy, ownMemoryBytes } from './message-memory.js';
export { markSent } from './message-pool.js';
export { checkNames } from './option-names.js';
export {
  acceptedOptions,
  addressOptions,
  type ConnectionOptions,
  type ConnectionSettings,
  checkTogether,
  connectionOptions,
  connectionPart,
  type DiallingOption,
  type Given,
  type Keep,
  type OptionSpec,
  type OptionSpecs,
  option,
  parseOptions,
  type ServerSettings,
  serverOptions,
  type WhenOffline,
} from './options.js';
export type { WaitOptions } from './pending.js';
export type {
  Outgoing,
  Protocol,
  ProtocolTypes,
  Received,
  Role,
  Session,
  SessionOutput,
  StreamPart,
} from './protocol.js';
export type { ReceivedStream } from './received-stream.js';
export type { ReconnectOptions } from './reconnect.js';
export type { Security, SecuritySettings } from './security.js';
export type { QueueOptions, WhenFull } from './send-queue.js';
export { Server, type Started } from './server.js';
export type { ServerPlace } from './server-security.js';
export { generateKey, type Key, SharedKey } from './shared-key.js';
export type { ConnectionStats } from './stats.js';
export { describeStranger, strangerBytes } from './stranger.js';
export type { MessageDuplex, StreamOptions, WebStreams } from './streams.js';
export type { TlsOptions } from './tls-options.js';
export type {
  Address,
  Dial,
  DialOptions,
  Gate,
  Guest,
  Listen,
  Listener,
  ListenOptions,
  Place,
  Timers,
  Transport,
  TransportHandler,
} from './transport.js';
export { isTypedNumber, type TypedNumber } from './typed-number.js';
