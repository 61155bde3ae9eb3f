/** The state machine of a protocol: bytes in, bytes out, without sockets or timers. Types only. */
import type { SerpyError } from '../errors.js';
import type { WriteSlot } from '../transport/transport.js';
import type { InboundMessage, OutboundMessage, RequestPart, StreamPart } from './message.js';
import type { LinkHolder, ProgressInfo, ResumableSession } from './resumable-session.js';
import type { SharedEncoding } from './shared-encoding.js';

/** Receives what a session puts out, apart from messages. No member calls back into the session. */
export interface SessionHost<Out extends OutboundMessage> {
  /** Writes bytes to the transport, in order. Large buffers are not copied: they must not change until they are sent. */
  write(piece: Uint8Array): void;
  /** As `write`, for less than 8 KiB. The session fills the slot before it calls anything else. */
  reserve(bytes: number): WriteSlot;
  /** Memory for a message that is delivered as bytes. It is not cleared: the session fills all of it. */
  allocate(sizeBytes: number): Buffer;
  /** The peer acknowledged this message. */
  acknowledged(outgoing: Out): void;
  /** This message will not be sent, or it will never be known whether it arrived: its `sendData` rejects with the error. */
  rejected(outgoing: Out, error: SerpyError): void;
  /** The peer cannot have understood these messages, the last ones sent, in this order: they go before the queue and are sent again. Optional: a host may have no queue. */
  putBack?(messages: readonly Out[]): void;
  /** A part of a large message was sent or has arrived. */
  progress(info: ProgressInfo): void;
  /**
   * Something was wrong, but the connection continues.
   * @param about `'bad-frame'` for damaged or unexpected data, which is counted
   * @param count number of frames that the warning stands for. Default 1
   */
  warn(error: SerpyError, about?: 'bad-frame', count?: number): void;
  /** Bytes that are hard to guess. */
  randomBytes(count: number): Buffer;
  /** The connection of the session, as the holder of a link. */
  readonly linkHolder: LinkHolder;
}

/** The protocol state of one connection. It outlives any number of transports. */
export interface Session<Value, SendOptions, In extends InboundMessage, Out extends OutboundMessage> {
  /** False while messages must wait, for example for the peer's first answer. Read again after every call. */
  readonly canSend: boolean;
  /** The members of a session that outlives its links; undefined otherwise. Read again after every call. */
  readonly resumable?: ResumableSession | undefined;
  /** Of a session that detects the protocol: its name; undefined until it is detected. */
  readonly protocol?: string | undefined;
  /** When `tick` is to be called, on the clock of the `nowMs` arguments; undefined for never. Read again after every call. */
  readonly deadlineMs: number | undefined;
  /** Whether the received bytes end within a message or control message, whose rest should follow soon. Read after `retainUnread`. Default false. */
  readonly midFrame?: boolean;
  /** Memory for partially received messages, in bytes. Read again after every call. Default 0. */
  readonly partialBytes?: number;
  /**
   * Messages sent on this link whose receipt the peer has not confirmed, and whose `sendData` does not report that. Read when the link ends.
   * Default: all messages sent on the link.
   */
  readonly unacknowledgedMessages?: number;

  /**
   * Encodes a value as a message. Throws a typed error, without any effect, if the protocol cannot encode it.
   * @param shared of a broadcast: the bytes of the message are made once for all connections, and are no memory of the program
   */
  encode(value: Value, options: SendOptions, shared?: SharedEncoding): Out;
  /**
   * Encodes a part of a stream as a message that awaits its acknowledgement. Optional: a protocol may have no streams.
   * @throws `ERR_SERPY_OPTION` without a session
   */
  encodePart?(part: StreamPart): Out;
  /**
   * Whether answers on this link refer to their requests: true in a session, false without one, and undefined while it is not known, during
   * which requests wait. The session may postpone other messages until it is known. Optional: without it, no answer refers to a request.
   */
  correlation?(): boolean | undefined;
  /**
   * Encodes a part of a request. Called only while `correlation` is true.
   * @param message the value of a request or response, as `encode` returned it
   */
  encodeRequestPart?(part: RequestPart, message: Out | undefined): Out;
  /** Sends a message. Called only between `linkUp` and `linkDown`, while `canSend`. */
  send(outgoing: Out): void;
  /** Whether the session has gathered sent messages, to write them together. Default false. */
  readonly gathered?: boolean;
  /** Writes the gathered messages: the transport is about to send. */
  flush?(): void;
  /** The message has to wait before it is sent: copies small parts of it that the program may change meanwhile. */
  snapshot(outgoing: Out): void;
  /** The wait for the acknowledgement of this message has ended: it is not sent again. */
  cancelAck(outgoing: Out): void;

  /** Whether this end reconnects when the link breaks. Called before each `linkUp` and when it changes. Optional. */
  reconnects?(is: boolean): void;
  /**
   * A link is up. The state of the earlier link is reset, and unacknowledged messages are sent again.
   * @param connectMs how long it took to connect: at least one round trip. Undefined at a server
   */
  linkUp(nowMs: number, connectMs?: number): void;
  /** The link has ended. @param paused whether reading was paused, so that data of the peer may be unread */
  linkDown(paused: boolean): void;
  /** Accepts received bytes. The chunk is lent until `retainUnread`, which follows when as much as possible has been read. */
  receive(chunk: Buffer, nowMs: number): void;
  /** Memory of an incomplete large message, into which the next bytes are read directly; undefined if they are to be lent. Optional. */
  target?(leastBytes: number): Buffer | undefined;
  /** `count` bytes were read into `target`. @returns whether a message may be complete */
  filled?(count: number, nowMs: number): boolean;
  /** The chunk is returned: copies the bytes of it that have not been read. */
  retainUnread(): void;
  /**
   * The next complete message, or undefined until more bytes arrive.
   * Throws a `ProtocolError` or `MessageTooLargeError` if the bytes are invalid; after that only `linkDown` may be called.
   */
  read(): In | undefined;
  /** The peer has ended its direction. @returns the error if that was within a message */
  ended(): SerpyError | undefined;
  /**
   * `deadlineMs` has passed, and data that had arrived by then was handed over. Throws a `PeerTimeoutError`, which ends the link, if the peer should
   * have answered by now.
   * @param paused whether reading is paused, so that the answer of the peer may be unread
   */
  tick(nowMs: number, paused: boolean): void;
}
