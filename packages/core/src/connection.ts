/**
 * A connection as users see it, for every protocol: queues, waiting, events and the life from `connect` to `close`.
 * The bytes are the session's matter, one transport's work the link's, the dials the redial's.
 */
import { EventEmitter } from 'node:events';
import type { CloseInfo, ConnectionEvents } from './connection-events.js';
import { type ConnectionEvent, type ConnectionState, nextState } from './connection-state.js';
import { tell } from './diagnostics.js';
import { type Environment, systemEnvironment } from './environment.js';
import {
  ConnectError,
  ConnectionClosedError,
  ConnectionLostError,
  MessagesDroppedError,
  NotConnectedError,
  OptionError,
  QueueFullError,
  type SerpyErrorLike,
} from './errors.js';
import { Link, type LinkEnd } from './link.js';
import { Mailbox } from './mailbox.js';
import { addressOptions, type ConnectionSettings } from './options.js';
import { abortError, checkWait, noWait, Pending, type WaitOptions } from './pending.js';
import type { Protocol, ProtocolTypes, Role, Session } from './protocol.js';
import { firstAttempt } from './reconnect.js';
import { dialOnce, Redial } from './redial.js';
import { SendQueue } from './send-queue.js';
import { type ConnectionStats, Counters } from './stats.js';
import type { Address, Transport } from './transport.js';

/** Gives an accepted transport to a connection. For core's server; not part of the public interface. */
export let attachTransport: <T extends ProtocolTypes>(connection: Connection<T>, transport: Transport) => void;

type SessionOf<T extends ProtocolTypes> = Session<T['value'], T['sendOptions'], T['received'], T['outgoing']>;

/** The options of `sendData`: the protocol's own, and how long it may wait. */
export type SendOptions<T extends ProtocolTypes> = T['sendOptions'] & WaitOptions;

/** One connection to one peer. See the protocol packages for what can be sent. */
export class Connection<T extends ProtocolTypes> extends EventEmitter<ConnectionEvents> {
  static {
    attachTransport = (connection, transport) => {
      connection.#session = connection.#createSession('server');
      connection.#attach(transport);
    };
  }

  readonly #protocol: Protocol<T>;
  readonly #settings: ConnectionSettings;
  readonly #environment: Environment;
  readonly #counters = new Counters();
  readonly #inbox: Mailbox<T['received']>;
  readonly #outbox: SendQueue<T['outgoing']>;
  /** What the session told during its last step, to be told on when it is done. */
  readonly #untold: SerpyErrorLike[] = [];
  /** Codes of warnings that went to the process because nobody listened here. */
  readonly #warned = new Set<string>();
  readonly #closed: Promise<void>;
  #resolveClosed!: () => void;

  #state: ConnectionState = 'idle';
  #session: SessionOf<T> | undefined;
  #link: Link<T['received'], T['outgoing']> | undefined;
  #address: Address | undefined;
  #role: Role = 'client';
  #autoRestart: boolean;
  #dialling: AbortController | undefined;
  #redial: Redial | undefined;
  #ready: Pending<void> | undefined;
  #attempt = 0;
  #connectedAtMs = 0;
  #lostAtMs = 0;
  #closeTimer: unknown;
  #closeInfo: CloseInfo | undefined;
  #droppingOut = false;
  #droppingIn = false;

