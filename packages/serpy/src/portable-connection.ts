/** The type of a connection whose protocol a program does not need to know. */
import type { ConnectionEvents, RequestHandler } from 'serpy-core';
import type { Connection } from './connection.js';
import type { Portable } from './create-protocol.js';
import type { PortableMessage } from './portable/portable-message.js';
import type { PortableValue } from './portable/portable-value.js';

/** A connection over either protocol. Each `Connection` of this package is one. A function with such a parameter works with v1 and v2. */
export interface PortableConnection
  extends Pick<
    Connection<'auto'>,
    | 'protocol'
    | 'peerProtocol'
    | 'peer'
    | 'inSession'
    | 'state'
    | 'remote'
    | 'local'
    | 'encrypted'
    | 'identity'
    | 'closeInfo'
    | 'isConnected'
    | 'isDataAvailable'
    | 'describe'
    | 'sendData'
    | 'getData'
    | 'getMessage'
    | 'request'
    | 'requestMessage'
    | 'getArray'
    | 'messages'
    | 'enableRestart'
    | 'disableRestart'
    | 'toDuplex'
    | 'toWeb'
    | 'release'
    | 'stats'
    | 'close'
    | 'destroy'
    | typeof Symbol.iterator
    | typeof Symbol.asyncIterator
    | typeof Symbol.asyncDispose
  > {
  onRequest(
    handler: RequestHandler<PortableValue, Portable['data'], PortableMessage, PortableConnection> | undefined,
  ): void;
  on<E extends keyof ConnectionEvents>(event: E, listener: (...info: ConnectionEvents[E]) => void): unknown;
  once<E extends keyof ConnectionEvents>(event: E, listener: (...info: ConnectionEvents[E]) => void): unknown;
  off<E extends keyof ConnectionEvents>(event: E, listener: (...info: ConnectionEvents[E]) => void): unknown;
}
