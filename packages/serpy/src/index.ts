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
export { type ErrorCode, generateKey, isSerpyError, type Key, type SerpyErrorLike, type TlsOptions } from 'serpy-core';
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
