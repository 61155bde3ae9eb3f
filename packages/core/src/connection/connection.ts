/**
 * A connection as users see it, for every protocol. What is said and heard is its conversation's matter,
 * when there is a link its lifecycle's, what a link does with bytes the link's.
 */
import { EventEmitter } from 'node:events';
import { inspect, types } from 'node:util';
import type { Environment } from '../environment.js';
import { OptionError, type SerpyErrorLike, ValueError } from '../errors.js';
import { option } from '../options/option.js';
import { checkNames } from '../options/option-names.js';
import { checkWaitOptions, defaultWait, type WaitOptions } from '../options/wait-options.js';
import type { InboundMessage } from '../protocol/message.js';
import type { Protocol, ProtocolTypes } from '../protocol/protocol.js';
import { handledRejection } from '../queue/deferred.js';
import type { ByteSource } from '../streams/byte-source.js';
import type { ReceivedStream } from '../streams/inbound-stream.js';
import type { SendStreamOptions } from '../streams/stream-manager.js';
import { systemEnvironment } from '../system-environment.js';
import type { Address } from '../transport/address.js';
import type { Transport } from '../transport/transport.js';
import type { Channel } from './channel.js';
import { type CloseOptions, parseCloseReason } from './close-options.js';
import { notConnected } from './connection-errors.js';
import type { CloseInfo, ConnectionEvents } from './connection-events.js';
import { addressOptions, type ConnectionSettings } from './connection-options.js';
import type { ConnectionState } from './connection-state.js';
import { Coordinator } from './coordinator.js';
import type { Lifecycle } from './lifecycle.js';
import { MessageIterator } from './message-iterator.js';
import type { ConnectionStats } from './stats.js';
import {
  type ConnectionLike,
  type MessageDuplex,
  type StreamOptions,
  toNodeDuplex,
  toWebStreams,
  type WebStreams,
} from './stream-adapters.js';

/** What a server is told of the connections that it accepted. */
export interface ServerHooks<C> {
  /** It is over. Told before its listeners. */
  readonly onClose: (connection: C) => void;
  /** It is known that no connection from before comes back on it: mostly at once. */
  readonly onIdentified: (connection: C) => void;
  /** It has ended before that was known, and why. */
  readonly onRejected: (connection: C, error: SerpyErrorLike) => void;
  /** So much memory is held for messages that have come in part. */
  readonly onPartialBytes: (connection: C, bytes: number) => void;
}

/** Gives an accepted transport to a connection. This and what follows is for core's server; not part of the public interface. */
export let attachTransport: <T extends ProtocolTypes, C extends Connection<T>>(
  connection: C,
  transport: Transport,
  owner: ServerHooks<C>,
) => void;

/** Whether the peer may come back to this connection on another link. */
export let mayResume: (connection: Connection<ProtocolTypes>) => boolean;

/** Ends a connection whose peer has asked for too much. */
export let evict: (connection: Connection<ProtocolTypes>, error: Error) => void;

/** Whether its peer is away: it has no link. */
export let isAway: (connection: Connection<ProtocolTypes>) => boolean;

/** The same as `close`, but whether it waits for a peer that is away is said. */
export let closeWaiting: (
  connection: Connection<ProtocolTypes>,
  reason: string,
  waitsForPeer: boolean,
) => Promise<void>;

/** The options of `sendData`: the protocol's own, and how long it may wait. */
export type SendOptions<T extends ProtocolTypes> = T['sendOptions'] & WaitOptions;

