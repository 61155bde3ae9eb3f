import { describe, expect, test } from 'vitest';
import * as errors from '../src/errors.js';

const {
  AbortError,
  ArrayFormatError,
  AuthenticationError,
  ChecksumError,
  ConnectError,
  ConnectionClosedError,
  ConnectionLostError,
  EncodingError,
  InsecureError,
  IntegerRangeError,
  isSerpyError,
  ListenError,
  MessagesDroppedError,
  DeliveryUnknownError,
  MessageTooLargeError,
  NotConnectedError,
  OptionError,
  OutOfStepError,
  ProtocolError,
  QueueFullError,
  RequestFailedError,
  SerpyError,
  PeerTimeoutError,
  StreamCancelledError,
  TimeoutError,
  TruncatedError,
  ValueError,
} = errors;

const cause = new Error('the system says no');

const made: readonly [error: errors.SerpyErrorLike, name: string, code: string][] = [
  [new OptionError('text'), 'OptionError', 'ERR_SERPY_OPTION'],
  [new ValueError('text'), 'ValueError', 'ERR_SERPY_VALUE'],
  [new EncodingError('text', 'é', 3), 'EncodingError', 'ERR_SERPY_ENCODING'],
  [new IntegerRangeError('text'), 'IntegerRangeError', 'ERR_SERPY_INTEGER_RANGE'],
  [new MessageTooLargeError('the message', 2000, 1000), 'MessageTooLargeError', 'ERR_SERPY_TOO_LARGE'],
  [new ConnectError('text', { cause }), 'ConnectError', 'ERR_SERPY_CONNECT'],
  [new ListenError('text', { cause }), 'ListenError', 'ERR_SERPY_LISTEN'],
  [new AuthenticationError('text', { cause }), 'AuthenticationError', 'ERR_SERPY_AUTH'],
  [new InsecureError('text'), 'InsecureError', 'ERR_SERPY_INSECURE'],
  [new NotConnectedError('text'), 'NotConnectedError', 'ERR_SERPY_NOT_CONNECTED'],
  [new ConnectionClosedError('text', { cause }), 'ConnectionClosedError', 'ERR_SERPY_CLOSED'],
  [new ConnectionLostError('text', { cause }), 'ConnectionLostError', 'ERR_SERPY_LOST'],
  [new TimeoutError('text'), 'TimeoutError', 'ERR_SERPY_TIMEOUT'],
  [new PeerTimeoutError('text'), 'PeerTimeoutError', 'ERR_SERPY_PEER_TIMEOUT'],
  [new AbortError('text', { cause }), 'AbortError', 'ERR_SERPY_ABORTED'],
  [new StreamCancelledError('text'), 'StreamCancelledError', 'ERR_SERPY_STREAM_CANCELLED'],
  [new RequestFailedError('text', 'it broke', 'EIO', { cause }), 'RequestFailedError', 'ERR_SERPY_REQUEST_FAILED'],
  [new OutOfStepError('text'), 'OutOfStepError', 'ERR_SERPY_OUT_OF_STEP'],
  [new QueueFullError('text'), 'QueueFullError', 'ERR_SERPY_QUEUE_FULL'],
  [new MessagesDroppedError('text', 3), 'MessagesDroppedError', 'ERR_SERPY_DROPPED'],
  [new DeliveryUnknownError('the session ended', ['text']), 'DeliveryUnknownError', 'ERR_SERPY_DELIVERY_UNKNOWN'],
  [new ProtocolError('text', { cause }), 'ProtocolError', 'ERR_SERPY_PROTOCOL'],
  [new ChecksumError('text'), 'ChecksumError', 'ERR_SERPY_CHECKSUM'],
  [new TruncatedError('text'), 'TruncatedError', 'ERR_SERPY_TRUNCATED'],
  [new ArrayFormatError('text', Buffer.alloc(1)), 'ArrayFormatError', 'ERR_SERPY_ARRAY_FORMAT'],
];

test('a message is one line that is escaped for terminals, whatever text of a peer it contains', () => {
  const { message, stack } = new ProtocolError('it says \x1b]0;t\x07\x9b2J\n\u202eµ “z”');
  expect(message).toBe('it says \\u001b]0;t\\u0007\\u009b2J\\n\\u202eµ “z”');
  expect(stack).toContain(message);
});

describe.each(made)('%s', (error, name, code) => {
  test('is an error with its name and code, also when it is printed', () => {
    expect(error).toBeInstanceOf(Error);
    expect(isSerpyError(error)).toBe(true);
    expect([error.name, error.code]).toEqual([name, code]);
    expect(String(error)).toMatch(new RegExp(`^${name}: `));
    expect(error.stack).toContain('errors.test.ts');
  });

  test('shows no internals when it is inspected or copied', () => {
    expect(
      Object.getOwnPropertySymbols(error).filter((symbol) => Object.keys(error).includes(symbol.toString())),
    ).toEqual([]);
    expect(JSON.parse(JSON.stringify(error))).not.toHaveProperty('serpy.Error');
  });
});

test('there is an example of every class', () => {
  const classes = Object.entries(errors).filter(([name]) => name.endsWith('Error') && name !== 'isSerpyError');
  const named = new Set([...made.map(([error]) => error.constructor.name), 'SerpyError']);
  expect(classes.map(([name]) => name).filter((name) => !named.has(name))).toEqual([]);
});

test('every code belongs to one class', () => {
  expect(new Set(made.map(([error]) => error.code)).size).toBe(made.length);
});

test('the cause is kept, and absent without one', () => {
  expect(new ConnectError('text', { cause }).cause).toBe(cause);
  expect('cause' in new ConnectError('text')).toBe(false);
});

test('an integer out of range is a RangeError too', () => {
  expect(new IntegerRangeError('text')).toBeInstanceOf(RangeError);
});

test('a message that is too large has the size, the limit and the option', () => {
  expect(new MessageTooLargeError('the message', 2000, 1000)).toMatchObject({
    sizeBytes: 2000,
    limitBytes: 1000,
    message:
      'the message has 2000 bytes, and the limit is 1000 bytes: raise the option maxMessageBytes at both ends to exchange it',
  });
});

describe('isSerpyError', () => {
  test('accepts errors of another copy of the package', async () => {
    const path = '../src/errors.js?another-copy';
    const copy: typeof errors = await import(path);
    const error = new copy.TimeoutError('text');
    expect(error).not.toBeInstanceOf(SerpyError);
    expect(isSerpyError(error)).toBe(true);
    expect(copy.isSerpyError(new TimeoutError('text'))).toBe(true);
  });

  test.each([
    [undefined],
    [null],
    ['ERR_SERPY_OPTION'],
    [5],
    [{ code: 'ERR_SERPY_OPTION' }],
    [new Error('ERR_SERPY_OPTION')],
    [() => {}],
  ])('rejects %s', (value) => {
    expect(isSerpyError(value)).toBe(false);
  });
});

test('isSerpyError with a code is true for an error with that code only', () => {
  const error: unknown = new MessagesDroppedError('3 messages were dropped', 3);
  expect(isSerpyError(error, 'ERR_SERPY_DROPPED') && error.messages).toBe(3);
  expect(isSerpyError(error, 'ERR_SERPY_CLOSED')).toBe(false);
  expect(isSerpyError(Object.assign(new Error('x'), { code: 'ERR_SERPY_DROPPED' }), 'ERR_SERPY_DROPPED')).toBe(false);
  expect([error, new Error('x'), null, error].filter(isSerpyError)).toEqual([error, error]);
});
