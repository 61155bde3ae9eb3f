/**
 * A connection as users see it, for every protocol: what they send and what they get, with its queues, events and counts.
 * When there is a link is its lifecycle's matter, what a link does with bytes is the link's.
 */
import { EventEmitter } from 'node:events';
import type { CloseInfo, ConnectionEvents } from './connection-events.js';
import type { ConnectionState } from './connection-state.js';
import { tell } from './diagnostics.js';
import { type Environment, systemEnvironment } from './environment.js';
import { ConnectionLostError, MessagesDroppedError, NotConnectedError, type SerpyErrorLike } from './errors.js';
import { Lifecycle } from './lifecycle.js';
import { Link, type LinkEnd } from './link.js';
import { addressOptions, type ConnectionSettings } from './options.js';
import { checkWait, noWait, type WaitOptions } from './pending.js';
import type { Outgoing, Protocol, ProtocolTypes, Received, Role, Session } from './protocol.js';
import { ReceiveQueue } from './receive-queue.js';
import { SendQueue } from './send-queue.js';
import { type ConnectionStats, Counters } from './stats.js';
import type { Address, Transport } from './transport.js';

/** Gives an accepted transport to a connection. For core's server; not part of the public interface. */
export let attachTransport: <T extends ProtocolTypes>(connection: Connection<T>, transport: Transport) => void;

/** The options of `sendData`: the protocol's own, and how long it may wait. */
export type SendOptions<T extends ProtocolTypes> = T['sendOptions'] & WaitOptions;

/** A session whose types nobody looks at: those of the public methods vouch for them. */
type AnySession = Session<unknown, object, Received, Outgoing>;

/** One connection to one peer. See the protocol packages for what can be sent. */
export class Connection<T extends ProtocolTypes> extends EventEmitter<ConnectionEvents> {
  static {
    attachTransport = (connection, transport) => connection.#lifecycle.accept(transport);
  }

  readonly #protocol: Protocol<ProtocolTypes>;
  readonly #environment: Environment;
  readonly #counters = new Counters();
  readonly #lifecycle: Lifecycle;
  readonly #inbox: ReceiveQueue;
  readonly #outbox: SendQueue<Outgoing>;
  /** What the session warned of during its last step, told when that is done. */
  readonly #untold: SerpyErrorLike[] = [];
  /** Codes of warnings that went to the process because nobody listened here. */
  readonly #warned = new Set<string>();
  #session: AnySession | undefined;
  #dropping = false;