/** One connection to one peer. See the protocol packages for what can be sent. */
export class Connection<T extends ProtocolTypes> extends EventEmitter<ConnectionEvents> {
  static {
    attachTransport = (connection, transport, owner) => {
      const coordinator = connection.#coordinator;
      coordinator.closedAtServer = owner.onClose as (connection: EventEmitter) => void;
      coordinator.strangerAtServer = owner.onRejected as (connection: EventEmitter, error: SerpyErrorLike) => void;
      coordinator.heldAtServer = owner.onPartialBytes as (connection: EventEmitter, bytes: number) => void;
      connection.#lifecycle.accept(transport);
      if (coordinator.undecided) coordinator.decideLater(() => owner.onIdentified(connection));
      else if (connection.state !== 'closed' || connection.isDataAvailable()) owner.onIdentified(connection);
    };
    mayResume = (connection) => (connection.#channel.resumable?.resumableMs ?? 0) > 0;
    evict = (connection, error) => connection.#lifecycle.evict(error);
    isAway = (connection) => connection.#lifecycle.link === undefined;
    closeWaiting = (connection, reason, waitsForPeer) => connection.#close(reason, waitsForPeer);
  }

  readonly #protocol: Protocol<ProtocolTypes>;
  readonly #coordinator: Coordinator;
  readonly #channel: Channel;
  readonly #lifecycle: Lifecycle;

  constructor(protocol: Protocol<T>, settings: ConnectionSettings, environment: Environment = systemEnvironment) {
    super();
    this.#protocol = protocol;
    this.#coordinator = new Coordinator(this, protocol, settings, environment);
    this.#channel = this.#coordinator.conversation;
    this.#lifecycle = this.#coordinator.lifecycle;
  }

  /** Where the connection stands. */
  get state(): ConnectionState {
    return this.#lifecycle.state;
  }

  /** The peer's address: of the link, or of the last one there was. */
  get remote(): Address | undefined {
    return this.#lifecycle.endpoints?.remote;
  }

  /** This end's address: of the link, or of the last one there was. */
  get local(): Address | undefined {
    return this.#lifecycle.endpoints?.local;
  }

  /** Whether there is a link and it is encrypted, by a key or with certificates. */
  get encrypted(): boolean {
    return this.#lifecycle.link?.transport.encrypted ?? false;
  }

  /** What the peer of the link has proved: that it has the key, or the SHA-256 fingerprint of its certificate. Undefined without TLS or a link. */
  get identity(): string | undefined {
    return this.#lifecycle.link?.transport.identity;
  }

  /** The protocol that is spoken with the peer, for one that is found out: undefined until it is. */
  get peerProtocol(): string | undefined {
    return this.state === 'idle' ? undefined : this.#channel.protocolName;
  }

  /** Whether there is a link and it is in a session: messages are numbered, acknowledged, and outlive the link. */
  get inSession(): boolean {
    return this.#channel.resumable?.flowControlled ?? false;
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
    return this.#channel.inbox.length > 0;
  }

  /**
   * Dials a peer and resolves with this connection once messages can be exchanged. When it rejects, it may be called again.
   * @throws `ERR_SERPY_CONNECT` nobody there, `ERR_SERPY_AUTH` the wrong one, `ERR_SERPY_TIMEOUT` after `timeoutMs`, `ERR_SERPY_ABORTED` by the signal,
   * `ERR_SERPY_CLOSED` when closed meanwhile, `ERR_SERPY_OPTION` for a wrong argument or a second call
   */
  async connect(host: string, port: number, options: WaitOptions = defaultWait): Promise<this> {
    checkWaitOptions(options);
    const address = { host: addressOptions.host.parse(host, 'host'), port: addressOptions.port.parse(port, 'port') };
    if (address.port === 0)
      throw new OptionError('connect takes a port from 1 to 65535: 0 is for a server that takes any');
    await this.#lifecycle.connect(address, options);
    return this;
  }

  /**
   * Sends a message. Resolves `true` once it is queued or, where an acknowledgement was asked for, acknowledged;
   * `false` when no acknowledgement came within `timeoutMs`, or when it was dropped: by the full queue under
   * `whenFull: 'drop-newest'`, or as there is no link under `whenOffline: 'drop'`.
   * Large bytes (from 4 KiB on) are not copied: do not change them before they are sent. Where nobody awaits it, a rejection because the
   * connection is over does not end the program.
   * @throws `ERR_SERPY_QUEUE_FULL` the queue stayed full, `ERR_SERPY_CLOSED`, `ERR_SERPY_NOT_CONNECTED`, `ERR_SERPY_ABORTED`,
   * `ERR_SERPY_LOST` the link broke for good before the acknowledgement, `ERR_SERPY_TOO_LARGE`, and what the protocol cannot carry
   */
  sendData(value: T['value'], options: SendOptions<T> = defaultWait as SendOptions<T>): Promise<boolean> {
    try {
      if (this.#lifecycle.ending) return handledRejection(this.#lifecycle.closedError('sendData'));
      if (this.state === 'idle') throw notConnected('sendData');
      checkWaitOptions(options, this.#protocol.sendOptionNames);
      return this.#channel.send(value, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The next message's data: one that is there, or the next to come. Calls are served in order.
   * @throws `ERR_SERPY_TIMEOUT` nothing came within `timeoutMs`, `ERR_SERPY_CLOSED` nothing is left and nothing will come,
   * `ERR_SERPY_ABORTED`, `ERR_SERPY_NOT_CONNECTED`
   */
  getData(options: WaitOptions = defaultWait): Promise<T['data']> {
    return this.consume('getData', options, (received) => this.#protocol.data(received));
  }

  /** As `getData`, with everything that is known of the message. */
  getMessage(options: WaitOptions = defaultWait): Promise<T['message']> {
    return this.consume('getMessage', options, (received) => this.#protocol.message(received));
  }

  /**
   * Sends bytes as a stream, which need not fit into memory: in parts, between which other messages go their way. Needs a session (v2, with
   * the handshake at both ends). Resolves `true` when all of it has arrived at the peer, whose program has not stopped it until then;
   * whether it has read all of that, only the program there can tell. Rejects as soon as there is a reason to, also while `source` gives
   * nothing; `source` is destroyed then, unless it is the arguments that are wrong.
   * @throws `ERR_SERPY_OPTION` without a session, `ERR_SERPY_LOST` the session was lost on the way, `ERR_SERPY_STREAM_CANCELLED` the program at the peer
   * destroyed its stream, or could not go on with it, `ERR_SERPY_VALUE` the stream is none of bytes or has another size than `sizeBytes`,
   * `ERR_SERPY_DROPPED` and `ERR_SERPY_QUEUE_FULL` where the send queue's `whenFull` is not `'block'`, `ERR_SERPY_ABORTED`, `ERR_SERPY_CLOSED`
   * also by `close()` here, `ERR_SERPY_NOT_CONNECTED`, and what the stream itself fails with
   */
  sendStream(source: ByteSource, options: SendStreamOptions = {}): Promise<boolean> {
    let refused: Error | undefined = this.state === 'idle' ? notConnected('sendStream') : undefined;
    if (this.#lifecycle.ending) refused = this.#lifecycle.closedError('sendStream');
    return this.#channel.streams.send(source, options, refused);
  }

  /**
   * The next stream that the peer sends, as soon as it begins. A stream that is not read holds the peer's other messages back as
   * soon as the receive queue's bounds are reached; to destroy it tells the sender to stop.
   * @throws as `getData` does; the stream itself fails with `ERR_SERPY_TRUNCATED` when it ends before it is whole
   */
  async getStream(options: WaitOptions = defaultWait): Promise<ReceivedStream> {
    if (this.state === 'idle') throw notConnected('getStream');
    return await this.#channel.streams.get(options);
  }

  /** The data that is there now. */
  *[Symbol.iterator](): IterableIterator<T['data']> {
    for (;;) {
      const received = this.#channel.takeNow();
      if (received === undefined) return;
      yield this.#protocol.data(received);
    }
  }

  /** The data that comes, until the connection is closed, by either end, and nothing is left. Leaving the loop leaves the connection open. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T['data']> {
    const protocol = this.#protocol;
    return this.#messageIterator((received) => protocol.data(received));
  }

  /** As `for await` over the connection, with everything that is known of each message. */
  messages(): AsyncIterableIterator<T['message']> {
    const protocol = this.#protocol;
    return this.#messageIterator((received) => protocol.message(received));
  }

  /**
   * The connection as a `Duplex` of Node in object mode: what arrives is read from it, what is written to it is sent, with back-pressure both
   * ways. It ends when the connection is closed, and fails when that breaks off (`ERR_SERPY_CLOSED`). `end()` sends what is queued and closes
   * the connection, `destroy()` closes it at once, and so does a value that cannot be sent.
   * @throws `ERR_SERPY_NOT_CONNECTED` before `connect()`, `ERR_SERPY_OPTION`
   */
  toDuplex(options?: StreamOptions<T['sendOptions']> & { messages?: false }): MessageDuplex<T['data'], T['value']>;
  toDuplex(options: StreamOptions<T['sendOptions']> & { messages: true }): MessageDuplex<T['message'], T['value']>;
  toDuplex(options: StreamOptions<T['sendOptions']> = {}): unknown {
    return toNodeDuplex(this.#connectionLike('toDuplex', options));
  }

  /**
   * The same as a pair of web streams. To close the writable one, or to cancel the readable one, closes the connection; to abort the
   * writable one closes it at once.
   * @throws `ERR_SERPY_NOT_CONNECTED` before `connect()`, `ERR_SERPY_OPTION`
   */
  toWeb(options?: StreamOptions<T['sendOptions']> & { messages?: false }): WebStreams<T['data'], T['value']>;
  toWeb(options: StreamOptions<T['sendOptions']> & { messages: true }): WebStreams<T['message'], T['value']>;
  toWeb(options: StreamOptions<T['sendOptions']> = {}): unknown {
    return toWebStreams(this.#connectionLike('toWeb', options));
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
    this.#channel.release(data);
  }

  /**
   * From now on, connects again when the link breaks, and goes on with its session where there is one: the server is told. In a listener of
   * `disconnect` it is too late for that, and the next link begins another session. Throws `ERR_SERPY_CLOSED`, and `ERR_SERPY_OPTION` for a
   * connection that was accepted.
   */
  enableRestart(): void {
    this.#lifecycle.enableRestart();
  }

  /** From now on, a broken link ends the connection, and the server of a session does not keep it: it is told. An attempt to connect that is under way or waited for is given up. */
  disableRestart(): void {
    this.#lifecycle.disableRestart();
  }

  stats(): ConnectionStats {
    return this.#channel.stats(this.#lifecycle.connectedMs);
  }

  /**
   * Sends what is queued, waits for acknowledgements that are due, says goodbye, and closes; after `closeTimeoutMs` at once.
   * Without a link it closes at once. What was received and not taken can still be taken.
   * @param options.reason is told to the peer, where there is a session: its `closeInfo.peerReason`. That of the first call counts
   * @throws `ERR_SERPY_OPTION` for wrong options, and then nothing has happened; nothing else
   */
  close(options: CloseOptions = {}): Promise<void> {
    let reason: string;
    try {
      reason = parseCloseReason(options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#close(reason, true);
  }

  #close(reason: string, waitsForPeer: boolean): Promise<void> {
    const closed = this.#lifecycle.close(reason, waitsForPeer);
    if (this.state === 'closing') this.#channel.startClosing((what) => this.#lifecycle.closedError(what));
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
  protected consume<R>(what: string, options: WaitOptions, convert: (received: T['received']) => R): Promise<R> {
    if (this.state === 'idle') return Promise.reject(notConnected(what));
    return this.#channel.take(what, options, convert);
  }

  #messageIterator<R>(
    convert: (received: InboundMessage) => R,
    wait?: WaitOptions,
  ): MessageIterator<InboundMessage, R> {
    const refusal = () => (this.state === 'idle' ? notConnected('for await') : undefined);
    return new MessageIterator(this.#channel, (received) => ({ done: false, value: convert(received) }), refusal, wait);
  }

  #connectionLike(what: string, options: StreamOptions<T['sendOptions']>): ConnectionLike<unknown, T['value']> {
    if (this.state === 'idle') throw notConnected(what);
    checkNames(options, ['messages', 'send']);
    const { messages = false, send = defaultWait } = options;
    option.flag(false).parse(messages, 'messages');
    checkWaitOptions(send, this.#protocol.sendOptionNames);
    const convert = (received: InboundMessage) =>
      messages ? this.#protocol.message(received) : this.#protocol.data(received);
    const connection = this;
    return {
      get closeInfo() {
        return connection.closeInfo;
      },
      messages: (signal) => this.#messageIterator(convert, { signal }),
      send: (value) => this.sendData(value, send as SendOptions<T>),
      close: (reason) => this.close({ reason }),
      destroy: (error) => this.destroy(error),
    };
  }
}
