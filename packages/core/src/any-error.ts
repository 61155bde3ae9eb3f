/** All errors of serpy as one type that narrows: who has compared `code` has the fields of that error. Types only. */
import type {
  ArrayFormatError,
  AuthenticationError,
  EncodingError,
  ErrorCode,
  MessagesDroppedError,
  MessagesUnknownError,
  MessageTooLargeError,
  SerpyErrorLike,
} from './errors.js';

/** What errors have besides their message, by `code`. */
interface Fields {
  readonly ERR_SERPY_ENCODING: Pick<EncodingError, 'character' | 'position'>;
  readonly ERR_SERPY_TOO_LARGE: Pick<MessageTooLargeError, 'sizeBytes' | 'limitBytes'>;
  readonly ERR_SERPY_AUTH: Pick<AuthenticationError, 'remote'>;
  readonly ERR_SERPY_DROPPED: Pick<MessagesDroppedError, 'messages'>;
  readonly ERR_SERPY_UNKNOWN: Pick<MessagesUnknownError, 'messages'>;
  readonly ERR_SERPY_ARRAY_FORMAT: Pick<ArrayFormatError, 'data'>;
}

type ErrorOf<C extends ErrorCode> = SerpyErrorLike & { readonly code: C } & (C extends keyof Fields
    ? Fields[C]
    : unknown);

/** An error of serpy: `if (error.code === 'ERR_SERPY_DROPPED') console.log(error.messages)`. */
export type AnySerpyError = { [C in ErrorCode]: ErrorOf<C> }[ErrorCode];

/** An error of the system at a server that accepts a peer: too many files are open, or memory is short. */
export interface AcceptError extends Error {
  readonly code: 'EMFILE' | 'ENFILE' | 'ENOBUFS' | 'ENOMEM' | 'ECONNABORTED' | undefined;
}
