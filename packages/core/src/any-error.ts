/** All errors of serpy as one type: a comparison of `code` narrows it to the fields of that error. Types only. */
/** The `code` of every serpy error. */
export type ErrorCode =
  | 'ERR_SERPY_OPTION'
  | 'ERR_SERPY_VALUE'
  | 'ERR_SERPY_ENCODING'
  | 'ERR_SERPY_INTEGER_RANGE'
  | 'ERR_SERPY_TOO_LARGE'
  | 'ERR_SERPY_CONNECT'
  | 'ERR_SERPY_LISTEN'
  | 'ERR_SERPY_AUTH'
  | 'ERR_SERPY_INSECURE'
  | 'ERR_SERPY_NOT_CONNECTED'
  | 'ERR_SERPY_CLOSED'
  | 'ERR_SERPY_LOST'
  | 'ERR_SERPY_TIMEOUT'
  | 'ERR_SERPY_PEER_TIMEOUT'
  | 'ERR_SERPY_ABORTED'
  | 'ERR_SERPY_STREAM_CANCELLED'
  | 'ERR_SERPY_REQUEST_FAILED'
  | 'ERR_SERPY_OUT_OF_STEP'
  | 'ERR_SERPY_QUEUE_FULL'
  | 'ERR_SERPY_DROPPED'
  | 'ERR_SERPY_DELIVERY_UNKNOWN'
  | 'ERR_SERPY_PROTOCOL'
  | 'ERR_SERPY_CHECKSUM'
  | 'ERR_SERPY_TRUNCATED'
  | 'ERR_SERPY_ARRAY_FORMAT';

/** The members that all errors of serpy have, from any copy of a package. */
export interface SerpyErrorLike extends Error {
  readonly code: ErrorCode;
}

/** The fields besides the message, by `code`. */
export interface ErrorFields {
  /** Of a text that is not JSON. */
  readonly ERR_SERPY_VALUE: { readonly position?: number };
  readonly ERR_SERPY_ENCODING: { readonly character: string; readonly position: number };
  readonly ERR_SERPY_TOO_LARGE: { readonly sizeBytes: number; readonly limitBytes: number };
  readonly ERR_SERPY_AUTH: { readonly remote: { readonly host: string; readonly port: number } | undefined };
  readonly ERR_SERPY_REQUEST_FAILED: { readonly peerMessage: string; readonly peerCode: string | undefined };
  readonly ERR_SERPY_DROPPED: { readonly messages: number };
  readonly ERR_SERPY_DELIVERY_UNKNOWN: { readonly messages: readonly unknown[] };
  readonly ERR_SERPY_ARRAY_FORMAT: { readonly data: unknown };
}

/** The error with one code, with its fields. */
export type ErrorOf<C extends ErrorCode> = SerpyErrorLike & { readonly code: C } & (C extends keyof ErrorFields
    ? ErrorFields[C]
    : unknown);

/** An error of serpy: `if (error.code === 'ERR_SERPY_DROPPED') console.log(error.messages)`. */
export type AnySerpyError = { [C in ErrorCode]: ErrorOf<C> }[ErrorCode];

/** An error of the system while a server accepts a client: too many open files, or not enough memory. */
export interface AcceptError extends Error {
  readonly code: 'EMFILE' | 'ENFILE' | 'ENOBUFS' | 'ENOMEM' | 'ECONNABORTED' | undefined;
}
