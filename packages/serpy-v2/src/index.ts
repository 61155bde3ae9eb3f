/** serpy-v2: the wire protocol of Python's serpy2, length-prefixed binary messages over TCP. */
export {
  type ErrorCode,
  generateKey,
  isSerpyError,
  type Key,
  type SerpyErrorLike,
  type TlsOptions,
  type TypedNumber,
} from 'serpy-core';
export { Connection, type ConnectionOptions } from './connection.js';
export { type V2, v2Protocol } from './protocol.js';
export { Server, type ServerOptions } from './server.js';
export type { V2Session } from './session.js';
export { type Data, float, int, type Message, type Value } from './values.js';
