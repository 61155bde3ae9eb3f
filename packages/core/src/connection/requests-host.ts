/** The channel's side of requests: encodes their messages, sends them, and answers what requests ask about the link. */
import type { Clock } from '../environment.js';
import type { SerpyError } from '../errors.js';
import type { AnySession } from '../link/link.js';
import { defaultWait } from '../options/wait-options.js';
import type { InboundMessage, OutboundMessage, RequestPart } from '../protocol/message.js';
import type { Role } from '../protocol/protocol.js';
import type { ReceiveQueue } from '../queue/receive-queue.js';
import type { SendQueue } from '../queue/send-queue.js';
import type { RequestsHost } from '../requests/requests-host.js';
import type { ChannelListener } from './channel-host.js';
import type { ConnectionSettings } from './connection-options.js';
import type { Notifier } from './notifier.js';
import type { ChannelSessionHost } from './session-host.js';
import type { Counters } from './stats.js';

/** The channel of the requests. */
export interface RequestsChannel {
  readonly clock: Clock;
  readonly settings: ConnectionSettings;
  readonly inbox: ReceiveQueue;
  readonly outbox: SendQueue<OutboundMessage>;
  readonly sessionHost: ChannelSessionHost;
  readonly session: AnySession | undefined;
  readonly epoch: unknown;
  ensureSession(role: Role): AnySession;
  consumed(received: InboundMessage): void;
}

/** Made with the first request, so that a connection without requests has no memory for it. */
export class ChannelRequestsHost implements RequestsHost {
  readonly clock: Clock;
  readonly settings: ConnectionSettings;
  readonly inbox: ReceiveQueue;
  readonly #channel: RequestsChannel;
  readonly #outbox: SendQueue<OutboundMessage>;
  readonly #sessionHost: ChannelSessionHost;
  readonly #counters: Counters;
  readonly #notifier: Notifier;
  readonly #listener: ChannelListener;

  constructor(channel: RequestsChannel, counters: Counters, notifier: Notifier, listener: ChannelListener) {
    this.clock = channel.clock;
    this.settings = channel.settings;
    this.inbox = channel.inbox;
    this.#channel = channel;
    this.#outbox = channel.outbox;
    this.#sessionHost = channel.sessionHost;
    this.#counters = counters;
    this.#notifier = notifier;
    this.#listener = listener;
  }

  // The session.

  get epoch(): unknown {
    return this.#channel.epoch;
  }

  correlation(): boolean | undefined {
    const { session } = this.#channel;
    return session?.correlation ? session.correlation() : false;
  }

  // The link.

  get linkIsUp(): boolean {
    return this.#sessionHost.link?.over === false;
  }

  get linkIsPaused(): boolean {
    return this.#sessionHost.link?.paused ?? false;
  }

  get receivedBytes(): number {
    return this.#counters.bytesReceived;
  }

  get sentOnLink(): number {
    return this.#sessionHost.link?.sentMessages ?? 0;
  }

  get reconnects(): boolean {
    return this.#listener.reconnects;
  }

  peerHasRead(messages: number): void {
    this.#sessionHost.link?.peerHasRead(messages);
  }

  pump(): void {
    this.#sessionHost.link?.pump();
  }

  resumeReading(): void {
    this.#sessionHost.link?.resumeReading();
  }

  endLink(error: SerpyError): void {
    this.#sessionHost.link?.destroy('timeout', error);
  }

  // Messages.

  encode(value: unknown): OutboundMessage {
    return this.#channel.ensureSession('client').encode(value, defaultWait);
  }

  encodeRequestPart(part: RequestPart, message: OutboundMessage | undefined): OutboundMessage {
    const session = this.#channel.session as AnySession & Required<Pick<AnySession, 'encodeRequestPart'>>;
    return session.encodeRequestPart(part, message);
  }

  snapshot(outgoing: OutboundMessage): void {
    this.#channel.session?.snapshot(outgoing);
  }

  post(outgoing: OutboundMessage): void {
    const { link, requests } = this.#sessionHost;
    if (!outgoing.awaitsAck && this.#outbox.isOpenFor(outgoing) && link?.mayNow()) {
      if (outgoing.part === undefined) this.#counters.messagesSent++;
      requests?.sending(outgoing);
      link.sendNow(outgoing);
      return;
    }
    this.snapshot(outgoing);
    void this.#outbox.send(outgoing, defaultWait, true);
    link?.pump();
  }

  takeBack(outgoing: OutboundMessage): void {
    this.#outbox.withdraw(outgoing);
    this.pump(); // there may be nothing left to wait for
  }

  consumed(received: InboundMessage): void {
    this.#channel.consumed(received);
  }

  discarded(error: SerpyError | undefined): void {
    this.#counters.droppedReceiving++;
    if (error) this.#notifier.deferWarning(error);
  }

  warn(error: SerpyError): void {
    this.#notifier.warn(error);
  }
}
