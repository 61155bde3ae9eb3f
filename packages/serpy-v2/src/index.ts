/** serpy-v2: the wire protocol of Python's serpy2, length-prefixed binary messages over TCP. */
export type { ArrayOptions, ArrayValue, DType, NdArray, ShapedArray, TypedArray } from 'serpy-arrays';
export {
  type ErrorCode,
  generateKey,
  isSerpyError,
  type Key,
  type SerpyErrorLike,
  type TlsOptions,
  type TypedNumber,
} from 'serpy-core';
export { Connection } from './connection.js';
export type { ReplayLimits } from './handshake/outflow.js';
export { type HandshakeMode, type HandshakeOptions, handshakeOptions } from './handshake/settings.js';
export { type ConnectionOptions, v2AcceptedOptions, v2ConnectionOptions, withSession } from './options.js';
export { type V2, v2Protocol } from './protocol.js';
export { Server, type ServerOptions } from './server.js';
export type { AcknowledgeOption, V2Session } from './session.js';
export { type Data, float, int, type Message, type Value } from './values.js';
