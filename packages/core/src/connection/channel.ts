/** What a connection has said and heard: its session, its two queues and its counts. It lives through any number of links. */
import { types } from 'node:util';
import { markSent } from '../buffers/buffer-pool.js';
import type { Clock, Environment } from '../environment.js';
import { type MessagesDroppedError, OptionError } from '../errors.js';
import { Link } from '../link/link.js';
import type { LinkLife, LinkOwner } from '../link/link-host.js';
import type { WaitOptions } from '../options/wait-options.js';
import type { Outgoing, Received, StreamPart } from '../protocol/message.js';
import type { Protocol, ProtocolTypes, Role } from '../protocol/protocol.js';
import type { LastingSession } from '../protocol/resumable-session.js';
import type { Session } from '../protocol/session.js';
import { latestOnly, ReceiveQueue, type ReceiveQueueOwner } from '../queue/receive-queue.js';
import { accepted, type QueueOptions, SendQueue, type SendQueueOwner } from '../queue/send-queue.js';
import { Turns } from '../queue/send-yield.js';
import { Streams, type StreamsOwner } from '../streams/stream-manager.js';
import type { Transport } from '../transport/transport.js';
import type { ConversationOwner } from './channel-host.js';
import type { ConnectionSettings } from './connection-options.js';
import { Outlet } from './session-host.js';
import { type ConnectionStats, Counters } from './stats.js';
import type { Warnings } from './warnings.js';

/** A session whose types nobody looks at: those of the connection's public methods vouch for them. */
type AnySession = Session<unknown, object, Received, Outgoing>;

/** A full receive queue is filled up again when it is only so full. */
const resumeBelow = 15 / 16;

/** It implements what the others tell it of, instead of handing each of them an object of closures: those were 400 bytes of a connection. */
export class Conversation implements LinkOwner, SendQueueOwner<Outgoing>, ReceiveQueueOwner, StreamsOwner {
  readonly inbox: ReceiveQueue;
  readonly outbox: SendQueue<Outgoing>;
  readonly writeTimeoutMs: number;
  readonly frameTimeoutMs: number;
  readonly #protocol: Protocol<ProtocolTypes>;
  readonly clock: Clock;
  readonly #warnings: Warnings;
  readonly #owner: ConversationOwner;
  readonly streamLimits: QueueOptions;
  readonly maxOpenStreams: number;
  readonly #receiveLimits: QueueOptions;
  /** Whether messages are dropped while there is no link. */
  readonly dropsOffline: boolean;
  readonly #counters = new Counters();
  readonly #turns: Turns;
  readonly outlet: Outlet;
  #session: AnySession | undefined;
  /** Why messages to be sent are dropped, where that has been told. */
  #dropping: 'full' | 'offline' | undefined;
  #closing = false;
  /** Made for the first of them. */
  #streams: Streams | undefined;

