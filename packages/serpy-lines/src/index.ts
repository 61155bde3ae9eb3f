/** serpy-lines: lines of text over TCP, for instruments with SCPI commands and serial-to-TCP adapters. */

export { generateKey, isSerpyError, json } from 'serpy-core';
export type * from 'serpy-core/types';
export { type CodecOptions, createDecoderStream, createEncoderStream } from './codec-streams.js';
export { Connection, type ConnectionOptions } from './connection.js';
export {
  type AcknowledgeOption,
  type Line,
  LinesSession,
  type ReceivedLine,
  type SessionOptions,
} from './lines-session.js';
export { type LinesOptions, type LinesSetting, linesAcceptedOptions, linesConnectionOptions } from './options.js';
export { type Lines, linesProtocol, type Message } from './protocol.js';
export { Server, type ServerOptions } from './server.js';
export type { Encoding } from './values/text.js';
