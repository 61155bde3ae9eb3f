/**
 * What core asks of a protocol: a session, which is a state machine without sockets, promises, timers or events. Bytes and values go in,
 * messages and bytes come out. Types only.
 */
import type { InboundMessage, OutboundMessage } from './message.js';
import type { MessageKind } from './message-kind.js';
import type { Session, SessionHost } from './session.js';

/** The side of the connection: the client connects, the server accepts. */
export type Role = 'client' | 'server';

/** The types of one protocol. */
export interface ProtocolTypes {
  /** The parameter of `sendData`. */
  value: unknown;
  /** The protocol's own options of `sendData`. */
  sendOptions: object;
  /** A message as the session returns it. */
  received: InboundMessage;
  /** An encoded message. */
  outgoing: OutboundMessage;
  /** The result of `getData`. */
  data: unknown;
  /** The result of `getMessage`. */
  message: unknown;
}

/** A protocol as core sees it. */
export interface Protocol<T extends ProtocolTypes> {
  /** The name in texts for people, for example `v2`. */
  readonly name: string;
  /** The names of `sendOptions`. */
  readonly sendOptionNames: readonly string[];
  createSession(
    role: Role,
    output: SessionHost<T['outgoing']>,
  ): Session<T['value'], T['sendOptions'], T['received'], T['outgoing']>;
  data(received: T['received']): T['data'];
  message(received: T['received']): T['message'];
  /** The kind of a message, for the option `keep`; undefined for another kind. Optional: then all messages are of another kind. */
  kind?(received: T['received']): MessageKind | undefined;
}
