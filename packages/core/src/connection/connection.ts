/** The public interface of a connection, for every protocol. `Channel` exchanges its messages, `Lifecycle` connects and closes it. */
import { EventEmitter } from 'node:events';
import { inspect, types } from 'node:util';
import { describeValue } from '../describe-value.js';
import type { Environment } from '../environment.js';
import { OptionError, ValueError } from '../errors.js';
import { checkAbout } from '../options/about-option.js';
import { option } from '../options/option.js';
import { checkNames } from '../options/option-names.js';
import {
  checkSendOptions,
  checkWaitOptions,
  defaultWait,
  type SendWaitOptions,
  type WaitOptions,
} from '../options/wait-options.js';
import type { InboundMessage } from '../protocol/message.js';
import type { Protocol, ProtocolTypes } from '../protocol/protocol.js';
import { handledRejection } from '../queue/deferred.js';
import type { CallHandler } from '../requests/request-handler.js';
import type { ByteSource } from '../streams/byte-source.js';
import type { ReceivedStream } from '../streams/inbound-stream.js';
import type { SendStreamOptions } from '../streams/stream-manager.js';
import { systemEnvironment } from '../system-environment.js';
import type { Address } from '../transport/address.js';
import type { Channel } from './channel.js';
import { type CloseOptions, parseCloseReason } from './close-options.js';
import { notConnected } from './connection-errors.js';
import type { CloseInfo, ConnectionEvents } from './connection-events.js';
import type { ConnectionInternals } from './connection-internals.js';
import { addressOptions, type ConnectionSettings } from './connection-options.js';
import type { ConnectionState } from './connection-state.js';
import { HandlerInfo } from './handler-info.js';
import { Lifecycle } from './lifecycle.js';
import { MessageIterator } from './message-iterator.js';
import { Notifier } from './notifier.js';
import type { PeerInfo } from './peer-info.js';
import type { RequestHandler, RequestOptions } from './request-types.js';
import type { ConnectionStats } from './stats.js';
import {
  type ConnectionLike,
  type MessageDuplex,
  type StreamOptions,
  toNodeDuplex,
  toWebStreams,
  type WebStreams,
} from './stream-adapters.js';

/** Gives core's server the internals of a connection that it has accepted. Not part of the public interface. */
export let internalsOf: (connection: Connection<ProtocolTypes>) => ConnectionInternals;

/** Gives a connection the handler of its server. Not part of the public interface. */
export let setServerHandler: <T extends ProtocolTypes, C extends Connection<T>>(
  connection: C,
  handler: HandlerOf<T, C> | undefined,
) => void;

/** The handler of requests of a protocol. */
export type HandlerOf<T extends ProtocolTypes, C> = RequestHandler<T['value'], T['data'], T['message'], C>;

/** The options of `sendData`: those of the protocol, how long it may wait, and how long the message is of use. */
export type SendOptions<T extends ProtocolTypes> = T['sendOptions'] & SendWaitOptions;

/** A connection to one peer. The protocol packages document which values can be sent. */
export class Connection<T extends ProtocolTypes> extends EventEmitter<ConnectionEvents> {
  static {
    internalsOf = (connection) => connection.#lifecycle;
    setServerHandler = (connection, handler) => connection.#setHandler(handler, 'server');
  }

  readonly #protocol: Protocol<ProtocolTypes>;
  readonly #lifecycle: Lifecycle;
  readonly #channel: Channel;

  constructor(protocol: Protocol<T>, settings: ConnectionSettings, environment: Environment = systemEnvironment) {
    super();
    this.#protocol = protocol;
    const notifier = new Notifier(this, environment.clock);
    this.#lifecycle = new Lifecycle(protocol, settings, environment, notifier);
    this.#channel = this.#lifecycle.channel;
  }

  /** The state of the connection. */
  get state(): ConnectionState {
    return this.#lifecycle.state;
  }

  /** The peer's address, on the current or the last link. */
  get remote(): Address | undefined {
    return this.#lifecycle.endpoints?.remote;
  }

  /** This end's address, on the current or the last link. */
  get local(): Address | undefined {
    return this.#lifecycle.endpoints?.local;
  }

  /** Whether there is a link that is encrypted, with a key or with certificates. */
  get encrypted(): boolean {
    return this.#lifecycle.link?.transport.encrypted ?? false;
  }

  /** How the peer has authenticated: by the key, or the SHA-256 fingerprint of its certificate. Undefined without TLS or a link. */
  get identity(): string | undefined {
    return this.#lifecycle.link?.transport.identity;
  }

  /** The protocol of the peer. Undefined until it is detected. */
  get peerProtocol(): string | undefined {
    return this.state === 'idle' ? undefined : this.#channel.protocolName;
  }

