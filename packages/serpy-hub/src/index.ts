/** serpy-hub: one connection to each instrument, and any number of consumers of its messages. */

// The types of messages, options and connections, so that a program needs no other package for them.
export type * from 'serpy';
export type { Consumer, ConsumerOptions, ConsumerStats } from './consumer.js';
export type { ConsumerSettings } from './consumer-queue.js';
export { type Hub, type HubOptions, openHub } from './hub.js';
export { type Content, HubMessage, type Kind } from './message.js';
export type { HubServer, ServeOptions, ServeStats } from './serve.js';
export type { Source, SourceInput, SourceState, SourceStatus } from './source.js';
