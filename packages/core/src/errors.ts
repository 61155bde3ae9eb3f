/**
 * Every error that serpy throws, rejects with or emits. Each has a stable `code`; there is one class for each decision of a caller.
 * Match by `code`: a program can hold two copies of a package (imported and required), and `instanceof` compares with the wrong one.
 */
import type { AnySerpyError, ErrorCode, SerpyErrorLike } from './any-error.js';
import { printable } from './printable.js';

export type { ErrorCode, SerpyErrorLike } from './any-error.js';

const brand = Symbol.for('serpy.Error');

/**
 * Whether a caught value is an error of serpy, from any copy of any package. Its `code` then narrows its type.
 * @param code asks for an error with this code: `if (isSerpyError(error, 'ERR_SERPY_DROPPED')) console.log(error.messages)`
 */
export function isSerpyError<C extends ErrorCode>(
  value: unknown,
  code: C,
): value is Extract<AnySerpyError, { readonly code: C }>;
export function isSerpyError(value: unknown): value is AnySerpyError;
export function isSerpyError(value: unknown, code?: unknown): boolean {
  if (typeof value !== 'object' || value === null || !(brand in value)) return false;
  return typeof code !== 'string' || (value as { code?: unknown }).code === code; // `filter` passes an index
}

/** The base class. `cause` is the underlying error of the system, if there is one. The message is escaped, so that text of a peer cannot control a terminal. */
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

/** The protocol cannot send the value, and nothing of it was sent; or a message is not what the call reads. */
export class ValueError extends SerpyError {
  override readonly name: string = 'ValueError';
  /** Of a text that is not JSON: the index of the first character that cannot be JSON, in UTF-16 units. */
  declare readonly position?: number;

  constructor(message: string, options?: ErrorOptions & { position?: number }) {
    super('ERR_SERPY_VALUE', message, options);
    if (options?.position !== undefined) this.position = options.position;
  }
}

/** A string contains a character that the encoding of the connection lacks. Nothing of it was sent. */
export class EncodingError extends SerpyError {
  override readonly name = 'EncodingError';
  /** The first character that the encoding lacks. */
  readonly character: string;
  /** The index of the character in the string, in UTF-16 units. */
  readonly position: number;

  constructor(message: string, character: string, position: number) {
    super('ERR_SERPY_ENCODING', message);
    this.character = character;
    this.position = position;
  }
}

/** An integer does not fit into the 64 signed bits of the wire format. Also a `RangeError`. */
export class IntegerRangeError extends RangeError implements SerpyErrorLike {
  override readonly name = 'IntegerRangeError';
  readonly code = 'ERR_SERPY_INTEGER_RANGE';

  constructor(message: string) {
    super(message);
    Object.defineProperty(this, brand, { value: true });
  }
}

/**
 * A message is larger than `maxMessageBytes`: the sender refuses it, or the receiver does before it buffers the message. Or partially received
 * messages exceed `maxPartialMessageBytes`, and the server closed the connection that holds most.
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

/** No connection could be made: refused, unknown host, unreachable. `cause` is the error of the system. */
export class ConnectError extends SerpyError {
  override readonly name = 'ConnectError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_CONNECT', message, options);
  }
}

/** The server could not listen: port in use, no permission, no such address. `cause` is the error of the system. */
export class ListenError extends SerpyError {
  override readonly name = 'ListenError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_LISTEN', message, options);
  }
}

/**
 * Authentication failed: a missing or different key, an expired, untrusted or mismatched certificate, or a peer without TLS.
 * `cause` is the error of TLS, if there is one.
 */
export class AuthenticationError extends SerpyError {
  override readonly name = 'AuthenticationError';
  /** At a server: the address of the client that was rejected. */
  readonly remote: { readonly host: string; readonly port: number } | undefined;

  constructor(message: string, options?: ErrorOptions & { remote?: { readonly host: string; readonly port: number } }) {
    super('ERR_SERPY_AUTH', message, options);
    this.remote = options?.remote;
  }
}

/** A server would accept other computers without key and certificates, and `insecure: true` is not set. */
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

/** The connection or server is closed, and nothing more can be sent or received. `cause` is the reason, if the program did not close it. */
export class ConnectionClosedError extends SerpyError {
  override readonly name = 'ConnectionClosedError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_CLOSED', message, options);
  }
}

/** The connection ended while this message waited for its acknowledgement: the message may or may not have arrived. */
export class ConnectionLostError extends SerpyError {
  override readonly name = 'ConnectionLostError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_LOST', message, options);
  }
}

/** The call did not finish within `timeoutMs`. */
export class TimeoutError extends SerpyError {
  override readonly name = 'TimeoutError';

