/** The state machine that a protocol gives to core: bytes in, bytes out, no sockets and no timers. */
import type { SerpyError } from '../errors.js';
import type { WriteSlot } from '../transport/transport.js';
import type { InboundMessage, OutboundMessage, StreamPart } from './message.js';
import type { LinkHolder, ProgressInfo, ResumableSession } from './resumable-session.js';

/** Where a session puts what comes out of it, other than messages. None of these calls back into the session. */
export interface SessionHost<Out extends OutboundMessage> {
  /** Bytes for the transport, in order. A big piece is not copied: it must not change until it is on the wire. */
  write(piece: Uint8Array): void;
  /** The same for a small piece, below 8 KiB, that is yet to be made: it is put at this place before anything else is called. */
  reserve(bytes: number): WriteSlot;
  /** Memory for a message that is delivered as bytes, not cleared: the session fills it whole. */
  allocate(sizeBytes: number): Buffer;
  /** The peer acknowledged this message. */
  acknowledged(outgoing: Out): void;
  /** This message will not be sent, or nobody will ever know whether it arrived: who waits for it gets the error. */
  rejected(outgoing: Out, error: SerpyError): void;
  /** These messages, which were sent last and in this order, cannot have been understood: they go before what is queued, and are sent again. Left out: there is no queue. */
  putBack?(messages: readonly Out[]): void;
  /** So much of a large message has been sent or has arrived. */
  progress(info: ProgressInfo): void;
  /**
   * Something was wrong, and the connection goes on.
   * @param about `'bad-frame'` where the peer sent what it should not have: those are counted
   * @param count how many it stands for. Default 1
   */
  warn(error: SerpyError, about?: 'bad-frame', count?: number): void;
  /** Bytes that nobody can guess. */
  randomBytes(count: number): Buffer;
  /** The place of the connection that the session belongs to, where a link can be put. */
  readonly linkHolder: LinkHolder;
}

/** One conversation with one peer. It lives as long as its connection and through any number of transports. */
export interface Session<Value, SendOptions, In extends InboundMessage, Out extends OutboundMessage> {
  /** False while messages must wait, for example for the peer's first answer. Looked at again after every call. */
  readonly canSend: boolean;
  /** What a session can do besides that outlives its links; undefined while it is none. Looked at again after every call. */
  readonly resumable?: ResumableSession | undefined;
  /** The name of the protocol that it has turned out to be, for a session that finds out; undefined while it has not. */
  readonly protocol?: string | undefined;
  /** When `tick` wants to be called, on the clock of the `nowMs` arguments; undefined for never. Looked at again after every call. */
  readonly deadlineMs: number | undefined;
  /** Whether what has come ends in the middle of a message, or of a word of the protocol, whose rest should follow soon. Looked at after `keep`. Left out: no. */
  readonly midFrame?: boolean;
  /** Memory that is held for messages that have come in part, in bytes. Looked at again after every call. Left out: none. */
  readonly partialBytes?: number;
  /**
   * Messages that were sent on this link, of which nothing that came since has proved that the peer has read them, and whose sender would not hear
   * of it otherwise. Looked at when the link ends. Left out: all.
   */
  readonly unacknowledgedMessages?: number;

  /** Turns a value into a message. Throws a typed error where the protocol cannot carry it; nothing has changed then. */
  encode(value: Value, options: SendOptions): Out;
  /**
   * Turns a part of a stream into a message that waits for its acknowledgement. Left out: the protocol has no streams.
   * @throws `ERR_SERPY_OPTION` where there is no session
   */
  encodePart?(part: StreamPart): Out;
  /** Puts a message on the wire. Called only between `up` and `lost`, while `canSend`. */
  send(outgoing: Out): void;
  /** Whether messages were sent that the session gathers, to write them together. Left out: it never does. */
  readonly gathered?: boolean;
  /** Writes them: the transport is about to send. */
  flush?(): void;
  /** A message is not sent at once but has to wait: what of it may change meanwhile is copied, unless it is big. */
  snapshot(outgoing: Out): void;
  /** Nobody waits any longer for the acknowledgement of this message: it is not sent again. */
  cancelAck(outgoing: Out): void;

  /** Whether this end reconnects by itself. Told before each `up` of a client, and when it changes. Left out: it makes no difference. */
  reconnects?(is: boolean): void;
  /** A transport came up. What belonged to an earlier wire starts anew, what was not acknowledged is sent again. */
  linkUp(nowMs: number): void;
  /** The transport is gone. @param paused whether reading had to wait until messages were taken, so that the peer may have said what nobody has heard */
  linkDown(paused: boolean): void;
  /** Takes bytes in. The chunk is lent until `keep`, which follows when as much as may be has been read. */
  receive(chunk: Buffer, nowMs: number): void;
  /** Where the next bytes may be put instead of being lent: those of a large message that has come in part. Left out, or undefined: nowhere. */
  target?(leastBytes: number): Buffer | undefined;
  /** So many bytes were put where `target` said. @returns whether there may be something to read */
  filled?(count: number, nowMs: number): boolean;
  /** The chunk goes back: what of it has not been read is copied. */
  retainUnread(): void;
  /**
   * The next whole message, or undefined until more bytes come.
   * Throws a `ProtocolError` or `MessageTooLargeError` when the bytes cannot be read on; after that only `lost` may be called.
   */
  read(): In | undefined;
  /** The peer's stream ended: tells what is missing if that was in the middle of a message. */
  ended(): SerpyError | undefined;
  /**
   * `deadlineMs` has come, and what had come in before was handed over. Throws a `PeerTimeoutError` when the peer should have answered by now:
   * the link ends.
   * @param paused whether reading waits until messages have been taken, so that a silent peer may not be one
   */
  tick(nowMs: number, paused: boolean): void;
}
