/** What a connection has said and heard: its session, its two queues and its counts. It lives through any number of links. */
import { types } from 'node:util';
import { markInUse } from '../buffers/buffer-pool.js';
import type { Clock, Environment } from '../environment.js';
import { type MessagesDroppedError, OptionError } from '../errors.js';
import { Link } from '../link/link.js';
import type { LinkHost, LinkObserver } from '../link/link-host.js';
import type { WaitOptions } from '../options/wait-options.js';
import type { InboundMessage, OutboundMessage, StreamPart } from '../protocol/message.js';
import type { Protocol, ProtocolTypes, Role } from '../protocol/protocol.js';
import type { ResumableSession } from '../protocol/resumable-session.js';
import type { Session } from '../protocol/session.js';
import { latestOnly, ReceiveQueue, type ReceiveQueueListener } from '../queue/receive-queue.js';
import { acceptedResult, type QueueOptions, SendQueue, type SendQueueListener } from '../queue/send-queue.js';
import { SendYield } from '../queue/send-yield.js';
import { StreamManager, type StreamsHost } from '../streams/stream-manager.js';
import type { Transport } from '../transport/transport.js';
import type { ChannelListener } from './channel-host.js';
import type { ConnectionSettings } from './connection-options.js';
import { ChannelSessionHost } from './session-host.js';
import { type ConnectionStats, Counters } from './stats.js';
import type { Warnings } from './warnings.js';

/** A session whose types nobody looks at: those of the connection's public methods vouch for them. */
type AnySession = Session<unknown, object, InboundMessage, OutboundMessage>;

/** A full receive queue is filled up again when it is only so full. */
const resumeBelow = 15 / 16;

/** It implements what the others tell it of, instead of handing each of them an object of closures: those were 400 bytes of a connection. */
export class Channel implements LinkHost, SendQueueListener<OutboundMessage>, ReceiveQueueListener, StreamsHost {
  readonly inbox: ReceiveQueue;
  readonly outbox: SendQueue<OutboundMessage>;
  readonly writeTimeoutMs: number;
  readonly frameTimeoutMs: number;
  readonly #protocol: Protocol<ProtocolTypes>;
  readonly clock: Clock;
  readonly #warnings: Warnings;
  readonly #listener: ChannelListener;
  readonly streamLimits: QueueOptions;
  readonly maxOpenStreams: number;
  readonly #receiveLimits: QueueOptions;
  /** Whether messages are dropped while there is no link. */
  readonly dropsOffline: boolean;
  readonly #counters = new Counters();
  readonly #sendYield: SendYield;
  readonly sessionHost: ChannelSessionHost;
  #session: AnySession | undefined;
  /** Why messages to be sent are dropped, where that has been told. */
  #dropping: 'full' | 'offline' | undefined;
  #closing = false;
  #isDelivering = false;
  /** Made for the first of them. */
  #streams: StreamManager | undefined;

