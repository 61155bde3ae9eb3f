/** The type of a connection whose protocol a program does not need to know. */
import type { ConnectionEvents } from 'serpy-core';
import type { Connection } from './connection.js';

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
  on<E extends keyof ConnectionEvents>(event: E, listener: (...info: ConnectionEvents[E]) => void): unknown;
  once<E extends keyof ConnectionEvents>(event: E, listener: (...info: ConnectionEvents[E]) => void): unknown;
  off<E extends keyof ConnectionEvents>(event: E, listener: (...info: ConnectionEvents[E]) => void): unknown;
}
