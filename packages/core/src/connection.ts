/**
 * A connection as users see it, for every protocol. What is said and heard is its conversation's matter,
 * when there is a link its lifecycle's, what a link does with bytes the link's.
 */
import { EventEmitter } from 'node:events';
import { inspect, types } from 'node:util';
import type { CloseInfo, ConnectionEvents } from './connection-events.js';
import type { ConnectionState } from './connection-state.js';
import type { Conversation } from './conversation.js';
import { Coordinator } from './coordinator.js';
import { type Environment, systemEnvironment } from './environment.js';
import { NotConnectedError, OptionError, ValueError } from './errors.js';
import type { Lifecycle } from './lifecycle.js';
import { addressOptions, type ConnectionSettings } from './options.js';
import { checkWait, noWait, quietRejection, type WaitOptions } from './pending.js';
import type { Protocol, ProtocolTypes, Received } from './protocol.js';
import { securityOf } from './security.js';
import type { ConnectionStats } from './stats.js';
import type { Address, Transport } from './transport.js';

/**
 * Gives an accepted transport to a connection, which calls `closed` when it is over, before its listeners, and `decided` when it is known
 * that no connection from before comes back on it: mostly at once.
 * For core's server; not part of the public interface.
 */
export let attachTransport: <T extends ProtocolTypes, C extends Connection<T>>(
  connection: C,
  transport: Transport,
  closed: (connection: C) => void,
  decided: (connection: C) => void,
) => void;

/** The options of `sendData`: the protocol's own, and how long it may wait. */
export type SendOptions<T extends ProtocolTypes> = T['sendOptions'] & WaitOptions;

/** The options of `close`. */
export interface CloseOptions {
  /** Why, in words for the peer; at most 1,024 bytes of them arrive. */
  readonly reason?: string | undefined;
}

/** One connection to one peer. See the protocol packages for what can be sent. */
export class Connection<T extends ProtocolTypes> extends EventEmitter<ConnectionEvents> {
  static {
    attachTransport = (connection, transport, closed, decided) => {
      const coordinator = connection.#coordinator;
      coordinator.closedAtServer = closed as (connection: EventEmitter) => void;
      connection.#lifecycle.accept(transport);
      if (coordinator.undecided) coordinator.decideLater(() => decided(connection));
      else if (connection.state !== 'closed' || connection.isDataAvailable()) decided(connection);
    };
  }

  readonly #protocol: Protocol<ProtocolTypes>;
  readonly #coordinator: Coordinator;
  readonly #conversation: Conversation;
  readonly #lifecycle: Lifecycle;

  constructor(protocol: Protocol<T>, settings: ConnectionSettings, environment: Environment = systemEnvironment) {
    super();
    securityOf(settings); // throws where its parts exclude each other
    this.#protocol = protocol;
    this.#coordinator = new Coordinator(this, protocol, settings, environment);
    this.#conversation = this.#coordinator.conversation;
    this.#lifecycle = this.#coordinator.lifecycle;
  }

  /** Where the connection stands. */
  get state(): ConnectionState {
    return this.#lifecycle.state;
  }

  /** The peer's address: of the link, or of the last one there was. */
  get remote(): Address | undefined {
    return this.#lifecycle.ends?.remote;
  }

  /** This end's address: of the link, or of the last one there was. */
  get local(): Address | undefined {
    return this.#lifecycle.ends?.local;
  }

  /** Whether there is a link and it is encrypted, by a key or with certificates. */
  get encrypted(): boolean {
    return this.#lifecycle.link?.transport.encrypted ?? false;
  }

  /** What the peer of the link has proved: that it has the key, or the SHA-256 fingerprint of its certificate. Undefined without TLS or a link. */
  get identity(): string | undefined {
    return this.#lifecycle.link?.transport.identity;
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
    return this.#conversation.inbox.length > 0;
  }

  /**
   * Dials a peer and resolves with this connection once messages can be exchanged. When it rejects, it may be called again.
   * @throws `ERR_SERPY_CONNECT` nobody there, `ERR_SERPY_AUTH` the wrong one, `ERR_SERPY_TIMEOUT` after `timeoutMs`, `ERR_SERPY_ABORTED` by the signal,
   * `ERR_SERPY_CLOSED` when closed meanwhile, `ERR_SERPY_OPTION` for a wrong argument or a second call
   */
  async connect(host: string, port: number, options: WaitOptions = noWait): Promise<this> {
    checkWait(options);
    const address = { host: addressOptions.host.parse(host, 'host'), port: addressOptions.port.parse(port, 'port') };
    if (address.port === 0)
      throw new OptionError('connect takes a port from 1 to 65535: 0 is for a server that takes any');
    await this.#lifecycle.connect(address, options);
    return this;
  }

