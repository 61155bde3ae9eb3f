/** Where a connection's lifecycle and its conversation meet, and what its listeners are told of both. */
import type { EventEmitter } from 'node:events';
import { emitEvent } from '../diagnostics.js';
import type { Environment } from '../environment.js';
import {
  ConnectionLostError,
  DeliveryUnknownError,
  isSerpyError,
  MessagesDroppedError,
  type SerpyErrorLike,
} from '../errors.js';
import type { Link } from '../link/link.js';
import type { LinkEnd } from '../link/link-end.js';
import type { LinkObserver } from '../link/link-host.js';
import type { Protocol, ProtocolTypes, Role } from '../protocol/protocol.js';
import type { ProgressInfo } from '../protocol/resumable-session.js';
import type { Transport } from '../transport/transport.js';
import { Channel } from './channel.js';
import type { CloseInfo, ConnectInfo, ReconnectInfo, ReconnectingInfo } from './connection-events.js';
import type { ConnectionSettings } from './connection-options.js';
import { Lifecycle } from './lifecycle.js';
import type { AbandonedMessages, LifecycleOwner } from './lifecycle-host.js';
import { Warnings } from './warnings.js';

/** One object with methods: as closures of each connection these took a kilobyte. */
export class Coordinator implements LifecycleOwner {
  readonly lifecycle: Lifecycle;
  readonly conversation: Channel;
  /** What the server that accepted the connection wants to be called with at its end. */
  closedAtServer: ((connection: EventEmitter) => void) | undefined;
  /** With what it wants to be called when other memory is held for messages that have come in part. */
  heldAtServer: ((connection: EventEmitter, bytes: number) => void) | undefined;
  /** With what it wants to be called when the connection has ended before anybody knew of it, and why. */
  strangerAtServer: ((connection: EventEmitter, error: SerpyErrorLike) => void) | undefined;
  #heldBytes = 0;
  readonly #connection: EventEmitter;
  readonly #warnings: Warnings;

  constructor(
    connection: EventEmitter,
    protocol: Protocol<ProtocolTypes>,
    settings: ConnectionSettings,
    environment: Environment,
  ) {
    this.#connection = connection;
    this.#warnings = new Warnings(connection, environment.clock);
    this.lifecycle = new Lifecycle(settings, environment, this);
    this.conversation = new Channel(protocol, settings, environment, this.#warnings, this.lifecycle);
  }

  /** Called when it is known that the connection is one of its own, and not an old one that came back. */
  #decided: (() => void) | undefined;
  #unknown: readonly unknown[] = [];
  #progress: ProgressInfo[] | undefined;

  get unsettled(): boolean {
    const { resumable, outbox, dropsOffline } = this.conversation;
    const waits = outbox.length > 0 && !dropsOffline;
    return resumable !== undefined && resumable.resumableMs > 0 && (waits || !resumable.allAcknowledged);
  }

  get hasArrivals(): boolean {
    return this.conversation.inbox.length > 0;
  }

  abandon(): AbandonedMessages {
    const { outbox, resumable } = this.conversation;
    outbox.pauseAdmission(); // what the session gives up frees places, and who took one now would be neither told nor counted
    const { unsentMessages } = outbox;
    this.#unknown = resumable?.abort() ?? [];
    this.conversation.deliverHeld();
    return { unsentMessages, unacknowledgedMessages: this.#unknown.length };
  }

  /** Kept until the session has done its step: a listener must not run while it is at work. */
  progress(info: ProgressInfo): void {
    if (this.#connection.listenerCount('progress') === 0) return;
    this.#progress ??= [];
    this.#progress.push(info);
  }

  stepped(): void {
    const held = this.#progress;
    if (held !== undefined) {
      this.#progress = undefined;
      for (const info of held) emitEvent(this.#connection, 'connection', 'progress', info);
    }
    if (this.heldAtServer) this.#tellHeld(this.heldAtServer);
    const decided = this.#decided;
    if (decided === undefined || this.undecided) return;
    this.#decided = undefined;
    decided();
    this.#warnings.release();
  }

  #tellHeld(heldAtServer: (connection: EventEmitter, bytes: number) => void): void {
    const { partialBytes } = this.conversation;
    if (partialBytes === this.#heldBytes) return;
    this.#heldBytes = partialBytes;
    heldAtServer(this.#connection, partialBytes);
  }

  /** Nobody knows of the connection until `decided` is called, so nobody can listen: what it warns of waits. */
  decideLater(decided: () => void): void {
    this.#decided = decided;
    this.#warnings.hold();
  }

  /** Whether the link may turn out to be another connection's. */
  get undecided(): boolean {
    return this.conversation.resumable?.pendingTakeover ?? false;
  }

  createLink(transport: Transport, role: Role, life: LinkObserver): Link {
    return this.conversation.createLink(transport, role, life);
  }

  connected(info: ConnectInfo): void {
    emitEvent(this.#connection, 'connection', 'connect', info);
  }

  disconnected(end: LinkEnd): void {
    emitEvent(this.#connection, 'connection', 'disconnect', end);
    const isSystems = end.reason === 'reset' && !isSerpyError(end.error);
    const expected = end.reason === 'local-close' || isSystems || end.error === undefined;
    if (!expected) this.#warnings.warn(end.error as SerpyErrorLike);
    if (end.unacknowledgedMessages > 0) this.#warnings.warn(unconfirmed(end));
  }

  /** A session that the peer has closed is over at once: it would be so at the next link, which may never come. */
  linkLost(): void {
    const { resumable } = this.conversation;
    const unknown = resumable?.peerClose ? resumable.abort() : [];
    this.conversation.linkDown();
    if (unknown.length > 0) this.#warnings.warn(new DeliveryUnknownError('the peer closed the session', unknown));
  }

  reconnecting(info: ReconnectingInfo): void {
    emitEvent(this.#connection, 'connection', 'reconnecting', info);
  }

  reconnected(info: ReconnectInfo): void {
    this.conversation.reconnected();
    emitEvent(this.#connection, 'connection', 'reconnect', info);
  }

  closed(info: CloseInfo): void {
    const { inbox, outbox } = this.conversation;
    inbox.close(() => this.lifecycle.closedError('getData'));
    this.conversation.closeStreams((what) => this.lifecycle.closedError(what));
    const text = 'the connection ended before the message was acknowledged: it may or may not have arrived';
    const lost = new ConnectionLostError(text, { cause: info.error });
    const unsent = outbox.close(this.lifecycle.closedError('sendData'), lost);
    if (unsent > 0) {
      const told = `the connection ended with ${unsent} accepted message${unsent > 1 ? 's' : ''} not sent`;
      this.#warnings.warn(new MessagesDroppedError(told, unsent, { cause: info.error }));
    }
    if (this.#unknown.length > 0) this.#warnings.warn(new DeliveryUnknownError('the connection ended', this.#unknown));
    this.closedAtServer?.(this.#connection);
    const stranger = this.#decided && this.#warnings.takeLast();
    if (stranger) this.strangerAtServer?.(this.#connection, stranger);
    emitEvent(this.#connection, 'connection', 'close', info);
  }
}

function unconfirmed({ unacknowledgedMessages: count, reason }: LinkEnd): ConnectionLostError {
  const messages = count === 1 ? 'the message' : `up to ${count} messages, the last first,`;
  return new ConnectionLostError(
    `the link broke (${reason}), and ${messages} that had been sent on it may not have arrived, as nothing tells what the peer had read: ` +
      "in a session nothing is lost (v2: session: 'prefer' at both ends, and autoRestart); in v1, use the modes 1, 3 and 5",
  );
}
