/** The types of requests, as programs see them. Types only. */

/** The options of `request`. */
export interface RequestOptions {
  /** Milliseconds for the answer, from 0 to 2,147,483,647, or `Infinity`. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Ends the request early; it then rejects with an `AbortError`. In a session the `signal` of the handler is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** What a handler gets besides the value of the request. */
export interface RequestInfo<Message, C> {
  /** The request with its metadata, as `getMessage` gives messages. */
  readonly message: Message;
  /** Aborted when the answer is no longer awaited: the peer has stopped waiting, or the connection is lost. */
  readonly signal: AbortSignal;
  /** The connection over which the request came. */
  readonly connection: C;
}

/**
 * Answers requests. The result is the answer. In a session, an error that it throws is sent to the peer, whose `request` rejects with
 * `ERR_SERPY_REQUEST_FAILED`, and a handler has to return a value. Without a session, `undefined` sends nothing.
 */
export type RequestHandler<Value, Data, Message, C> = (
  value: Data,
  info: RequestInfo<Message, C>,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement has this type
) => Value | undefined | void | Promise<Value | undefined | void>;