  constructor(message: string) {
    super('ERR_SERPY_TIMEOUT', message);
  }
}

/** The peer did not respond within the time of an option, so the TCP connection was closed. Messages in flight may not have arrived. */
export class PeerTimeoutError extends SerpyError {
  override readonly name = 'PeerTimeoutError';

  constructor(message: string) {
    super('ERR_SERPY_PEER_TIMEOUT', message);
  }
}

/** The `signal` of the call was aborted; `cause` is its reason. Node's functions use the same name. */
export class AbortError extends SerpyError {
  override readonly name = 'AbortError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_ABORTED', message, options);
  }
}

/** The program at the peer cancelled a stream, or could not continue it. */
export class StreamCancelledError extends SerpyError {
  override readonly name = 'StreamCancelledError';

  constructor(message: string) {
    super('ERR_SERPY_STREAM_CANCELLED', message);
  }
}

/** The program at the peer did not answer a request: its handler failed, or there is none. */
export class RequestFailedError extends SerpyError {
  override readonly name = 'RequestFailedError';
  /** The message of the handler's error. Escaped and at most 1,024 bytes. */
  readonly peerMessage: string;
  /** The `code` of the handler's error; undefined if it had none. */
  readonly peerCode: string | undefined;

  constructor(message: string, peerMessage: string, peerCode: string | undefined, options?: ErrorOptions) {
    super('ERR_SERPY_REQUEST_FAILED', message, options);
    this.peerMessage = printable(String(peerMessage));
    this.peerCode = peerCode === undefined ? undefined : printable(String(peerCode));
  }
}

/**
 * The answer to an earlier request may still arrive and would be taken for that of the next: the link cannot carry requests. Only without a
 * session, where an answer is the next message.
 */
export class OutOfStepError extends SerpyError {
  override readonly name = 'OutOfStepError';

  constructor(message: string) {
    super('ERR_SERPY_OUT_OF_STEP', message);
  }
}

/** The send queue is full: at once under `whenFull: 'error'`, after `timeoutMs` under `'block'`. The message was not accepted. */
export class QueueFullError extends SerpyError {
  override readonly name = 'QueueFullError';

  constructor(message: string) {
    super('ERR_SERPY_QUEUE_FULL', message);
  }
}

/** Messages were dropped: by `whenFull` of a queue, by `keep: 'latest'`, without a link by `whenOffline: 'drop'`, or because the connection ended before they were sent. */
export class MessagesDroppedError extends SerpyError {
  override readonly name = 'MessagesDroppedError';
  readonly messages: number;

  constructor(message: string, messages: number, options?: ErrorOptions) {
    super('ERR_SERPY_DROPPED', message, options);
    this.messages = messages;
  }
}

/**
 * A session ended before the peer acknowledged these messages, so it stays unknown whether they arrived.
 * They are not sent again automatically.
 */
export class DeliveryUnknownError extends SerpyError {
  override readonly name = 'DeliveryUnknownError';
  /** The messages, in the order in which they were sent, as `getMessage` would give them. */
  readonly messages: readonly unknown[];

  constructor(why: string, messages: readonly unknown[]) {
    const count = `${messages.length} message${messages.length === 1 ? '' : 's'}`;
    super(
      'ERR_SERPY_DELIVERY_UNKNOWN',
      `${count} may or may not have arrived, because ${why}: send them again if the receiver tolerates duplicates`,
    );
    this.messages = messages;
  }
}

/** The peer sent bytes that are not of this protocol. The bytes after them cannot be read, so the connection ends. */
export class ProtocolError extends SerpyError {
  override readonly name = 'ProtocolError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERPY_PROTOCOL', message, options);
  }
}

/** One message arrived damaged and was dropped; the connection continues. */
export class ChecksumError extends SerpyError {
  override readonly name = 'ChecksumError';

  constructor(message: string) {
    super('ERR_SERPY_CHECKSUM', message);
  }
}

/** The data of the peer ended in the middle of a message; the received part was discarded. */
export class TruncatedError extends SerpyError {
  override readonly name = 'TruncatedError';

  constructor(message: string) {
    super('ERR_SERPY_TRUNCATED', message);
  }
}

/** A message or file is not an array that serpy reads: not a `.npy`, of an unsupported type of element, or of the wrong length. */
export class ArrayFormatError extends SerpyError {
  override readonly name = 'ArrayFormatError';
  /** The message, as `getData` would have returned it. */
  readonly data: unknown;

  constructor(message: string, data: unknown) {
    super('ERR_SERPY_ARRAY_FORMAT', message);
    this.data = data;
  }
}
