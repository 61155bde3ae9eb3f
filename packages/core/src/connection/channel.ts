/** The messages of a connection: its session, its two queues, its streams and its counts. A channel outlives any number of links. */
import { types } from 'node:util';
import { markInUse } from '../buffers/buffer-pool.js';
import type { Clock, Environment } from '../environment.js';
import { DeliveryUnknownError, MessagesDroppedError, type MessageTooLargeError, type OptionError } from '../errors.js';
import { type AnySession, Link } from '../link/link.js';
import type { LinkHost, LinkObserver } from '../link/link-host.js';
import type { SendWaitOptions, WaitOptions } from '../options/wait-options.js';
import { type InboundMessage, isRequestPart, type OutboundMessage, type StreamPart } from '../protocol/message.js';
import type { Protocol, ProtocolTypes, Role } from '../protocol/protocol.js';
import type { ResumableSession } from '../protocol/resumable-session.js';
import type { SharedEncoding } from '../protocol/shared-encoding.js';
import type { SlowPeers } from '../queue/broadcasts.js';
import { abortError } from '../queue/deferred.js';
import { type KeyedQueueListener, KeyedReceiveQueue } from '../queue/keyed-receive-queue.js';
import { latestOnly, ReceiveQueue } from '../queue/receive-queue.js';
import { acceptedResult, SendQueue, type SendQueueListener } from '../queue/send-queue.js';
import { offlineError, slowPeerError } from '../queue/send-queue-errors.js';
import { SendYield } from '../queue/send-yield.js';
import { Requests } from '../requests/requests.js';
import { StreamManager, type StreamsHost } from '../streams/stream-manager.js';
import type { Transport } from '../transport/transport.js';
import type { ChannelListener } from './channel-host.js';
import { closedError, noStreamsError, unacknowledgedError, unsentError } from './connection-errors.js';
import type { CloseInfo } from './connection-events.js';
import type { ConnectionSettings } from './connection-options.js';
import { keyFunction, receiveBounds } from './keep-option.js';
import type { Notifier } from './notifier.js';
import { ChannelRequestsHost, type RequestsChannel } from './requests-host.js';
import { ChannelSessionHost } from './session-host.js';
import { type ConnectionStats, Counters } from './stats.js';

