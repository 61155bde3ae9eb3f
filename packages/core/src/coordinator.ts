/** Where a connection's lifecycle and its conversation meet, and what its listeners are told of both. */
import type { EventEmitter } from 'node:events';
import type { CloseInfo, ConnectInfo, ReconnectInfo, ReconnectingInfo } from './connection-events.js';
import { Conversation } from './conversation.js';
import { tell } from './diagnostics.js';
import type { Environment } from './environment.js';
import { ConnectionLostError, MessagesDroppedError, type SerpyErrorLike } from './errors.js';
import { Lifecycle, type LifecycleOwner } from './lifecycle.js';
import type { Link, LinkLife } from './link.js';
import type { LinkEnd } from './link-end.js';
import type { ConnectionSettings } from './options.js';
import type { Protocol, ProtocolTypes, Role } from './protocol.js';
import type { Transport } from './transport.js';
import { Warnings } from './warnings.js';

/** One object with methods: as closures of each connection these took a kilobyte. */
export class Coordinator implements LifecycleOwner {
  readonly lifecycle: Lifecycle;
  readonly conversation: Conversation;
  /** What the server that accepted the connection wants to be called with at its end. */
  closedAtServer: ((connection: EventEmitter) => void) | undefined;
  readonly #connection: EventEmitter;
  readonly #warnings: Warnings;

  constructor(
    connection: EventEmitter,
    protocol: Protocol<ProtocolTypes>,
    settings: ConnectionSettings,
    environment: Environment,
  ) {
    this.#connection = connection;
    this.#warnings = new Warnings(connection);
    this.lifecycle = new Lifecycle(settings, environment, this);
    this.conversation = new Conversation(protocol, settings, environment, this.#warnings, this.lifecycle);
  }

  get unsentMessages(): number {
    return this.conversation.outbox.length;
  }

  createLink(transport: Transport, role: Role, life: LinkLife): Link {
    return this.conversation.createLink(transport, role, life);
  }

  connected(info: ConnectInfo): void {
    tell(this.#connection, 'connection', 'connect', info);
  }

  disconnected(end: LinkEnd): void {
    tell(this.#connection, 'connection', 'disconnect', end);
    const expected = end.reason === 'closed' || end.reason === 'reset' || end.error === undefined;
    if (!expected) this.#warnings.tell(end.error as SerpyErrorLike);
  }

  reconnecting(info: ReconnectingInfo): void {
    tell(this.#connection, 'connection', 'reconnecting', info);
  }

  reconnected(info: ReconnectInfo): void {
    this.conversation.reconnected();
    tell(this.#connection, 'connection', 'reconnect', info);
  }

  closed(info: CloseInfo): void {
    const { inbox, outbox } = this.conversation;
    inbox.close(() => this.lifecycle.closedError('getData'));
    const text = 'the connection ended before the message was acknowledged: it may or may not have arrived';
    const lost = new ConnectionLostError(text, { cause: info.error });
    const unsent = outbox.close(this.lifecycle.closedError('sendData'), lost);
    if (unsent > 0) {
      const told = `the connection ended with ${unsent} accepted message${unsent > 1 ? 's' : ''} not sent`;
      this.#warnings.tell(new MessagesDroppedError(told, unsent, { cause: info.error }));
    }
    this.closedAtServer?.(this.#connection);
    tell(this.#connection, 'connection', 'close', info);
  }
}