  constructor(protocol: Protocol<T>, settings: ConnectionSettings, environment: Environment = systemEnvironment) {
    super();
    this.#protocol = protocol;
    this.#environment = environment;
    this.#inbox = new ReceiveQueue(settings.receiveQueue, environment.clock, (error) => {
      this.#counters.droppedReceiving++;
      if (error) this.#untold.push(error);
    });
    this.#outbox = new SendQueue(settings.sendQueue, environment.clock, {
      dropped: (error) => this.#droppedOutgoing(error),
      abandoned: (outgoing) => this.#session?.forget(outgoing),
    });
    this.#lifecycle = this.#createLifecycle(settings);
  }

  /** Where the connection stands. */
  get state(): ConnectionState {
    return this.#lifecycle.state;
  }

  /** The peer's address while a link is up. */
  get remote(): Address | undefined {
    return this.#lifecycle.link?.transport.remote;
  }

  /** This end's address while a link is up. */
  get local(): Address | undefined {
    return this.#lifecycle.link?.transport.local;
  }

  /** Why the connection is closed; undefined while it is not. */
  get closeInfo(): CloseInfo | undefined {
    return this.#lifecycle.closeInfo;
  }

  isConnected(): boolean {
    return this.#lifecycle.state === 'connected' && this.#lifecycle.link !== undefined;
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
    await this.#lifecycle.connect(address, options);
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
      this.#lifecycle.link?.pump();
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
      const received = this.#inbox.takeNow();
      if (received === undefined) return;
      this.#lifecycle.link?.roomInInbox();
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

  /** From now on, dials again when the link breaks. Throws `ERR_SERPY_CLOSED`, and `ERR_SERPY_OPTION` for a connection that was accepted. */
  enableRestart(): void {
    this.#lifecycle.enableRestart();
  }

  /** From now on, a broken link ends the connection. A dial that is under way or waited for is given up. */
  disableRestart(): void {
    this.#lifecycle.disableRestart();
  }

  stats(): ConnectionStats {
    return {
      ...this.#counters,
      connectedMs: this.#lifecycle.connectedMs,
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
    const closed = this.#lifecycle.close();
    if (this.state === 'closing') {
      this.#outbox.refuseBlocked(this.#lifecycle.closedError('sendData'));
      this.#inbox.closing();
      this.#lifecycle.link?.roomInInbox();
      this.#lifecycle.link?.pump();
    }
    return closed;
  }

  /** Closes at once. What was not sent is dropped, what waits is rejected with an `ERR_SERPY_CLOSED`, whose cause is `error`. */
  destroy(error?: Error): void {
    this.#lifecycle.destroy(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #createLifecycle(settings: ConnectionSettings): Lifecycle {
    const outbox = this.#outbox;
    return new Lifecycle(settings, this.#environment, {
      createLink: (transport, role, lost) => this.#createLink(transport, role, lost),
      connected: (info) => tell(this, 'connection', 'connect', info),
      disconnected: (info) => this.#disconnected(info),
      reconnecting: (info) => tell(this, 'connection', 'reconnecting', info),
      reconnected: (info) => {
        this.#counters.reconnects++;
        tell(this, 'connection', 'reconnect', info);
      },
      get unsentMessages() {
        return outbox.length;
      },
      closed: (info) => this.#closed(info),
    });
  }

  #createLink(transport: Transport, role: Role, lost: (end: LinkEnd) => void): Link {
    const counters = this.#counters;
    const inbox = this.#inbox;
    const session = this.#session ?? this.#createSession(role);
    this.#session = session;
    return new Link(
      transport,
      session,
      {
        nextOutgoing: () => {
          const outgoing = this.#outbox.next();
          if (outgoing !== undefined) counters.messagesSent++;
          return outgoing;
        },
        sentAll: () => {
          this.#dropping = false;
          if (this.#outbox.idle) this.#lifecycle.finish();
        },
        get inboxFull() {
          return inbox.full;
        },
        deliver: (received) => {
          counters.messagesReceived++;
          inbox.put(received);
        },
        counted: (receivedBytes) => {
          counters.bytesReceived += receivedBytes;
        },
        stepped: () => {
          if (this.#untold.length > 0) for (const error of this.#untold.splice(0)) this.#warn(error);
          if (session.canSend) this.#lifecycle.ready();
        },
        lost,
      },
      this.#environment.clock,
    );
  }

  #createSession(role: Role): AnySession {
    return this.#protocol.createSession(role, {
      write: (piece) => {
        this.#counters.bytesSent += piece.length;
        this.#lifecycle.link?.write(piece);
      },
      acknowledged: (outgoing) => this.#outbox.acknowledged(outgoing),
      warn: (error) => {
        this.#counters.badFrames++;
        this.#untold.push(error);
      },
    });
  }

  #sending(): AnySession {
    if (this.#lifecycle.ending) throw this.#lifecycle.closedError('sendData');
    if (this.state === 'idle') throw notConnected('sendData');
    // While the first dial is under way there is no session yet, but values must be turned into messages already.
    this.#session ??= this.#createSession('client');
    return this.#session;
  }

  #take(what: string, options: WaitOptions): Promise<Received> {
    if (this.state === 'idle') return Promise.reject(notConnected(what));
    const taken = this.#inbox.take(what, options);
    this.#lifecycle.link?.roomInInbox();
    return taken;
  }

  #iterate<R>(convert: (received: Received) => R): AsyncIterableIterator<R> {
    const done = { done: true, value: undefined } as const;
    return {
      next: () =>
        this.#take('for await', noWait).then(
          (received) => ({ done: false, value: convert(received) }),
          (error) => {
            if (this.#lifecycle.ending) return done;
            throw error;
          },
        ),
      return: () => Promise.resolve(done),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #disconnected(end: LinkEnd): void {
    const expected = end.reason === 'closed' || end.reason === 'reset' || end.error === undefined;
    if (!expected) this.#warn(end.error as SerpyErrorLike);
    tell(this, 'connection', 'disconnect', end);
  }

  #closed(info: CloseInfo): void {
    this.#inbox.close(() => this.#lifecycle.closedError('getData'));
    const unsent = this.#outbox.close(
      this.#lifecycle.closedError('sendData'),
      new ConnectionLostError(
        'the connection ended before the message was acknowledged: it may or may not have arrived',
        {
          cause: info.error,
        },
      ),
    );
    if (unsent > 0) {
      const text = `the connection ended with ${unsent} accepted message${unsent > 1 ? 's' : ''} not sent`;
      this.#warn(new MessagesDroppedError(text, unsent, { cause: info.error }));
    }
    tell(this, 'connection', 'close', info);
  }

  #droppedOutgoing(error: MessagesDroppedError): void {
    this.#counters.droppedSending++;
    if (!this.#dropping) this.#warn(error);
    this.#dropping = true;
  }

  #warn(error: SerpyErrorLike): void {
    if (tell(this, 'connection', 'warning', error) || this.#warned.has(error.code)) return;
    // Nobody listens: said once per kind where people look, instead of never.
    this.#warned.add(error.code);
    process.emitWarning(error.message, { type: error.name, code: error.code });
  }
}

function notConnected(what: string): NotConnectedError {
  return new NotConnectedError(`${what} was called before connect(): await connection.connect(host, port) first`);
}
