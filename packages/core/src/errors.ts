/**
 * Every error that serpy throws, rejects with or tells by an event: a stable `code` each, and a class per decision that a caller takes.
 * Match by `code`: a program may hold two copies of a package (imported and required), and `instanceof` compares with the wrong one.
 */
import type { AnySerpyError, ErrorCode, SerpyErrorLike } from './any-error.js';
import { printable } from './printable.js';

export type { ErrorCode, SerpyErrorLike } from './any-error.js';

const brand = Symbol.for('serpy.Error');

/** Tells whether a caught value is an error of serpy, from any copy of any package. Its `code` then tells its fields. */
export function isSerpyError(value: unknown): value is AnySerpyError {
  return typeof value === 'object' && value !== null && brand in value;
}

/** The base class. `cause` holds the error of the system below, where there is one. A peer's words in the message do nothing to a terminal. */
export class SerpyError extends Error implements SerpyErrorLike {
  override readonly name: string = 'SerpyError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(printable(message), options);
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** An option or argument has the wrong type, range or name. The program needs a change. */
export class OptionError extends SerpyError {
  override readonly name = 'OptionError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_OPTION', message, options);
  }
}

/** A value was given that the protocol has no way to send. Nothing of it was sent. */
export class ValueError extends SerpyError {
  override readonly name: string = 'ValueError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_VALUE', message, options);
  }
}

/** A text holds a character that the connection's encoding lacks. Nothing of it was sent. */
export class EncodingError extends SerpyError {
  override readonly name = 'EncodingError';
  /** The first character that does not fit. */
  readonly character: string;
  /** Its place in the text, counted in UTF-16 units as string indices are. */
  readonly position: number;

  constructor(message: string, character: string, position: number) {
    super('ERR_SERPY_ENCODING', message);
    this.character = character;
    this.position = position;
  }
}

/** An integer does not fit into the 64 signed bits that the wire has for it. Also a `RangeError`. */
export class IntegerRangeError extends RangeError implements SerpyErrorLike {
  override readonly name = 'IntegerRangeError';
  readonly code = 'ERR_SERPY_INTEGER_RANGE';

  constructor(message: string) {
    super(message);
    Object.defineProperty(this, brand, { value: true });
  }
}

/**
 * A message is larger than `maxMessageBytes`: refused at the sender, or at the receiver before it is buffered. Or messages that have come in
 * part take more memory than `maxPartialMessageBytes`, and the peer with most of it gave way.
 */
export class MessageTooLargeError extends SerpyError {
  override readonly name = 'MessageTooLargeError';
  readonly sizeBytes: number;
  readonly limitBytes: number;

  constructor(what: string, sizeBytes: number, limitBytes: number, remedy = raiseMaxMessageBytes) {
    super('ERR_SERPY_TOO_LARGE', `${what} has ${sizeBytes} bytes, and the limit is ${limitBytes} bytes: ${remedy}`);
    this.sizeBytes = sizeBytes;
    this.limitBytes = limitBytes;
  }
}

const raiseMaxMessageBytes = 'raise the option maxMessageBytes at both ends to exchange it';

/** No connection could be made: refused, unknown host, unreachable. `cause` has the system's error. */
export class ConnectError extends SerpyError {
  override readonly name = 'ConnectError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_CONNECT', message, options);
  }
}

/** The server could not listen: port in use, no permission, no such address. `cause` has the system's error. */
export class ListenError extends SerpyError {
  override readonly name = 'ListenError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_LISTEN', message, options);
  }
}

/**
 * One end did not prove to be who it should: another key or none, a certificate that does not hold, no TLS at all.
 * `cause` has the error of TLS, where it has one.
 */
export class AuthenticationError extends SerpyError {
  override readonly name = 'AuthenticationError';
  /** At a server: who was refused. */
  readonly remote: { readonly host: string; readonly port: number } | undefined;

  constructor(message: string, options?: ErrorOptions & { remote?: { readonly host: string; readonly port: number } }) {
    super('ERR_SERPY_AUTH', message, options);
    this.remote = options?.remote;
  }
}

/** A server would listen to other computers with neither key nor certificates, and nobody has said that it may. */
export class InsecureError extends SerpyError {
  override readonly name = 'InsecureError';

  constructor(message: string) {
    super('ERR_SERPY_INSECURE', message);
  }
}

