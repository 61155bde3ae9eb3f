/** A server for any protocol. Accepts clients up to its limits and keeps the list of the connections. */
import { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import { type CloseServerOptions, parseCloseServerOptions } from '../connection/close-options.js';
import {
  type Connection,
  checkHandler,
  type HandlerOf,
  internalsOf,
  setServerHandler,
} from '../connection/connection.js';
import { MessageIterator } from '../connection/message-iterator.js';
import type { RequestHandler } from '../connection/request-types.js';
import { emitEvent } from '../diagnostics.js';
import type { Environment } from '../environment.js';
import { OptionError, type SerpyErrorLike } from '../errors.js';
import { defaultWait, type WaitOptions } from '../options/wait-options.js';
import type { ProtocolTypes } from '../protocol/protocol.js';
import { handledRejection } from '../queue/deferred.js';
import type { Security } from '../security/security.js';
import { systemEnvironment } from '../system-environment.js';
import { type Address, addressGroup } from '../transport/address.js';
import type { Listener, Transport } from '../transport/transport.js';
import { AcceptQueue } from './accept-queue.js';
import { Admission } from './admission.js';
import { type BroadcastOptions, type BroadcastResult, broadcast } from './broadcast.js';
import { PartialMessageBudget } from './partial-message-budget.js';
import { refuse } from './refuse.js';
import { closedError, notStarted, partialBudgetError, rejectedError } from './server-errors.js';
import type { DropInfo, ServerEvents } from './server-events.js';
import { exposureWarning, type ListenSettings, listenSecurity, serverSecurityOf } from './server-security.js';

/** A started server, which has an address. */
export type Started<S> = S & { readonly address: Address };

export class Server<T extends ProtocolTypes, C extends Connection<T>> extends EventEmitter<ServerEvents<C>> {
  readonly #settings: ListenSettings;
  readonly #security: Security | undefined;
  readonly #createConnection: () => C;
  readonly #environment: Environment;
  readonly #admission: Admission<C>;
  readonly #partialBudget: PartialMessageBudget<C>;
  readonly #acceptQueue: AcceptQueue<C>;
  #requestHandler: HandlerOf<T, C> | undefined;
  #state: 'new' | 'starting' | 'listening' | 'closed' = 'new';
  #listener: Listener | undefined;
  /** Whether new clients are accepted, and not only clients that resume a session. */
  #acceptsNew = true;
  /** Whether a process warning has reported a rejected client, because the server has no listener for `warning`. */
  #refusalWarned = false;

  constructor(settings: ListenSettings, createConnection: () => C, environment: Environment = systemEnvironment) {
    super();
    this.#settings = settings;
    this.#security = serverSecurityOf(settings);
    this.#createConnection = createConnection;
    this.#environment = environment;
    this.#admission = new Admission<C>(
      settings,
      (connection) => internalsOf(connection).mayResume,
      (connection) => connection.stats().bytesReceived > 0,
    );
    this.#partialBudget = new PartialMessageBudget(settings.maxPartialMessageBytes, ({ remote }) =>
      addressGroup(remote?.host ?? ''),
    );
    this.#acceptQueue = new AcceptQueue(settings.maxConnections, environment.clock);
  }

  /** The address of the started server. With port 0 it contains the selected port. */
  get address(): Address | undefined {
    return this.#listener?.address;
  }

  /** The number of connected clients. A session without a link does not count, but its connection is in `getConnectionsList()`. */
  get size(): number {
    return this.getConnectionsList().filter((connection) => !internalsOf(connection).isAway).length;
  }

  /**
   * Starts to listen and resolves with this server.
   * @throws `ERR_SERPY_LISTEN` the port is in use or not allowed, `ERR_SERPY_INSECURE` other computers would reach it unprotected,
   * `ERR_SERPY_OPTION` started twice, `ERR_SERPY_CLOSED` after `close()`
   */
  async start(): Promise<Started<this>> {
    if (this.#state === 'closed') throw closedError('start');
    if (this.#state !== 'new') throw new OptionError('start() was called twice: a server starts once');
    const open = exposureWarning(this.#settings, this.#security);
    this.#state = 'starting';
    const { host, port, keepAliveMs } = this.#settings;
    const { clock } = this.#environment;
    let listener: Listener;
    try {
      listener = await this.#environment.listen({
        host,
        port,
        keepAliveMs,
        accept: (transport) => this.#accept(transport),
        failed: (error) => this.#warn(error),
        ...listenSecurity(this.#settings, this.#security, clock, {
          limited: (remote, reason) => this.#drop(remote, reason),
          failed: (error) => this.#peerRejected(error),
          knows: (host) => this.#admission.knows(host),
        }),
      });
    } catch (error) {
      if (!this.#isClosed()) this.#state = 'new';
      throw error;
    }
    if (this.#isClosed()) {
      listener.close();
      throw closedError('start');
    }
    this.#listener = listener;
    this.#state = 'listening';
    emitEvent(this, 'server', 'listening', listener.address);
    if (open) this.#warn(open);
    return this as Started<this>;
  }

  /**
   * The next connection: the first that was accepted and not returned yet, or the next to be accepted.
   * @throws `ERR_SERPY_TIMEOUT`, `ERR_SERPY_ABORTED`, `ERR_SERPY_CLOSED` the server is closed, `ERR_SERPY_NOT_CONNECTED` it was not started
   */
  async getConnection(options: WaitOptions = defaultWait): Promise<C> {
    if (this.#state === 'new') throw notStarted('getConnection');
    return this.#acceptQueue.take('getConnection', options, ({ connection }) => connection);
  }

  /** The current connections. A session without a link is among them in the state `reconnecting`: its client can resume it. */
  getConnectionsList(): C[] {
    return [...this.#admission.connections];
  }

  /**
   * Answers the requests of all clients, present and future, as `onRequest` of a connection, which has precedence; `undefined` removes it.
   * @throws `ERR_SERPY_OPTION` if `handler` is not a function
   */
  onRequest(handler: RequestHandler<T['value'], T['data'], T['message'], C> | undefined): void {
    checkHandler(handler);
    this.#requestHandler = handler;
    for (const connection of [...this.#admission.connections, ...this.#admission.pending])
      setServerHandler<T, C>(connection, handler);
  }

  /**
   * Sends a message to all connections, or to those that the options select, also to clients that are away and may resume their session. It is
   * encoded once and waits for no client: if the send queue of one is full, `slowPeers` decides. Resolves when it is queued.
   * @throws `ERR_SERPY_OPTION`, `ERR_SERPY_CLOSED`, `ERR_SERPY_NOT_CONNECTED`, and the errors of `sendData` for a value that cannot be encoded: then it is sent to
   * none. A message that is too large for one client is dropped for that one
   */
  broadcast(value: T['value'], options: BroadcastOptions<T, C> = {}): Promise<BroadcastResult> {
    try {
      if (this.#state === 'new') throw notStarted('broadcast');
      const connections = this.getConnectionsList();
      if (this.#isClosed() && connections.length === 0) return handledRejection(closedError('broadcast'));
      const result = broadcast<T, C>(value, options, connections, this.#createConnection);
      return new Promise((resolve) => this.#environment.clock.setImmediate(() => resolve(result))); // a loop of broadcasts must let the sockets send
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As `getConnectionsList()`: each has `peer`, `state` and `stats()`. */
  get connections(): C[] {
    return this.getConnectionsList();
  }

  /** The connections with unread messages. */
  readableConnections(): C[] {
    return this.getConnectionsList().filter((connection) => connection.isDataAvailable());
  }

  [Symbol.iterator](): IterableIterator<C> {
    return this.getConnectionsList()[Symbol.iterator]();
  }

  /** The connections as they are accepted, until the server is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<C> {
    const refusal = () => (this.#state === 'new' ? notStarted('for await') : undefined);
    return new MessageIterator(this.#acceptQueue, ({ connection }) => ({ done: false, value: connection }), refusal);
  }

  /** Stops accepting and frees the port. Connections stay open; the server cannot be started again. */
  async close(): Promise<void> {
    if (this.#isClosed()) return;
    this.#state = 'closed';
    this.#listener?.close();
    for (const connection of this.#admission.pending) connection.destroy();
    this.#acceptQueue.close(() => closedError('getConnection'));
    emitEvent(this, 'server', 'close', undefined);
  }

  /**
   * Closes the server and all connections, each after its queued messages are sent.
   * @param options.reason is sent to each client that has a session
   * @param options.waitForAway sessions without a link have `closeTimeoutMs` to be resumed; otherwise they are closed at once
   * @throws `ERR_SERPY_OPTION` for wrong options; then nothing is closed
   */
  async closeServer(options: CloseServerOptions = {}): Promise<void> {
    const { reason, waitForAway } = parseCloseServerOptions(options);
    this.#acceptsNew = false;
    if (!waitForAway) await this.close(); // otherwise the listener stays open for clients that resume
    await Promise.all(this.getConnectionsList().map((each) => internalsOf(each).close(reason, waitForAway)));
    await this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.closeServer();
  }

  /** The text that `console.log` prints. */
  [inspect.custom](): string {
    const where = this.address ? ` on ${this.address.host}:${this.address.port}` : '';
    return `Server (${this.#state}${where}, connections: ${this.size})`;
  }

  #accept(transport: Transport): void {
    if (this.#isClosed()) {
      transport.destroy();
      return;
    }
    const limit = this.#admission.limitFor(transport.remote);
    if (limit) {
      refuse(transport, this.#environment.clock);
      this.#drop(transport.remote, limit);
      return;
    }
    const connection = this.#createConnection();
    this.#admission.pending.add(connection);
    if (this.#requestHandler) setServerHandler<T, C>(connection, this.#requestHandler);
    internalsOf(connection).accept(transport, this.#hooks);
  }

  /** Shared by all connections: listeners of their own took 400 bytes each. */
  readonly #hooks = {
    onClose: (connection: C) => this.#closed(connection),
    onIdentified: (connection: C) => this.#identified(connection),
    onRejected: (connection: C, error: SerpyErrorLike) => this.#peerRejected(rejectedError(connection.remote, error)),
    onPartialBytes: (connection: C, bytes: number) => this.#partialBytesChanged(connection, bytes),
  };

  /** The connection is new: its client does not resume a session. */
  #identified(connection: C): void {
    this.#admission.pending.delete(connection);
    if (!this.#acceptsNew || this.#isClosed()) {
      connection.destroy();
      return;
    }
    const limit = this.#admission.limitForNew(connection);
    if (limit) {
      if (connection.remote) this.#drop(connection.remote, limit);
      connection.destroy();
      return;
    }
    if (connection.state !== 'closed') this.#admission.connections.add(connection);
    this.#acceptQueue.put({ connection, sizeBytes: 0 });
    emitEvent(this, 'server', 'connection', connection);
  }

  /** The memory for partially received messages of a connection has changed. */
  #partialBytesChanged(connection: C, bytes: number): void {
    this.#partialBudget.set(connection, bytes);
    for (;;) {
      const { bytes: sum } = this.#partialBudget;
      const most = this.#partialBudget.evictLargest();
      if (most === undefined) return;
      internalsOf(most).evict(partialBudgetError(sum, this.#settings.maxPartialMessageBytes));
    }
  }

  #closed(connection: C): void {
    this.#partialBudget.set(connection, 0);
    this.#admission.pending.delete(connection);
    this.#admission.connections.delete(connection);
    this.#acceptQueue.connectionClosed(connection);
  }

  #drop(remote: Address, reason: DropInfo['reason']): void {
    const info: DropInfo = { remote, reason, maxConnections: this.#settings.maxConnections };
    emitEvent(this, 'server', 'drop', info);
  }

  /** Without a listener, one process warning is printed: any program in the network could cause more. */
  #peerRejected(error: Error): void {
    if (this.#refusalWarned) emitEvent(this, 'server', 'warning', error);
    else this.#refusalWarned = !this.#warn(error);
  }

  /** @returns whether there was a listener */
  #warn(error: Error): boolean {
    const hadListener = emitEvent(this, 'server', 'warning', error);
    if (!hadListener) process.emitWarning(error);
    return hadListener;
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}
