import { describe, expect, test } from 'vitest';
import { AuthenticationError, ProtocolError, TruncatedError } from '../../src/errors.js';
import { connectError, firstLinkError, listenError, systemCode } from '../../src/transport/system-errors.js';

const failure = (code?: string) => Object.assign(new Error(`connect ${code} 10.0.0.5:5000`), code ? { code } : {});
const address = { host: '10.0.0.5', port: 5000 };

describe('why a dial failed', () => {
  test.each([
    ['ECONNREFUSED', 'nothing listens there: is the program at the other end running, and is the port right?'],
    ['ENOTFOUND', 'no computer of that name was found: check its spelling, or give its IP address'],
    ['EAI_AGAIN', 'the name could not be looked up just now: check the network, or give the IP address'],
    ['ETIMEDOUT', 'it did not answer: is the computer on, the address right, and no firewall in between?'],
    ['EHOSTUNREACH', 'there is no way to that computer: check cable, network and address'],
    ['ENETUNREACH', 'there is no way to that network: check cable, network and address'],
    [
      'ECONNRESET',
      'it hung up at once: is it the right port, does its server take another connection, and have both ends the same key, or none?',
    ],
    ['EACCES', 'the system does not allow it: a firewall or security program may be in the way'],
    ['EPERM', 'the system does not allow it: a firewall or security program may be in the way'],
    ['EMFILE', 'this program has too many files and connections open: close some'],
  ])('%s is told in a sentence', (code, advice) => {
    const cause = failure(code);
    const error = connectError(cause, address);
    expect(error).toMatchObject({ code: 'ERR_SERPY_CONNECT', cause });
    expect(error.message).toBe(`cannot connect to 10.0.0.5:5000: ${advice} (${code})`);
  });

  test('a code that is not known is told with what the system said', () => {
    expect(connectError(failure('EWEIRD'), address).message).toBe(
      'cannot connect to 10.0.0.5:5000: connect EWEIRD 10.0.0.5:5000 (EWEIRD)',
    );
    expect(connectError(new Error('no idea'), address).message).toBe('cannot connect to 10.0.0.5:5000: no idea');
  });

  test('of several addresses of one name, the first that says something is told', () => {
    const cause = new AggregateError([failure(), failure('ECONNREFUSED'), failure('ETIMEDOUT')], '');
    expect(systemCode(cause)).toBe('ECONNREFUSED');
    expect(connectError(cause, address).message).toContain('nothing listens there');
    expect(connectError(cause, address).cause).toBe(cause);
  });

  test('an aggregate without details is told by its own code', () => {
    expect(systemCode(Object.assign(new AggregateError([], ''), { code: 'ETIMEDOUT' }))).toBe('ETIMEDOUT');
  });
});

describe('why a server could not start', () => {
  test.each([
    ['EADDRINUSE', 'another program (or an earlier start of this one) uses that port'],
    ['EADDRNOTAVAIL', 'this computer has no such address'],
    ['EACCES', 'ports below 1024 need special rights'],
    ['ENOTFOUND', 'no such host name'],
  ])('%s is told in a sentence', (code, advice) => {
    const cause = failure(code);
    const error = listenError(cause, address);
    expect(error).toMatchObject({ code: 'ERR_SERPY_LISTEN', cause });
    expect(error.message).toMatch(/^cannot listen on 10\.0\.0\.5:5000: /);
    expect(error.message).toContain(advice);
    expect(error.message).toContain(`(${code})`);
  });
});

describe('why a link ended before messages could be exchanged', () => {
  const hungUp = connectError(failure('ECONNRESET'), address).message.replace(' (ECONNRESET)', '');

  test.each([
    ['the peer hung up', undefined, hungUp],
    ['the peer hung up in the middle of a word', new TruncatedError('cut'), hungUp],
    ['the network broke it', failure('ECONNRESET'), `${hungUp} (ECONNRESET)`],
    ['we did', new ProtocolError('say off'), 'cannot connect to 10.0.0.5:5000: say off'],
  ])('is told in a sentence where %s', (_, cause, message) => {
    const error = firstLinkError(cause, address);
    expect(error).toMatchObject({ code: 'ERR_SERPY_CONNECT', message });
    expect(error.cause).toBe(cause);
  });

  test('is told as it is where one end has not proved who it is', () => {
    const cause = new AuthenticationError('it has another key');
    expect(firstLinkError(cause, address)).toBe(cause);
  });
});