  constructor(
    protocol: Protocol<ProtocolTypes>,
    settings: ConnectionSettings,
    environment: Environment,
    warnings: Warnings,
    owner: ChannelListener,
  ) {
    this.#protocol = protocol;
    this.clock = environment.clock;
    this.#warnings = warnings;
    this.#listener = owner;
    this.streamLimits = settings.receiveQueue;
    this.maxOpenStreams = settings.maxOpenStreams;
    this.#receiveLimits = settings.keep === 'latest' ? latestOnly : settings.receiveQueue;
    this.dropsOffline = settings.whenOffline === 'drop';
    this.writeTimeoutMs = settings.writeTimeoutMs;
    this.frameTimeoutMs = settings.frameTimeoutMs;
    this.inbox = new ReceiveQueue(this.#receiveLimits, environment.clock, this);
    this.#sendYield = new SendYield(environment.clock);
    this.outbox = new SendQueue(settings.sendQueue, environment.clock, this);
    this.sessionHost = new ChannelSessionHost(this.outbox, this.#counters, warnings, environment, owner);
  }

  /** Goes on over another transport. */
  createLink(transport: Transport, role: Role, life: LinkObserver): Link {
    if (this.#dropping === 'offline') this.#dropping = undefined;
    this.inbox.linkUp();
    const link = new Link(transport, this.#ensureSession(role), this, this.clock, life);
    this.sessionHost.attach(link);
    return link;
  }

  /** What is known of the session besides its messages. */
  get resumable(): ResumableSession | undefined {
    return this.#session?.resumable;
  }

  /** Another object for each session. */
  get epoch(): unknown {
    return this.#session?.resumable?.epoch;
  }

  /** Nothing more will come. */
  closeStreams(error: (what: string) => Error): void {
    this.streams.close(error); // also where there was none: who asks for one hears it
  }

  /** Memory that is held for messages that have come in part. */
  get partialBytes(): number {
    return this.#session?.partialBytes ?? 0;
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
    return this.#sendYield.after(this.#send(value, options));
  }

  #send(value: unknown, options: WaitOptions): Promise<boolean> {
    // While the first dial is under way there is no link yet, but values must be turned into messages already.
    const session = this.#session ?? this.#ensureSession('client');
    const outgoing = session.encode(value, options);
    if (this.dropsOffline && (this.#link?.over ?? true)) return this.outbox.sendOffline(options);
    if (types.isUint8Array(value)) markInUse(value);
    const past = !outgoing.awaitsAck && options.signal === undefined && this.outbox.idle;
    if (past && this.#link?.sendNow(outgoing)) {
      this.#counters.messagesSent++;
      return acceptedResult;
    }
    session.snapshot(outgoing);
    const sent = this.outbox.send(outgoing, options);
    this.#link?.pump();
    return sent;
  }

  /** Turns a part of a stream into a message and queues it. */
  sendPart(part: StreamPart, options: WaitOptions, always = false): Promise<boolean> {
    const session = this.#session ?? this.#ensureSession('client');
    if (session.encodePart === undefined) {
      throw new OptionError(
        "a stream needs a session, which only v2 has: use protocol 'v2' and session: 'prefer' at both ends",
      );
    }
    const sent = this.outbox.send(session.encodePart(part), options, always);
    this.#link?.pump();
    return sent;
  }

  get streams(): StreamManager {
    this.#streams ??= new StreamManager(this);
    return this.#streams;
  }

  take<R>(
    what: string,
    options: WaitOptions,
    convert: (received: InboundMessage) => R,
    ended?: () => R,
    by?: object,
  ): Promise<R> {
    const taken = this.inbox.take(what, options, convert, ended, by);
    this.#link?.resumeReading();
    return taken;
  }

  withdraw(by: object): void {
    this.inbox.withdraw(by);
  }

  takeNow(): InboundMessage | undefined {
    const received = this.inbox.takeNow();
    this.#link?.resumeReading();
    return received;
  }

  /** Memory of a message that the program has done with. */
  release(bytes: Uint8Array): void {
    this.sessionHost.release(bytes);
  }

  /** The application is done: what is queued goes out, and nothing holds the peer's last words back. */
  startClosing(refused: (what: string) => Error): void {
    this.#closing = true;
    this.#streams?.closing(refused);
    this.outbox.rejectBlocked(refused('sendData'), ({ part }) => part === undefined); // those of streams know what ends them
    this.inbox.closing();
    this.#link?.resumeReading();
    this.#link?.pump();
  }

  /** There may be another link, by which time what waits for it would be stale. */
  linkDown(): void {
    this.deliverHeld();
    this.#streams?.sessionChanged(this.epoch);
    if (this.dropsOffline) this.outbox.dropUnsent();
    this.outbox.resumeAdmission();
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
  get roomInInbox(): boolean {
    if (this.inbox.full) return false;
    const { maxMessages, maxBytes, whenFull } = this.#receiveLimits;
    const anyRoom = whenFull !== 'block' || this.#closing;
    return anyRoom || (this.inbox.length <= maxMessages * resumeBelow && this.inbox.bytes <= maxBytes * resumeBelow);
  }

  get queuedMessages(): number {
    return this.outbox.sendable;
  }

  nextQueued(): OutboundMessage | undefined {
    const outgoing = this.outbox.next();
    if (outgoing !== undefined && outgoing.part === undefined) this.#counters.messagesSent++;
    return outgoing;
  }

  drained(): void {
    this.#dropping = undefined;
    if (this.outbox.idle) this.#listener.idle();
  }

  deliver(received: InboundMessage): void {
    if (received.part) {
      this.streams.received(received, received.part);
      return;
    }
    this.#counters.messagesReceived++;
    this.inbox.put(received);
  }

  deliverHeld(): void {
    if (this.#isDelivering) return; // a message that is delivered may be taken at once, which asks for more
    this.#isDelivering = true;
    try {
      while (this.resumable?.readable) {
        const received = this.#session?.read();
        if (received === undefined) break;
        this.deliver(received);
      }
    } catch {
      // The session is at fault, and says so again when a link is read.
    } finally {
      this.#isDelivering = false;
    }
  }

  bytesReceived(receivedBytes: number): void {
    this.#counters.bytesReceived += receivedBytes;
  }

  linkEnding(): void {
    this.outbox.pauseAdmission();
  }

  stepDone(): void {
    this.#warnings.flush();
    this.#streams?.sessionChanged(this.epoch);
    this.#counters.sessionChanged(this.epoch);
    if (this.#session?.canSend) this.#listener.channelReady();
    this.#listener.stepDone();
  }

  // What the queues tell.

  droppedInbound(error: MessagesDroppedError | undefined, newest?: InboundMessage): void {
    this.#counters.droppedReceiving++;
    if (newest) this.resumable?.discarded(newest);
    if (error) this.#warnings.defer(error);
  }

  dropped(error: MessagesDroppedError, why: 'full' | 'offline'): void {
    this.#counters.droppedSending += error.messages;
    if (this.#dropping === why) return;
    this.#dropping = why; // before it is told: a listener may send, into the same full queue
    this.#warnings.warn(error);
  }

  consumed(received: InboundMessage): void {
    const lasting = this.#session?.resumable;
    if (lasting === undefined) return;
    if (!lasting.consumed(received)) return;
    if (this.#link?.over !== false) this.deliverHeld();
    else this.#link.consumed();
  }

  waitAbandoned(outgoing: OutboundMessage): void {
    this.#session?.cancelAck(outgoing);
  }

  freed(): void {
    this.#link?.pump();
  }

  get #link(): Link | undefined {
    return this.sessionHost.link;
  }

  #ensureSession(role: Role): AnySession {
    this.#session ??= this.#protocol.createSession(role, this.sessionHost);
    return this.#session;
  }
}