  constructor(protocol: Protocol<T>, settings: ConnectionSettings, environment: Environment = systemEnvironment) {
    super();
    this.#protocol = protocol;
    this.#settings = settings;
    this.#environment = environment;
    this.#autoRestart = settings.autoRestart;
    this.#inbox = new Mailbox(settings.receiveQueue, environment.clock);
    this.#outbox = new SendQueue(settings.sendQueue, environment.clock, {
      dropped: () => this.#droppedOutgoing(),
      abandoned: (outgoing) => this.#session?.forget(outgoing),
    });
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** Where the connection stands. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** The peer's address while a link is up. */
  get remote(): Address | undefined {
    return this.#link?.transport.remote;
  }

  /** This end's address while a link is up. */
  get local(): Address | undefined {
    return this.#link?.transport.local;
  }

  /** Why the connection is closed; undefined while it is not. */
  get closeInfo(): CloseInfo | undefined {
    return this.#closeInfo;
  }

  isConnected(): boolean {
    return this.#state === 'connected' && this.#link !== undefined;
  }

  /** Whether `getData` would give something at once. */
  isDataAvailable(): boolean {
    return this.#inbox.length > 0;
  }

  /**
   * Dials a peer and resolves with this connection once messages can be exchanged. When it rejects, it may be called again.
   * @throws `ERR_SERPY_CONNECT` nobody there, `ERR_SERPY_TIMEOUT` after `timeoutMs`, `ERR_SERPY_ABORTED` by the signal,
   * `ERR_SERPY_CLOSED` when closed meanwhile, `ERR_SERPY_OPTION` for a wrong argument or a second call
   */
  async connect(host: string, port: number, options: WaitOptions = noWait): Promise<this> {
    checkWait(options);
    const address = { host: addressOptions.host.parse(host, 'host'), port: addressOptions.port.parse(port, 'port') };
    if (this.#state === 'closed' || this.#state === 'closing') throw this.#closedError('connect');
    if (this.#state !== 'idle') {
      throw new OptionError(`this connection is ${this.#state} already: make a new Connection for another peer`);
    }
    if (options.signal?.aborted) throw abortError('connect', options.signal);
    this.#move('dial');
    const dialling = new AbortController();
    this.#dialling = dialling;
    const ready = new Pending<void>(this.#environment.clock, 'connect', options, (error) => {
      dialling.abort(error);
      ready.reject(error);
      this.#ready = undefined;
      this.#link?.destroy('closed');
    });
    this.#ready = ready;
    this.#address = address;
    this.#session = this.#createSession('client');
    dialOnce(this.#environment, address, this.#settings, dialling.signal).then(
      (transport) => {
        if (dialling.signal.aborted) transport.destroy();
        else this.#attach(transport);
      },
      (error) => {
        if (this.#ready !== ready) return;
        this.#ready = undefined;
        ready.reject(error);
      },
    );
    try {
      await ready.promise;
    } catch (error) {
      if (this.state === 'connecting') this.#move('dial-failed');
      throw error;
    } finally {
      this.#dialling = undefined;
    }
    return this;
  }

  /**
   * Sends a message. Resolves `true` once it is queued or, where an acknowledgement was asked for, acknowledged;
   * `false` when no acknowledgement came within `timeoutMs`, or when the full queue dropped it under `whenFull: 'drop-newest'`.
   * Bytes are not copied: do not change them before they are sent.
   * @throws `ERR_SERPY_QUEUE_FULL` the queue stayed full, `ERR_SERPY_CLOSED`, `ERR_SERPY_NOT_CONNECTED`, `ERR_SERPY_ABORTED`,
   * `ERR_SERPY_LOST` the link broke for good before the acknowledgement, `ERR_SERPY_TOO_LARGE`, and what the protocol cannot carry
   */
  sendData(value: T['value'], options: SendOptions<T> = noWait as SendOptions<T>): Promise<boolean> {
    try {
      const session = this.#sending();
      checkWait(options, this.#protocol.sendOptionNames);
      const sent = this.#outbox.send(session.encode(value, options), options);
      this.#link?.pump();
      return sent;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The next message's data: one that is there, or the next to come. Calls are served in order.
   * @throws `ERR_SERPY_TIMEOUT` nothing came within `timeoutMs`, `ERR_SERPY_CLOSED` nothing is left and nothing will come,
   * `ERR_SERPY_ABORTED`, `ERR_SERPY_NOT_CONNECTED`
   */
  getData(options: WaitOptions = noWait): Promise<T['data']> {
    return this.#take('getData', options).then((received) => this.#protocol.data(received));
  }

  /** As `getData`, with everything that is known of the message. */
  getMessage(options: WaitOptions = noWait): Promise<T['message']> {
    return this.#take('getMessage', options).then((received) => this.#protocol.message(received));
  }

  /** The data that is there now. */
  *[Symbol.iterator](): IterableIterator<T['data']> {
    for (;;) {
      const received = this.#takeNow();
      if (received === undefined) return;
      yield this.#protocol.data(received);
    }
  }

  /** The data that comes, until the connection is closed, by either end, and nothing is left. Leaving the loop leaves the connection open. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T['data']> {
    return this.#iterate((received) => this.#protocol.data(received));
  }

  /** As `for await` over the connection, with everything that is known of each message. */
  messages(): AsyncIterableIterator<T['message']> {
    return this.#iterate((received) => this.#protocol.message(received));
  }

  /** From now on, dials again when the link breaks. */
  enableRestart(): void {
    if (this.#state === 'closed' || this.#state === 'closing') throw this.#closedError('enableRestart');
    if (this.#role === 'server') {
      throw new OptionError('a connection that a server accepted cannot dial: enable auto restart at the client');
    }
    this.#autoRestart = true;
  }

  /** From now on, a broken link ends the connection. A dial that is under way or waited for is given up. */
  disableRestart(): void {
    this.#autoRestart = false;
    if (this.#state === 'reconnecting') this.#finish('link-lost', 'gave-up', undefined);
  }

  stats(): ConnectionStats {
    const upMs = this.#link ? this.#environment.clock.now() - this.#connectedAtMs : 0;
    const { connectedMs, ...counters } = this.#counters;
    return {
      ...counters,
      connectedMs: connectedMs + upMs,
      sendQueueMessages: this.#outbox.length,
      sendQueueBytes: this.#outbox.bytes,
      unacknowledgedMessages: this.#outbox.unacknowledged,
      receiveQueueMessages: this.#inbox.length,
      receiveQueueBytes: this.#inbox.bytes,
    };
  }

  /**
   * Sends what is queued, waits for acknowledgements that are due, says goodbye, and closes; after `closeTimeoutMs` at once.
   * Without a link it closes at once. What was received and not taken can still be taken. Never rejects.
   */
  close(): Promise<void> {
    if (this.#state === 'closing' || this.#state === 'closed') return this.#closed;
    if (!this.#link || this.#state !== 'connected') {
      this.#finish('close', 'closed', undefined);
      return this.#closed;
    }
    this.#move('close');
    this.#ready?.reject(this.#closedError('connect'));
    this.#outbox.refuseBlocked(this.#closedError('sendData'));
    const { clock } = this.#environment;
    this.#closeTimer = clock.setTimeout(() => this.#link?.destroy('closed'), this.#settings.closeTimeoutMs);
    this.#link.roomInInbox(); // from here on nothing holds the peer's last words back
    this.#link?.pump();
    return this.#closed;
  }

  /** Closes at once. What was not sent is dropped, what waits is rejected with an `ERR_SERPY_CLOSED`, whose cause is `error`. */
  destroy(error?: Error): void {
    if (this.#state === 'closed') return;
    if (this.#link) this.#link.destroy('closed', error);
    if (this.state !== 'closed') this.#finish('finished', 'closed', error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #createSession(role: Role): SessionOf<T> {
    this.#role = role;
    return this.#protocol.createSession(role, {
      write: (piece) => {
        this.#counters.bytesSent += piece.length;
        this.#link?.transport.write(piece);
      },
      acknowledged: (outgoing) => this.#outbox.acknowledged(outgoing),
      warn: (error) => {
        this.#counters.badFrames++;
        this.#untold.push(error);
      },
    });
  }

  #attach(transport: Transport): void {
    const session = this.#session as SessionOf<T>;
    const { clock } = this.#environment;
    const again = this.#state === 'reconnecting';
    this.#move('link-up');
    this.#connectedAtMs = clock.now();
    const link = new Link<T['received'], T['outgoing']>(transport, session as never, this.#linkOwner(session), clock);
    this.#link = link;
    const info = { local: transport.local, remote: transport.remote };
    if (again) {
      this.#counters.reconnects++;
      const downMs = this.#connectedAtMs - this.#lostAtMs;
      tell(this, 'connection', 'reconnect', { ...info, attempts: this.#attempt, downMs });
    } else {
      tell(this, 'connection', 'connect', info);
    }
    if (this.#link === link) link.start();
  }

  #linkOwner(session: SessionOf<T>) {
    const connection = this;
    return {
      nextOutgoing(): T['outgoing'] | undefined {
        const outgoing = connection.#outbox.next();
        if (outgoing !== undefined) connection.#counters.messagesSent++;
        return outgoing;
      },
      sentAll(): void {
        connection.#droppingOut = false;
        if (connection.#state === 'closing' && connection.#outbox.idle) connection.#link?.finish();
      },
      get inboxFull(): boolean {
        return (
          connection.#inbox.full &&
          connection.#state !== 'closing' &&
          connection.#settings.receiveQueue.whenFull === 'block'
        );
      },
      deliver: (received: T['received']) => this.#deliver(received),
      counted(receivedBytes: number): void {
        connection.#counters.bytesReceived += receivedBytes;
      },
      stepped(): void {
        for (const error of connection.#untold.splice(0)) connection.#warn(error);
        if (connection.#ready && session.canSend) {
          connection.#ready.resolve();
          connection.#ready = undefined;
        }
      },
      lost: (end: LinkEnd) => this.#lost(end),
    };
  }

  #deliver(received: T['received']): void {
    this.#counters.messagesReceived++;
    if (!this.#inbox.full) {
      this.#inbox.put(received);
      return;
    }
    const { whenFull, maxMessages, maxBytes } = this.#settings.receiveQueue;
    const full = `the receive queue is full (receiveQueue: ${maxMessages} messages, ${maxBytes} bytes)`;
    if (whenFull === 'error') throw new QueueFullError(`${full}: take messages faster, or choose another whenFull`);
    if (whenFull === 'drop-oldest') {
      while (this.#inbox.full && this.#inbox.takeNow() !== undefined) this.#droppedIncoming(full);
    } else if (whenFull === 'drop-newest' || this.#state === 'closing') {
      this.#droppedIncoming(full);
      return;
    }
    this.#inbox.put(received);
  }

  #droppedIncoming(full: string): void {
    this.#counters.droppedReceiving++;
    if (this.#droppingIn) return;
    this.#droppingIn = true;
    this.#untold.push(new MessagesDroppedError(`${full}: messages are being dropped; stats() counts them`, 1));
  }

  #droppedOutgoing(): void {
    this.#counters.droppedSending++;
    if (this.#droppingOut) return;
    this.#droppingOut = true;
    const { maxMessages, maxBytes } = this.#settings.sendQueue;
    const full = `the send queue is full (sendQueue: ${maxMessages} messages, ${maxBytes} bytes)`;
    this.#warn(new MessagesDroppedError(`${full}: messages are being dropped; stats() counts them`, 1));
  }

  #takeNow(): T['received'] | undefined {
    const received = this.#inbox.takeNow();
    if (received !== undefined) this.#taken();
    return received;
  }

  #take(what: string, options: WaitOptions): Promise<T['received']> {
    if (this.#state === 'idle') return Promise.reject(this.#notConnected(what));
    const taken = this.#inbox.take(what, options);
    this.#taken();
    return taken;
  }

  #taken(): void {
    if (this.#inbox.length === 0) this.#droppingIn = false;
    this.#link?.roomInInbox();
  }

  #iterate<R>(convert: (received: T['received']) => R): AsyncIterableIterator<R> {
    const done = { done: true, value: undefined } as const;
    return {
      next: () =>
        this.#take('for await', noWait).then(
          (received) => ({ done: false, value: convert(received) }),
          (error) => {
            if (this.#state === 'closed' || this.#state === 'closing') return done;
            throw error;
          },
        ),
      return: () => Promise.resolve(done),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #sending(): SessionOf<T> {
    switch (this.#state) {
      case 'closing':
      case 'closed':
        throw this.#closedError('sendData');
      case 'idle':
        throw this.#notConnected('sendData');
      default:
        return this.#session as SessionOf<T>;
    }
  }

  #lost(end: LinkEnd): void {
    const { clock } = this.#environment;
    const link = this.#link;
    if (!link) return;
    this.#link = undefined;
    this.#lostAtMs = clock.now();
    const upMs = this.#lostAtMs - this.#connectedAtMs;
    this.#counters.connectedMs += upMs;
    if (end.error && end.reason !== 'reset' && end.reason !== 'closed') this.#warn(end.error as SerpyErrorLike);
    tell(this, 'connection', 'disconnect', end);
    if (this.#state === 'closed') return; // by a listener
    if (this.#ready) {
      this.#ready.reject(
        new ConnectError('the peer hung up before it could be told which protocol it speaks', { cause: end.error }),
      );
      this.#ready = undefined;
    }
    if (this.#state === 'closing' || !this.#autoRestart || end.reason === 'closed') {
      this.#finish('link-lost', this.#state === 'closing' ? 'closed' : end.reason, end.error);
      return;
    }
    this.#move('link-lost-restart');
    this.#attempt = firstAttempt(this.#attempt, upMs, this.#settings.reconnect);
    this.#redial = new Redial(this.#environment, this.#address as Address, this.#settings, {
      waiting: (attempt, delayMs, error) => {
        this.#attempt = attempt;
        tell(this, 'connection', 'reconnecting', { attempt, delayMs, error });
      },
      up: (transport) => this.#attach(transport),
      gaveUp: (error) => this.#finish('link-lost', 'gave-up', error),
    });
    this.#redial.next(this.#attempt, end.error);
  }

  #finish(event: ConnectionEvent, reason: CloseInfo['reason'], error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#move(event);
    this.#dialling?.abort();
    this.#redial?.stop();
    this.#environment.clock.clearTimeout(this.#closeTimer);
    this.#closeInfo = { reason, error, unsentMessages: this.#outbox.length };
    this.#ready?.reject(this.#closedError('connect'));
    this.#ready = undefined;
    this.#inbox.close(() => this.#closedError('getData'));
    const lost = new ConnectionLostError(
      'the connection ended before the message was acknowledged: it may or may not have arrived',
      { cause: error },
    );
    const unsent = this.#outbox.close(this.#closedError('sendData'), lost);
    if (unsent > 0) {
      const text = `the connection ended with ${unsent} accepted message${unsent > 1 ? 's' : ''} not sent`;
      this.#warn(new MessagesDroppedError(text, unsent, { cause: error }));
    }
    tell(this, 'connection', 'close', this.#closeInfo);
    this.#resolveClosed();
  }

  #warn(error: SerpyErrorLike): void {
    if (tell(this, 'connection', 'warning', error) || this.#warned.has(error.code)) return;
    // Nobody listens: said once per kind where people look, instead of never.
    this.#warned.add(error.code);
    process.emitWarning(error.message, { type: error.name, code: error.code });
  }

  #move(event: ConnectionEvent): void {
    const next = nextState(this.#state, event);
    if (next === undefined) throw new Error(`serpy: ${event} cannot happen while ${this.#state}`);
    this.#state = next;
  }

  #notConnected(what: string): NotConnectedError {
    return new NotConnectedError(`${what} was called before connect(): await connection.connect(host, port) first`);
  }

  #closedError(what: string): ConnectionClosedError {
    const info = this.#closeInfo;
    const why = info ? closeWords[info.reason] : 'close() was called';
    const detail = info?.error ? ` (${info.error.message})` : '';
    return new ConnectionClosedError(
      `${what}: the connection is closed: ${why}${detail}. A closed connection cannot be used again: make a new one`,
      info?.error ? { cause: info.error } : undefined,
    );
  }
}

const closeWords: Record<CloseInfo['reason'], string> = {
  ended: 'the peer ended it',
  reset: 'the network or the peer broke it',
  protocol: 'the peer sent what cannot be read',
  'queue-full': 'the receive queue was full',
  closed: 'it was closed here',
  'gave-up': 'dialling again was given up',
};