/** The connection was used before `connect()`. */
export class NotConnectedError extends SerpyError {
  override readonly name = 'NotConnectedError';

  constructor(message: string) {
    super('ERR_SERPY_NOT_CONNECTED', message);
  }
}

/** The connection or server is closed, so nothing more can be sent or received. `cause` says why, if it was not asked for. */
export class ConnectionClosedError extends SerpyError {
  override readonly name = 'ConnectionClosedError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_CLOSED', message, options);
  }
}

/** The link broke, and will not be dialled again, while this message waited for its acknowledgement: it may or may not have arrived. */
export class ConnectionLostError extends SerpyError {
  override readonly name = 'ConnectionLostError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_LOST', message, options);
  }
}

/** Nothing happened within the caller's `timeoutMs`. */
export class TimeoutError extends SerpyError {
  override readonly name = 'TimeoutError';

  constructor(message: string) {
    super('ERR_SERPY_TIMEOUT', message);
  }
}

/** The peer gave no sign of life for as long as an option says, so the link was taken for dead. What was on its way may not have arrived. */
export class PeerTimeoutError extends SerpyError {
  override readonly name = 'PeerTimeoutError';

  constructor(message: string) {
    super('ERR_SERPY_PEER_TIMEOUT', message);
  }
}

/** The caller's `signal` was aborted; `cause` is its reason. The name is the one that Node's own functions use. */
export class AbortError extends SerpyError {
  override readonly name = 'AbortError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_ABORTED', message, options);
  }
}

/** The peer's program wants no more of a stream, or could not go on with it. */
export class StreamCancelledError extends SerpyError {
  override readonly name = 'StreamCancelledError';

  constructor(message: string) {
    super('ERR_SERPY_STREAM_CANCELLED', message);
  }
}

/** The send queue is full: at once under `whenFull: 'error'`, after `timeoutMs` under `'block'`. The message was not accepted. */
export class QueueFullError extends SerpyError {
  override readonly name = 'QueueFullError';

  constructor(message: string) {
    super('ERR_SERPY_QUEUE_FULL', message);
  }
}

/** Messages were dropped: by a queue's `whenFull`, by `keep: 'latest'`, as there was no link (`whenOffline: 'drop'`), or because the connection ended before they were sent. */
export class MessagesDroppedError extends SerpyError {
  override readonly name = 'MessagesDroppedError';
  readonly messages: number;

  constructor(message: string, messages: number, options?: ErrorOptions) {
    super('ERR_SERPY_DROPPED', message, options);
    this.messages = messages;
  }
}

/**
 * A session ended, and nobody will ever know whether these messages arrived: they were sent, and the peer has not acknowledged them.
 * They are not sent again by themselves.
 */
export class DeliveryUnknownError extends SerpyError {
  override readonly name = 'DeliveryUnknownError';
  /** The messages, in the order in which they were sent, as `getMessage` would give them. */
  readonly messages: readonly unknown[];

  constructor(why: string, messages: readonly unknown[]) {
    const count = `${messages.length} message${messages.length === 1 ? '' : 's'}`;
    super(
      'ERR_SERPY_DELIVERY_UNKNOWN',
      `${count} may or may not have arrived, as ${why}: send them again if the peer can do with some twice`,
    );
    this.messages = messages;
  }
}

/** The peer sent bytes that are not of this protocol. What follows cannot be read, so the connection ends. */
export class ProtocolError extends SerpyError {
  override readonly name = 'ProtocolError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_PROTOCOL', message, options);
  }
}

/** One message arrived damaged and was dropped; the connection goes on. */
export class ChecksumError extends SerpyError {
  override readonly name = 'ChecksumError';

  constructor(message: string) {
    super('ERR_SERPY_CHECKSUM', message);
  }
}

/** The stream ended in the middle of a message; the part that had come was discarded. */
export class TruncatedError extends SerpyError {
  override readonly name = 'TruncatedError';

  constructor(message: string) {
    super('ERR_SERPY_TRUNCATED', message);
  }
}

/** A message or file is no array that can be given: no `.npy`, one of another type of element, or not as long as it should be. */
export class ArrayFormatError extends SerpyError {
  override readonly name = 'ArrayFormatError';
  /** What came, as `getData` would have given it. */
  readonly data: unknown;

  constructor(message: string, data: unknown) {
    super('ERR_SERPY_ARRAY_FORMAT', message);
    this.data = data;
  }
}
