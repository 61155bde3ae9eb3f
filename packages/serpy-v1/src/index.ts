/** serpy-v1: the wire protocol of Python's serpy, text blocks with acknowledgements over TCP. */
export { Connection, type ConnectionOptions } from './connection.js';
export { type Data, type Message, OpaquePickle } from './messages.js';
export { formatFloat, formatNumber, parseNumber } from './number-text.js';
export type { Value } from './payload.js';
export type { NumpyArray, PickleValue } from './pickle/index.js';
export { type V1, v1Protocol } from './protocol.js';
export { Server, type ServerOptions } from './server.js';
export type { ModeOptions } from './session.js';
export type { Encoding } from './text.js';
export type { Mode } from './wire.js';