/** One object implements the interfaces of the parts that each connection has: an object of closures for each part took 400 bytes of a connection. */
export class Channel
  implements LinkHost, SendQueueListener<OutboundMessage>, KeyedQueueListener, StreamsHost, RequestsChannel
{
  readonly inbox: ReceiveQueue;
  readonly outbox: SendQueue<OutboundMessage>;
  readonly #protocol: Protocol<ProtocolTypes>;
  readonly settings: ConnectionSettings;
  readonly clock: Clock;
  readonly #notifier: Notifier;
  readonly #listener: ChannelListener;
  /** Whether messages are dropped while there is no link (`whenOffline: 'drop'`). */
  readonly dropsOffline: boolean;
  readonly #counters = new Counters();
  readonly #sendYield: SendYield;
  readonly sessionHost: ChannelSessionHost;
  #session: AnySession | undefined;
  /** Why messages are being dropped instead of sent. Each run of drops causes one warning. */
  #dropping: 'full' | 'offline' | 'too-large' | undefined;
  #closing = false;
  #isDelivering = false;
  /** Messages of the ended session of which it is not known whether they arrived. */
  #unknown: readonly unknown[] = [];
  /** Made for the first stream. */
  #streams: StreamManager | undefined;
  /** Made for the first request or handler. */
  #requests: Requests | undefined;

  constructor(
    protocol: Protocol<ProtocolTypes>,
    settings: ConnectionSettings,
    environment: Environment,
    notifier: Notifier,
    listener: ChannelListener,
  ) {
    this.#protocol = protocol;
    this.settings = settings;
    this.clock = environment.clock;
    this.#notifier = notifier;
    this.#listener = listener;
    this.dropsOffline = settings.whenOffline === 'drop';
    const { keep, receiveQueue, maxMessageBytes } = settings;
    const keyOf = keyFunction(keep, protocol);
    const bounds = keep === 'latest' ? latestOnly : receiveBounds(receiveQueue, keep, maxMessageBytes);
    this.inbox = keyOf
      ? new KeyedReceiveQueue(bounds, environment.clock, this, keyOf)
      : new ReceiveQueue(bounds, environment.clock, this);
    this.#sendYield = new SendYield(environment.clock);
    this.outbox = new SendQueue(settings.sendQueue, environment.clock, this);
    this.sessionHost = new ChannelSessionHost(this.outbox, this.#counters, notifier, environment, listener);
  }

  /** Makes the link over a new transport. */
  createLink(transport: Transport, role: Role, observer: LinkObserver): Link {
    if (this.#dropping === 'offline') this.#dropping = undefined;
    this.inbox.linkUp();
    this.#requests?.linkUp();
    const link = new Link(transport, this.ensureSession(role), this, this.clock, observer);
    this.sessionHost.attach(link);
    return link;
  }

  /** undefined before the first link and the first message. */
  get session(): AnySession | undefined {
    return this.#session;
  }

  /** The session, made if there is none. */
  ensureSession(role: Role): AnySession {
    this.#session ??= this.#protocol.createSession(role, this.sessionHost);
    return this.#session;
  }

  get resumable(): ResumableSession | undefined {
    return this.#session?.resumable;
  }

  /** Identifies the session: a different object for each; undefined while there is none. */
  get epoch(): unknown {
    return this.#session?.resumable?.epoch;
  }

  /** Whether the link may still resume the session of another connection. */
  get pendingTakeover(): boolean {
    return this.resumable?.pendingTakeover ?? false;
  }

  /** Whether the session has something left for a peer that may resume it. */
  get unsettled(): boolean {
    const { resumable, outbox } = this;
    const waits = outbox.length > 0 && !this.dropsOffline;
    return resumable !== undefined && resumable.resumableMs > 0 && (waits || !resumable.allAcknowledged);
  }

  /** Memory for partially received messages. */
  get partialBytes(): number {
    return this.#session?.partialBytes ?? 0;
  }

  /** The name of the protocol; undefined until it is detected. */
  get protocolName(): string | undefined {
    return this.#session && 'protocol' in this.#session ? this.#session.protocol : this.#protocol.name;
  }

  reconnected(): void {
    this.#counters.reconnects++;
  }

  /** Encodes a value as a message, queues it, and sends what the transport accepts. Throws if the value cannot be encoded. */
  send(value: unknown, options: SendWaitOptions): Promise<boolean> {
    return this.#sendYield.after(this.#send(value, options), options);
  }

  #send(value: unknown, options: SendWaitOptions): Promise<boolean> {
    // Before the first link is up there is no session, but values must already be encoded.
    const session = this.#session ?? this.ensureSession('client');
    const outgoing = session.encode(value, options);
    if (this.dropsOffline && (this.#link?.over ?? true)) return this.outbox.sendOffline(options);
    if (types.isUint8Array(value)) markInUse(value);
    if (options.signal?.aborted) throw abortError('sendData', options.signal);
    const { link } = this.sessionHost;
    if (this.outbox.isOpenFor(outgoing) && link?.mayNow()) {
      this.#counters.messagesSent++;
      // Before it is sent: the session may reject it at once.
      const sent = outgoing.awaitsAck ? this.outbox.sendPast(outgoing, options) : acceptedResult;
      link.sendNow(outgoing);
      return sent;
    }
    session.snapshot(outgoing);
    const sent = this.outbox.send(outgoing, options);
    this.#link?.pump();
    return sent;
  }

  encodeShared(value: unknown, options: object, shared: SharedEncoding): OutboundMessage {
    return this.ensureSession('server').encode(value, options, shared);
  }

  sendShared(outgoing: OutboundMessage, slowPeers: SlowPeers): boolean {
    if (this.dropsOffline && (this.#link?.over ?? true)) {
      this.dropped(offlineError(1), 'offline');
      return false;
    }
    const link = this.#link;
    if (this.outbox.isOpenFor(outgoing) && link?.mayNow()) {
      this.#counters.messagesSent++;
      link.sendNow(outgoing);
      return true;
    }
    const isQueued = this.outbox.sendBroadcast(outgoing, slowPeers);
    if (isQueued) this.#link?.pump();
    else if (slowPeers === 'disconnect') {
      this.#counters.droppedSending++;
      this.#listener.destroy(slowPeerError(this.settings.sendQueue));
    }
    return isQueued;
  }

  tooLargeForPeer(cause: MessageTooLargeError): false {
    this.dropped(
      new MessagesDroppedError(`the peer does not accept a broadcast message: ${cause.message}`, 1, { cause }),
      'too-large',
    );
    return false;
  }

  /** Encodes a part of a stream as a message and queues it. @param always even into a full queue */
  sendPart(part: StreamPart, options: WaitOptions, always = false): Promise<boolean> {
    const session = this.ensureSession('client');
    if (session.encodePart === undefined) throw noStreamsError();
    const sent = this.outbox.send(session.encodePart(part), options, always);
    this.#link?.pump();
    return sent;
  }

  get streams(): StreamManager {
    this.#streams ??= new StreamManager(this);
    return this.#streams;
  }

  get requests(): Requests {
    if (this.#requests === undefined) {
      const host = new ChannelRequestsHost(this, this.#counters, this.#notifier, this.#listener);
      this.#requests = new Requests(host);
      this.sessionHost.requests = this.#requests;
    }
    return this.#requests;
  }

  take<R>(
    what: string,
    options: WaitOptions,
    convert: (received: InboundMessage) => R,
    ended?: () => R,
    by?: object,
  ): Promise<R> {
    const result = this.inbox.take(what, options, convert, ended, by);
    this.sessionHost.link?.resumeReading();
    return result;
  }

  withdraw(by: object): void {
    this.inbox.withdraw(by);
  }

  takeNow(): InboundMessage | undefined {
    const received = this.inbox.takeNow();
    this.sessionHost.link?.resumeReading();
    return received;
  }

  /** `close` was called: what is queued is sent, and a full receive queue no longer stops reading. */
  startClosing(error: (what: string) => Error): void {
    this.#closing = true;
    this.#streams?.closing(error);
    this.#requests?.closing(error('request'));
    this.outbox.rejectBlocked(error('sendData'), ({ part }) => part === undefined); // a stream ends its parts itself
    this.inbox.closing();
    this.#link?.resumeReading();
    this.#link?.pump();
  }

  /** The link is lost, and another may follow. A session that the peer has closed ends now: the next link would end it, but may never come. */
  linkLost(): void {
    const { resumable } = this;
    const unknown = resumable?.peerClose ? resumable.abort() : [];
    this.deliverHeld();
    this.#streams?.sessionChanged(this.epoch);
    this.#requests?.linkLost(this.epoch);
    if (this.dropsOffline) this.outbox.dropUnsent(); // they would be stale when the next link is up
    this.outbox.resumeAdmission();
    if (unknown.length > 0) this.#notifier.warn(new DeliveryUnknownError('the peer closed the session', unknown));
  }

  /** The connection is about to close: ends the session and counts what is left. No message is accepted from here on. */
  abandon(): Pick<CloseInfo, 'unsentMessages' | 'unacknowledgedMessages'> {
    this.outbox.pauseAdmission(); // a send that took a place which the session frees would be neither reported nor counted
    const { unsentMessages } = this.outbox;
    this.#unknown = this.resumable?.abort() ?? [];
    this.deliverHeld();
    return { unsentMessages, unacknowledgedMessages: this.#unknown.length };
  }

  /** The connection is closed: ends all waiting calls and warns of lost messages. */
  close(info: CloseInfo): void {
    const error = (what: string) => closedError(what, info);
    this.inbox.close(() => error('getData'));
    this.#requests?.close(error('request'), info.error, info.reason === 'local-close');
    this.streams.close(error); // also without streams, so that `getStream` rejects
    const unsent = this.outbox.close(error('sendData'), unacknowledgedError(info));
    if (unsent > 0) this.#notifier.warn(unsentError(unsent, info));
    if (this.#unknown.length > 0) this.#notifier.warn(new DeliveryUnknownError('the connection ended', this.#unknown));
  }

  stats(connectedMs: number, sinceMs: number): ConnectionStats {
    return this.#counters.snapshot(this, connectedMs, sinceMs);
  }

  // Called by the link.

  get closing(): boolean {
    return this.#closing;
  }

  get queuedMessages(): number {
    return this.outbox.sendable;
  }

  nextQueued(): OutboundMessage | undefined {
    const outgoing = this.outbox.next();
    if (outgoing !== undefined && outgoing.part === undefined) this.#counters.messagesSent++;
    if (outgoing?.undroppable) this.#requests?.sending(outgoing);
    return outgoing;
  }

  drained(): void {
    this.#dropping = undefined;
    if (this.outbox.idle) this.#listener.idle();
  }

  deliver(received: InboundMessage): void {
    if (received.part) {
      if (isRequestPart(received.part)) this.requests.received(received, received.part);
      else this.streams.received(received, received.part);
      return;
    }
    this.#counters.messagesReceived++;
    if (this.#requests?.takes(received)) return;
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
    this.#notifier.flushWarnings();
    this.#streams?.sessionChanged(this.epoch);
    this.#counters.sessionChanged(this.epoch);
    this.#requests?.stepDone(this.epoch);
    if (this.#session?.canSend) this.#listener.channelReady();
    this.#notifier.stepDone(this);
  }

  // Called by the queues.

  droppedInbound(error: MessagesDroppedError | undefined, newest?: InboundMessage): void {
    this.#counters.droppedReceiving++;
    if (newest) this.resumable?.discarded(newest, this.inbox.last);
    if (error) this.#notifier.deferWarning(error);
  }

  replaced(received: InboundMessage, error: MessagesDroppedError | undefined, earlierWait: boolean): void {
    this.#counters.droppedReceiving++;
    if (error) this.#notifier.deferWarning(error);
    this.consumed(received, earlierWait);
  }

  keepFailed(error: OptionError): void {
    this.#notifier.deferWarning(error);
  }

  dropped(error: MessagesDroppedError, why: 'full' | 'offline' | 'too-large'): void {
    this.#counters.droppedSending += error.messages;
    if (this.#dropping === why) return;
    this.#dropping = why; // before the warning: its listener may send into the same full queue
    this.#notifier.warn(error);
  }

  /** @param earlierWait whether earlier messages still wait for the program */
  consumed(received: InboundMessage, earlierWait = false): void {
    const { resumable } = this;
    if (!resumable?.consumed(received, earlierWait)) return;
    if (this.#link?.over !== false) this.deliverHeld();
    else this.#link.consumed();
  }

  waitAbandoned(outgoing: OutboundMessage): void {
    this.#session?.cancelAck(outgoing);
  }

  lapsed(): void {
    this.#counters.droppedSending++;
  }

  freed(): void {
    this.#link?.pump();
  }

  /** A private getter is a call into the runtime of V8: 15 ns. What is done for each message reads `sessionHost.link` instead. */
  get #link(): Link | undefined {
    return this.sessionHost.link;
  }
}
