/** serpy-bridge: instruments on an MQTT or NATS broker. */

// The types of sources and connections, so that a program needs no other package for them.
export type * from 'serpy';
export type { SerpyError } from 'serpy-core';
export type { SourceInput, SourceState, SourceStatus } from 'serpy-hub';
export { type Bridge, type BridgeEnvironment, type BridgeStats, type BrokerStatus, openBridge } from './bridge.js';
export type { BrokerOptions } from './brokers/address.js';
export type { BrokerState } from './brokers/keep-connected.js';
export { type Piece, PieceReader, type PieceReaderOptions, pieceHeaders } from './brokers/pieces.js';
export type { BridgeOptions } from './options.js';
export type { About, AboutTopic } from './outbound/about.js';
export { nameFromAddress, type TopicKind } from './topics.js';
