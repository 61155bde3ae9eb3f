/** serpy-v1: the wire protocol of Python's serpy, text blocks with acknowledgements over TCP. */

export {
  type ErrorCode,
  generateKey,
  isSerpyError,
  type Key,
  type SerpyErrorLike,
  type TlsOptions,
  type TypedNumber,
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