  /** What is known of the peer. The name is what the peer says, and proves nothing: `identity` does. */
  get peer(): PeerInfo {
    const { peerProtocol: protocol, remote: address } = this;
    return { name: this.#channel.resumable?.peerName, protocol, address };
  }

  /** Whether there is a link in a session: messages are numbered and acknowledged, and outlive the link. */
  get inSession(): boolean {
    return this.#channel.resumable?.flowControlled ?? false;
  }

  /** Why the connection closed; undefined until it has. */
  get closeInfo(): CloseInfo | undefined {
    return this.#lifecycle.closeInfo;
  }

  isConnected(): boolean {
    return this.#lifecycle.state === 'connected' && this.#lifecycle.link !== undefined;
  }

  /** Whether `getData` would resolve at once. */
  isDataAvailable(): boolean {
    return this.#channel.inbox.length > 0;
  }

  /**
   * Connects to a peer and resolves with this connection once messages can be exchanged. If it rejects, it may be called again.
   * @throws `ERR_SERPY_CONNECT` no connection was established, `ERR_SERPY_AUTH` authentication failed, `ERR_SERPY_TIMEOUT` after `timeoutMs`,
   * `ERR_SERPY_ABORTED` by the signal, `ERR_SERPY_CLOSED` the connection was closed meanwhile, `ERR_SERPY_OPTION` a wrong argument or a second call
   */
  async connect(host: string, port: number, options: WaitOptions = defaultWait): Promise<this> {
    checkWaitOptions(options);
    const address = { host: addressOptions.host.parse(host, 'host'), port: addressOptions.port.parse(port, 'port') };
    if (address.port === 0)
      throw new OptionError(
        'connect takes a port from 1 to 65535: port 0 is for servers, which then use any free port',
      );
    await this.#lifecycle.connect(address, options);
    return this;
  }

  /**
   * Sends a message. Resolves `true` once it is queued or, if an acknowledgement was requested, acknowledged. With `signal` or `expiresMs` it waits
   * until the message is handed to the TCP connection: until then the signal withdraws it, and after `expiresMs` it is dropped.
   * Resolves `false` if it expired, if no acknowledgement came within `timeoutMs`, if the full queue dropped it (`whenFull: 'drop-newest'`), or if
   * it was dropped as there is no link (`whenOffline: 'drop'`). Bytes of 4 KiB or more are not copied: do not change them before they are sent. If the promise is not
   * awaited, a rejection because the connection closed does not end the program.
   * @throws `ERR_SERPY_QUEUE_FULL` the queue stayed full, `ERR_SERPY_CLOSED`, `ERR_SERPY_NOT_CONNECTED`, `ERR_SERPY_ABORTED`,
   * `ERR_SERPY_LOST` the connection ended before the acknowledgement, `ERR_SERPY_TOO_LARGE`, and errors for values that the protocol cannot encode
   */
  sendData(value: T['value'], options: SendOptions<T> = defaultWait as SendOptions<T>): Promise<boolean> {
    try {
      if (this.#lifecycle.ending) return handledRejection(this.#lifecycle.closedError('sendData'));
      if (this.#lifecycle.state === 'idle') throw notConnected('sendData');
      if (options !== defaultWait) {
        checkSendOptions(options, this.#protocol.sendOptionNames);
        checkAbout(options);
      }
      return this.#channel.send(value, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The data of the next message, which has arrived or is the next to arrive. Concurrent calls receive messages in the order of the calls.
   * @throws `ERR_SERPY_TIMEOUT` no message within `timeoutMs`, `ERR_SERPY_CLOSED` no message is left and the connection is closed,
   * `ERR_SERPY_ABORTED`, `ERR_SERPY_NOT_CONNECTED`
   */
  getData(options: WaitOptions = defaultWait): Promise<T['data']> {
    return this.consume('getData', options, (received) => this.#protocol.data(received));
  }

  /** As `getData`, but with the metadata of the message. */
  getMessage(options: WaitOptions = defaultWait): Promise<T['message']> {
    return this.consume('getMessage', options, (received) => this.#protocol.message(received));
  }

  /**
   * Sends a request and resolves with the answer. In a session, requests and answers travel beside messages and streams, many at the same time;
   * a request is executed once, also if the link breaks. Without a session, requests are sent one after the other, and the answer is the next
   * message that arrives. No option drops requests or answers.
   * @throws `ERR_SERPY_TIMEOUT` no answer within `timeoutMs` (10 s by default), `ERR_SERPY_REQUEST_FAILED` the handler at the peer failed,
   * `ERR_SERPY_LOST` the connection was lost after the request was sent, `ERR_SERPY_OUT_OF_STEP` an earlier answer may still come,
   * `ERR_SERPY_QUEUE_FULL` 1,024 requests are open, `ERR_SERPY_CLOSED`, `ERR_SERPY_NOT_CONNECTED`, `ERR_SERPY_ABORTED`, and errors for values
   * that the protocol cannot encode
   */
  request(value: T['value'], options: RequestOptions = defaultWait): Promise<T['data']> {
    return this.#ask(value, options, (received) => this.#protocol.data(received));
  }

  /** As `request`, but with the metadata of the answer. */
  requestMessage(value: T['value'], options: RequestOptions = defaultWait): Promise<T['message']> {
    return this.#ask(value, options, (received) => this.#protocol.message(received));
  }

  /**
   * Answers the requests of the peer with a function; `undefined` removes it. It precedes the function of the server. Without a session, each
   * message that arrives is a request, and they are answered one after the other. In a session, at most 256 run at the same time, and a request
   * waits 1 s for `onRequest` before it fails.
   * @throws `ERR_SERPY_OPTION` if `handler` is not a function
   */
  onRequest(handler: RequestHandler<T['value'], T['data'], T['message'], this> | undefined): void {
    checkHandler(handler);
    this.#setHandler(handler, 'connection');
  }

  /**
   * Sends bytes as a stream, which need not fit into memory. The stream travels in parts, with other messages between them. Needs a session
   * (v2, with sessions at both ends). Resolves `true` when all of it has arrived and the receiver has not canceled it before. The receiving
   * program may not have read all of it yet. Rejects at the first failure, even while `source` yields nothing, and destroys `source` then.
   * Wrong arguments leave `source` alone.
   * @throws `ERR_SERPY_OPTION` without a session, `ERR_SERPY_LOST` the session was lost meanwhile, `ERR_SERPY_STREAM_CANCELLED` the receiving
   * program destroyed its stream or its stream failed, `ERR_SERPY_VALUE` the stream yields something other than bytes or differs from `sizeBytes`,
   * `ERR_SERPY_DROPPED` and `ERR_SERPY_QUEUE_FULL` if the send queue's `whenFull` is not `'block'`, `ERR_SERPY_ABORTED`, `ERR_SERPY_CLOSED`
   * also by `close()` here, `ERR_SERPY_NOT_CONNECTED`, and the errors of `source`
   */
  sendStream(source: ByteSource, options: SendStreamOptions = {}): Promise<boolean> {
    let refused: Error | undefined = this.state === 'idle' ? notConnected('sendStream') : undefined;
    if (this.#lifecycle.ending) refused = this.#lifecycle.closedError('sendStream');
    return this.#channel.streams.send(source, options, refused);
  }

  /**
   * The next stream from the peer, as soon as it begins. A stream that is not read throttles the peer's other messages once the bounds of the
   * receive queue are reached. Destroying it cancels it at the sender.
   * @throws as `getData`; the stream itself fails with `ERR_SERPY_TRUNCATED` if it ends before it is complete
   */
  async getStream(options: WaitOptions = defaultWait): Promise<ReceivedStream> {
    if (this.state === 'idle') throw notConnected('getStream');
    return await this.#channel.streams.get(options);
  }

  /** The data that has arrived. */
  *[Symbol.iterator](): IterableIterator<T['data']> {
    for (;;) {
      const received = this.#channel.takeNow();
      if (received === undefined) return;
      yield this.#protocol.data(received);
    }
  }

  /** The data as it arrives, until either end has closed the connection and no message is left. Leaving the loop does not close the connection. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T['data']> {
    const protocol = this.#protocol;
    return this.#messageIterator((received) => protocol.data(received));
  }

  /** As `for await` over the connection, but with the metadata of each message. */
  messages(): AsyncIterableIterator<T['message']> {
    const protocol = this.#protocol;
    return this.#messageIterator((received) => protocol.message(received));
  }

  /**
   * The connection as a `Duplex` of Node in object mode, with back-pressure in both directions. It ends when the connection is closed and fails
   * with `ERR_SERPY_CLOSED` when it breaks. `end()` sends what is queued and closes the connection. `destroy()` closes it at once, and so
   * does a value that cannot be sent.
   * @throws `ERR_SERPY_NOT_CONNECTED` before `connect()`, `ERR_SERPY_OPTION`
   */
  toDuplex(options?: StreamOptions<T['sendOptions']> & { messages?: false }): MessageDuplex<T['data'], T['value']>;
  toDuplex(options: StreamOptions<T['sendOptions']> & { messages: true }): MessageDuplex<T['message'], T['value']>;
  toDuplex(options: StreamOptions<T['sendOptions']> = {}): unknown {
    return toNodeDuplex(this.#connectionLike('toDuplex', options));
  }

  /**
   * The connection as a pair of web streams, like `toDuplex`. Closing the writable stream or canceling the readable one closes the connection.
   * Aborting the writable stream closes it at once.
   * @throws `ERR_SERPY_NOT_CONNECTED` before `connect()`, `ERR_SERPY_OPTION`
   */
  toWeb(options?: StreamOptions<T['sendOptions']> & { messages?: false }): WebStreams<T['data'], T['value']>;
  toWeb(options: StreamOptions<T['sendOptions']> & { messages: true }): WebStreams<T['message'], T['value']>;
  toWeb(options: StreamOptions<T['sendOptions']> = {}): unknown {
    return toWebStreams(this.#connectionLike('toWeb', options));
  }

  /**
   * Returns the memory of a received message for later messages of the same size. This saves a receiver of large messages a third or more of
   * its CPU time. Afterwards the bytes are empty wherever the program still holds them, so no other code may be using them. Bytes below
   * 4 KiB, views of other memory, and bytes that were sent with `sendData` are left alone.
   * @throws `ERR_SERPY_VALUE` if `data` is not bytes
   */
  release(data: Uint8Array): void {
    if (!types.isUint8Array(data))
      throw new ValueError("release takes the Buffer that getData returned, or a message's value");
    this.#channel.sessionHost.release(data);
  }

  /**
   * From now on, reconnects when the link breaks, and resumes its session if there is one: the server is informed. In a listener of
   * `disconnect` it is too late to resume, and the next link begins another session. Throws `ERR_SERPY_CLOSED`, and `ERR_SERPY_OPTION` for an
   * accepted connection.
   */
  enableRestart(): void {
    this.#lifecycle.enableRestart();
  }

  /** From now on, a broken link closes the connection. The server is informed, and does not keep a session then. Ends a reconnection in progress. */
  disableRestart(): void {
    this.#lifecycle.disableRestart();
  }

  stats(): ConnectionStats {
    return this.#channel.stats(this.#lifecycle.connectedMs, this.#lifecycle.sinceMs);
  }

  /**
   * Sends what is queued, waits for outstanding acknowledgements, and closes the connection, at the latest after `closeTimeoutMs`. Without a
   * link it closes at once, unless a session has something left for a peer that may resume it. Received messages can still be consumed.
   * @param options.reason for the peer, in a session only: its `closeInfo.peerReason`. The reason of the first call counts
   * @throws only `ERR_SERPY_OPTION` for wrong options, without any effect
   */
  close(options: CloseOptions = {}): Promise<void> {
    let reason: string;
    try {
      reason = parseCloseReason(options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#lifecycle.close(reason, true);
  }

  /** Closes at once. Drops unsent messages and rejects waiting calls with `ERR_SERPY_CLOSED`, whose cause is `error`. */
  destroy(error?: Error): void {
    this.#lifecycle.destroy(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The output of `console.log`. */
  [inspect.custom](): string {
    const { name, address } = this.peer;
    const called = name === undefined ? '' : `${JSON.stringify(name)} at `;
    const peer = address ? `, peer ${called}${address.host}:${address.port}` : '';
    return `Connection (${this.#protocol.name}, ${this.state}${peer})`;
  }

  /** The next message, converted: for further methods of a protocol. The message is consumed even if `convert` throws. */
  protected consume<R>(what: string, options: WaitOptions, convert: (received: T['received']) => R): Promise<R> {
    if (this.state === 'idle') return Promise.reject(notConnected(what));
    return this.#channel.take(what, options, convert);
  }

  #ask<R>(value: T['value'], options: RequestOptions, convert: (received: T['received']) => R): Promise<R> {
    if (this.#lifecycle.ending) return handledRejection(this.#lifecycle.closedError('request'));
    if (this.state === 'idle') return Promise.reject(notConnected('request'));
    try {
      return this.#channel.requests.ask(this.toSend(value), options, convert);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** What is sent for the value of a request or an answer. */
  protected toSend(value: T['value']): T['value'] {
    return value;
  }

  #setHandler<C>(handler: HandlerOf<T, C> | undefined, of: 'connection' | 'server'): void {
    const protocol = this.#protocol;
    const call: CallHandler | undefined =
      handler &&
      (async (received, signal) => {
        const message = protocol.message(received);
        const value = await handler(protocol.data(received), new HandlerInfo(message, signal, this as unknown as C));
        return value === undefined ? undefined : this.toSend(value as T['value']);
      });
    this.#channel.requests.setHandler(call, of);
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

/** Throws an `OptionError` for a handler that is not a function. */
export function checkHandler(handler: unknown): void {
  if (handler === undefined || typeof handler === 'function') return;
  throw new OptionError(`onRequest takes a function, or undefined to remove it, not ${describeValue(handler)}`);
}