  /**
   * Sends a message. Resolves `true` once it is queued or, where an acknowledgement was asked for, acknowledged;
   * `false` when no acknowledgement came within `timeoutMs`, or when the full queue dropped it under `whenFull: 'drop-newest'`.
   * Large bytes (from 4 KiB on) are not copied: do not change them before they are sent. Where nobody awaits it, a rejection because the
   * connection is over does not end the program.
   * @throws `ERR_SERPY_QUEUE_FULL` the queue stayed full, `ERR_SERPY_CLOSED`, `ERR_SERPY_NOT_CONNECTED`, `ERR_SERPY_ABORTED`,
   * `ERR_SERPY_LOST` the link broke for good before the acknowledgement, `ERR_SERPY_TOO_LARGE`, and what the protocol cannot carry
   */
  sendData(value: T['value'], options: SendOptions<T> = noWait as SendOptions<T>): Promise<boolean> {
    try {
      if (this.#lifecycle.ending) return quietRejection(this.#lifecycle.closedError('sendData'));
      if (this.state === 'idle') throw notConnected('sendData');
      checkWait(options, this.#protocol.sendOptionNames);
      return this.#conversation.send(value, options);
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
    return this.take('getData', options, (received) => this.#protocol.data(received));
  }

  /** As `getData`, with everything that is known of the message. */
  getMessage(options: WaitOptions = noWait): Promise<T['message']> {
    return this.take('getMessage', options, (received) => this.#protocol.message(received));
  }

  /** The data that is there now. */
  *[Symbol.iterator](): IterableIterator<T['data']> {
    for (;;) {
      const received = this.#conversation.takeNow();
      if (received === undefined) return;
      yield this.#protocol.data(received);
    }
  }

  /** The data that comes, until the connection is closed, by either end, and nothing is left. Leaving the loop leaves the connection open. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T['data']> {
    const protocol = this.#protocol;
    return new Incoming(this.#coordinator, (received) => ({ done: false, value: protocol.data(received) }));
  }

  /** As `for await` over the connection, with everything that is known of each message. */
  messages(): AsyncIterableIterator<T['message']> {
    const protocol = this.#protocol;
    return new Incoming(this.#coordinator, (received) => ({ done: false, value: protocol.message(received) }));
  }

  /**
   * Hands the memory of a received message back, for messages of the same size to come: a receiver of large messages saves a third of
   * its CPU time and more. The bytes are empty afterwards, wherever the program still holds them, so nothing else may be at work with them.
   * Bytes below 4 KiB, views of others, and bytes that were sent on with `sendData` stay as they are.
   * @throws `ERR_SERPY_VALUE` for what is not bytes
   */
  release(data: Uint8Array): void {
    if (!types.isUint8Array(data))
      throw new ValueError("release takes the Buffer that getData gave, or a message's value");
    this.#conversation.release(data);
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
    return this.#conversation.stats(this.#lifecycle.connectedMs);
  }

  /**
   * Sends what is queued, waits for acknowledgements that are due, says goodbye, and closes; after `closeTimeoutMs` at once.
   * Without a link it closes at once. What was received and not taken can still be taken. Never rejects.
   * @param options.reason is told to the peer, where there is a session: its `closeInfo.peerReason`
   */
  close({ reason = '' }: CloseOptions = {}): Promise<void> {
    const closed = this.#lifecycle.close(reason);
    if (this.state === 'closing') this.#conversation.finishUp(this.#lifecycle.closedError('sendData'));
    return closed;
  }

  /** Closes at once. What was not sent is dropped, what waits is rejected with an `ERR_SERPY_CLOSED`, whose cause is `error`. */
  destroy(error?: Error): void {
    this.#lifecycle.destroy(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What `console.log` shows of it. */
  [inspect.custom](): string {
    const { remote } = this;
    return `Connection (${this.#protocol.name}, ${this.state}${remote ? `, peer ${remote.host}:${remote.port}` : ''})`;
  }

  /** The next message as `convert` makes it, for what a protocol gives besides; it is taken even where `convert` throws. */
  protected take<R>(what: string, options: WaitOptions, convert: (received: T['received']) => R): Promise<R> {
    if (this.state === 'idle') return Promise.reject(notConnected(what));
    return this.#conversation.take(what, options, convert);
  }
}

/** What `for await` runs over. */
class Incoming<R> implements AsyncIterableIterator<R> {
  readonly #coordinator: Coordinator;
  readonly #result: (received: Received) => IteratorResult<R>;

  constructor(coordinator: Coordinator, result: (received: Received) => IteratorResult<R>) {
    this.#coordinator = coordinator;
    this.#result = result;
  }

  /** To wait costs one promise, as what is there does. */
  next(): Promise<IteratorResult<R>> {
    const { conversation, lifecycle } = this.#coordinator;
    const received = conversation.takeNow();
    if (received !== undefined) return Promise.resolve(this.#result(received));
    if (lifecycle.state === 'idle') return Promise.reject(notConnected('for await'));
    return conversation.take('for await', noWait, this.#result, ended);
  }

  return(): Promise<IteratorResult<R>> {
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const done = Object.freeze({ done: true, value: undefined });

function ended() {
  return done;
}

function notConnected(what: string): NotConnectedError {
  return new NotConnectedError(`${what} was called before connect(): await connection.connect(host, port) first`);
}
