/** serpy-hub: one connection to each instrument, and any number of consumers of its messages. */

export type {
  ConnectOptions,
  DType,
  ListenOptions,
  NdArray,
  PortableConnection,
  ProtocolName,
  ShapedArray,
  TypedArray,
  TypedNumber,
} from 'serpy';
export type { Clock, Timers } from 'serpy-core';
export { Consumer, type ConsumerOptions, type ConsumerStats } from './consumer.js';
export { Hub, type HubOptions, openHub } from './hub.js';
export { HubMessage, type Kind } from './message.js';
export type { HubServer, ServeOptions, ServeStats } from './serve.js';
export { Source, type SourceInput, type SourceState, type SourceStatus } from './source.js';
