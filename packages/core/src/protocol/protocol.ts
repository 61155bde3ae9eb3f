/**
 * What core asks of a protocol: a session, that is a pure state machine without sockets, promises, timers or events.
 * Bytes and values go in, messages and bytes come out. Types only.
 */
import type { InboundMessage, OutboundMessage } from './message.js';
import type { Session, SessionHost } from './session.js';

/** Which side of the connection a session is on: a client dialled, a server was dialled. */
export type Role = 'client' | 'server';

/** The types of one protocol, under one name. */
export interface ProtocolTypes {
  /** What `sendData` takes. */
  value: unknown;
  /** What the protocol adds to the options of `sendData`. */
  sendOptions: object;
  /** A message as the session hands it over. */
  received: InboundMessage;
  /** A message on its way out. */
  outgoing: OutboundMessage;
  /** What `getData` gives. */
  data: unknown;
  /** What `getMessage` gives. */
  message: unknown;
}

/** A protocol as core sees it. */
export interface Protocol<T extends ProtocolTypes> {
  /** The name in messages to people, for example `v2`. */
  readonly name: string;
  /** The names in `sendOptions`. */
  readonly sendOptionNames: readonly string[];
  createSession(
    role: Role,
    output: SessionHost<T['outgoing']>,
  ): Session<T['value'], T['sendOptions'], T['received'], T['outgoing']>;
  data(received: T['received']): T['data'];
  message(received: T['received']): T['message'];
}
