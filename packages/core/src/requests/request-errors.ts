/** The errors of requests, at the end that asks and at the end that answers. */
import {
  ConnectionLostError,
  isSerpyError,
  MessagesDroppedError,
  OutOfStepError,
  ProtocolError,
  QueueFullError,
  RequestFailedError,
  TimeoutError,
} from '../errors.js';
import { maxOpenRequests } from './requests-host.js';

/** Bounds of what a failure states, in UTF-16 units: 1,024 bytes at most. */
const [maxMessageLength, maxCodeLength] = [340, 64];

/** What a failure tells the peer. */
export interface Failure {
  readonly message: string;
  /** Empty if there is none. */
  readonly code: string;
}

/** What a failure states about an error of the handler. */
export function failureOf(error: unknown): Failure {
  try {
    const message = error instanceof Error || isSerpyError(error) ? error.message : String(error);
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    return {
      message: cut(String(message), maxMessageLength),
      code: typeof code === 'string' || typeof code === 'number' ? cut(String(code), maxCodeLength) : '',
    };
  } catch {
    return { message: 'its error has no message', code: '' };
  }
}

function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}

export const noHandler: Failure = {
  message: 'no handler answers requests at the peer: call onRequest there, on the connection or the server',
  code: '',
};

export const noValue: Failure = {
  message: 'the handler returned no value: return the answer from the function given to onRequest',
  code: '',
};

export const tooManyRequests: Failure = {
  message: 'too many requests wait for their handlers at the peer: send fewer at the same time',
  code: 'ERR_SERPY_QUEUE_FULL',
};

/** The error of a request that the peer has refused, or whose handler has failed. */
export function failedError(message: string, code: string): RequestFailedError {
  const why = message === '' ? 'its handler failed without a message' : message;
  return new RequestFailedError(`the peer did not answer the request: ${why}`, message, code === '' ? undefined : code);
}

/** The warning about a handler whose failure cannot be reported to the peer. */
export function unreportedError(error: unknown): RequestFailedError {
  const { message, code } = failureOf(error);
  const text = `the handler of onRequest failed: ${message}. The peer gets no answer, because failures are reported in sessions only`;
  return new RequestFailedError(text, message, code === '' ? undefined : code, { cause: error });
}

export function tooManyOpenError(): QueueFullError {
  return new QueueFullError(
    `${maxOpenRequests} requests of this connection have no answer yet, which is the maximum: await some of them first`,
  );
}

/** @param sent whether the request was written to a link */
export function timeoutError(timeoutMs: number, sent: boolean, unreadMessages: number): TimeoutError {
  const what = `request timed out after ${timeoutMs} ms (timeoutMs)`;
  const unread =
    unreadMessages > 0
      ? `. ${unreadMessages} messages that arrived wait to be read, and may be in the way of the answer: read them with getData or a loop`
      : '';
  if (!sent) return new TimeoutError(`${what} before it could be sent, so the peer does not have it${unread}`);
  return new TimeoutError(
    `${what}: the peer has the request and may have executed it. Raise timeoutMs, or check the program at the peer${unread}`,
  );
}

export function lostRequestError(cause?: Error): ConnectionLostError {
  return new ConnectionLostError(
    'the connection broke after the request was sent and before its answer came, so the peer may or may not have executed it: ' +
      'request it again if executing it twice does no harm',
    cause ? { cause } : undefined,
  );
}

/** Why the link is ended. */
export function outOfStepEnd(): OutOfStepError {
  return new OutOfStepError(
    "a request got no answer in time. Its late answer would be taken for that of the next request, so the link is closed (outOfStep: 'reconnect')",
  );
}

/** The error of a request on a link that cannot be replaced. */
export function outOfStepError(): OutOfStepError {
  return new OutOfStepError(
    'an earlier request on this link got no answer in time, and its late answer would be taken for that of this request. ' +
      "Connect again, set autoRestart: true at the client, or set outOfStep: 'drain'",
  );
}

export function drainedError(): MessagesDroppedError {
  return new MessagesDroppedError(
    "a message was discarded, because it may be the late answer to a request that has timed out (outOfStep: 'drain')",
    1,
  );
}

export function repeatedRequestError(id: number): ProtocolError {
  return new ProtocolError(`the peer sent request ${id} while an earlier request with this number has no answer yet`);
}

export function unreadAnswersError(count: number): ProtocolError {
  return new ProtocolError(`the peer has sent ${count} requests whose answers it does not read, so the link is closed`);
}