  constructor(
    protocol: Protocol<ProtocolTypes>,
    settings: ConnectionSettings,
    environment: Environment,
    warnings: Warnings,
    owner: ConversationOwner,
  ) {
    this.#protocol = protocol;
    this.clock = environment.clock;
    this.#warnings = warnings;
    this.#owner = owner;
    this.streamLimits = settings.receiveQueue;
    this.maxOpenStreams = settings.maxOpenStreams;
    this.#receiveLimits = settings.keep === 'latest' ? latestOnly : settings.receiveQueue;
    this.dropsOffline = settings.whenOffline === 'drop';
    this.writeTimeoutMs = settings.writeTimeoutMs;
    this.frameTimeoutMs = settings.frameTimeoutMs;
    this.inbox = new ReceiveQueue(this.#receiveLimits, environment.clock, this);
    this.#turns = new Turns(environment.clock);
    this.outbox = new SendQueue(settings.sendQueue, environment.clock, this);
    this.outlet = new Outlet(this.outbox, this.#counters, warnings, environment, owner);
  }

  /** Goes on over another transport. */
  createLink(transport: Transport, role: Role, life: LinkLife): Link {
    if (this.#dropping === 'offline') this.#dropping = undefined;
    this.inbox.linkUp();
    const link = new Link(transport, this.#sessionAs(role), this, this.clock, life);
    this.outlet.attach(link);
    return link;
  }

  /** What is known of the session besides its messages. */
  get lasting(): LastingSession | undefined {
    return this.#session?.lasting;
  }

  /** Another object for each session. */
  get session(): unknown {
    return this.#session?.lasting?.session;
  }

  /** Nothing more will come. */
  closeStreams(error: (what: string) => Error): void {
    this.streams.close(error); // also where there was none: who asks for one hears it
  }

  /** Memory that is held for messages that have come in part. */
  get unfinishedBytes(): number {
    return this.#session?.unfinishedBytes ?? 0;
  }

  /** The name of the protocol that is spoken; undefined while that is being found out. */
  get protocolName(): string | undefined {
    return this.#session && 'protocol' in this.#session ? this.#session.protocol : this.#protocol.name;
  }

  reconnected(): void {
    this.#counters.reconnects++;
  }

  /** Turns a value into a message, queues it, and puts on the wire what goes. Throws what cannot be sent. */
  send(value: unknown, options: WaitOptions): Promise<boolean> {
    return this.#turns.taken(this.#send(value, options));
  }

  #send(value: unknown, options: WaitOptions): Promise<boolean> {
    // While the first dial is under way there is no link yet, but values must be turned into messages already.
    const session = this.#session ?? this.#sessionAs('client');
    const outgoing = session.encode(value, options);
    if (this.dropsOffline && (this.#link?.over ?? true)) return this.outbox.sendOffline(options);
    if (types.isUint8Array(value)) markSent(value);
    const past = !outgoing.acknowledged && options.signal === undefined && this.outbox.idle;
    if (past && this.#link?.sendNow(outgoing)) {
      this.#counters.messagesSent++;
      return accepted;
    }
    session.hold(outgoing);
    const sent = this.outbox.send(outgoing, options);
    this.#link?.pump();
    return sent;
  }

  /** Turns a part of a stream into a message and queues it. */
  sendPart(part: StreamPart, options: WaitOptions, always = false): Promise<boolean> {
    const session = this.#session ?? this.#sessionAs('client');
    if (session.encodePart === undefined) {
      throw new OptionError(
        "a stream needs a session, which only v2 has: use protocol 'v2' and session: 'prefer' at both ends",
      );
    }
    const sent = this.outbox.send(session.encodePart(part), options, always);
    this.#link?.pump();
    return sent;
  }

  get streams(): Streams {
    this.#streams ??= new Streams(this);
    return this.#streams;
  }

  take<R>(
    what: string,
    options: WaitOptions,
    convert: (received: Received) => R,
    ended?: () => R,
    by?: object,
  ): Promise<R> {
    const taken = this.inbox.take(what, options, convert, ended, by);
    this.#link?.roomInInbox();
    return taken;
  }

  withdraw(by: object): void {
    this.inbox.withdraw(by);
  }

  takeNow(): Received | undefined {
    const received = this.inbox.takeNow();
    this.#link?.roomInInbox();
    return received;
  }

  /** Memory of a message that the program has done with. */
  release(bytes: Uint8Array): void {
    this.outlet.release(bytes);
  }

  /** The application is done: what is queued goes out, and nothing holds the peer's last words back. */
  finishUp(refused: (what: string) => Error): void {
    this.#closing = true;
    this.#streams?.closing(refused);
    this.outbox.refuseBlocked(refused('sendData'), ({ part }) => part === undefined); // those of streams know what ends them
    this.inbox.closing();
    this.#link?.roomInInbox();
    this.#link?.pump();
  }

  /** There may be another link, by which time what waits for it would be stale. */
  linkLost(): void {
    this.#streams?.sessionIs(this.session);
    if (this.dropsOffline) this.outbox.dropUnsent();
    this.outbox.letIn();
  }

  stats(connectedMs: number): ConnectionStats {
    return this.#counters.snapshot(this, connectedMs);
  }

  // What the link asks and tells.

  get closing(): boolean {
    return this.#closing;
  }

  get inboxFull(): boolean {
    return this.inbox.full;
  }

  /** A sixteenth at a time: a receiver that is behind took half as long again when it began anew for each message. */
  get inboxHasRoom(): boolean {
    if (this.inbox.full) return false;
    const { maxMessages, maxBytes, whenFull } = this.#receiveLimits;
    const anyRoom = whenFull !== 'block' || this.#closing;
    return anyRoom || (this.inbox.length <= maxMessages * resumeBelow && this.inbox.bytes <= maxBytes * resumeBelow);
  }

  get outgoingMessages(): number {
    return this.outbox.sendable;
  }

  nextOutgoing(): Outgoing | undefined {
    const outgoing = this.outbox.next();
    if (outgoing !== undefined && outgoing.part === undefined) this.#counters.messagesSent++;
    return outgoing;
  }

  sentAll(): void {
    this.#dropping = undefined;
    if (this.outbox.idle) this.#owner.idle();
  }

  deliver(received: Received): void {
    if (received.part) {
      this.streams.received(received, received.part);
      return;
    }
    this.#counters.messagesReceived++;
    this.inbox.put(received);
  }

  counted(receivedBytes: number): void {
    this.#counters.bytesReceived += receivedBytes;
  }

  ends(): void {
    this.outbox.holdBack();
  }

  stepped(): void {
    this.#warnings.tellHeld();
    this.#streams?.sessionIs(this.session);
    this.#counters.sessionIs(this.session);
    if (this.#session?.canSend) this.#owner.ready();
    this.#owner.stepped();
  }

  // What the queues tell.

  droppedIncoming(error: MessagesDroppedError | undefined, newest?: Received): void {
    this.#counters.droppedReceiving++;
    if (newest) this.lasting?.dropped(newest);
    if (error) this.#warnings.hold(error);
  }

  dropped(error: MessagesDroppedError, why: 'full' | 'offline'): void {
    this.#counters.droppedSending += error.messages;
    if (this.#dropping === why) return;
    this.#dropping = why; // before it is told: a listener may send, into the same full queue
    this.#warnings.tell(error);
  }

  taken(received: Received): void {
    const lasting = this.#session?.lasting;
    if (lasting === undefined) return;
    lasting.taken(received);
    this.#link?.taken();
  }

  abandoned(outgoing: Outgoing): void {
    this.#session?.forget(outgoing);
  }

  freed(): void {
    this.#link?.pump();
  }

  get #link(): Link | undefined {
    return this.outlet.link;
  }

  #sessionAs(role: Role): AnySession {
    this.#session ??= this.#protocol.createSession(role, this.outlet);
    return this.#session;
  }
}
