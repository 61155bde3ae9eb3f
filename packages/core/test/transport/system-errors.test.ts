import { describe, expect, test } from 'vitest';
import { AuthenticationError, ProtocolError, TruncatedError } from '../../src/errors.js';
import { connectError, firstLinkError, listenError, systemCode } from '../../src/transport/system-errors.js';

const failure = (code?: string) => Object.assign(new Error(`connect ${code} 10.0.0.5:5000`), code ? { code } : {});
const address = { host: '10.0.0.5', port: 5000 };

describe('a failed connection attempt', () => {
  test.each([
    ['ECONNREFUSED', 'nothing listens there: is the program at the other end running, and is the port right?'],
    ['ENOTFOUND', 'no computer of that name was found: check its spelling, or give its IP address'],
    ['EAI_AGAIN', 'the name could not be looked up just now: check the network, or give the IP address'],
    [
      'ETIMEDOUT',
      'the computer did not answer: is the computer on, is the address right, and does a firewall (on Windows: Defender Firewall) block the port?',
    ],
    ['EHOSTUNREACH', 'there is no route to that computer: check cable, network and address'],
    ['ENETUNREACH', 'there is no route to that network: check cable, network and address'],
    [
      'ECONNRESET',
      'connected, but the server closed the connection immediately. Likely causes: the server is full (maxConnections), the keys differ or only one end has a key, or another program uses this port. "serpy doctor" finds the cause',
    ],
    ['EACCES', 'the system does not allow it: a firewall or security program may block it'],
    ['EPERM', 'the system does not allow it: a firewall or security program may block it'],
    ['EMFILE', 'this program has too many files and connections open: close some'],
  ])('%s is explained in a sentence', (code, advice) => {
    const cause = failure(code);
    const error = connectError(cause, address);
    expect(error).toMatchObject({ code: 'ERR_SERPY_CONNECT', cause });
    expect(error.message).toBe(`cannot connect to 10.0.0.5:5000: ${advice} (${code})`);
  });

  test('an unknown code has the message of the system', () => {
    expect(connectError(failure('EWEIRD'), address).message).toBe(
      'cannot connect to 10.0.0.5:5000: connect EWEIRD 10.0.0.5:5000 (EWEIRD)',
    );
    expect(connectError(new Error('no idea'), address).message).toBe('cannot connect to 10.0.0.5:5000: no idea');
  });

  test('of several addresses of one name, the first error with a code is explained', () => {
    const cause = new AggregateError([failure(), failure('ECONNREFUSED'), failure('ETIMEDOUT')], '');
    expect(systemCode(cause)).toBe('ECONNREFUSED');
    expect(connectError(cause, address).message).toContain('nothing listens there');
    expect(connectError(cause, address).cause).toBe(cause);
  });

  test('an aggregate without details has its own code', () => {
    expect(systemCode(Object.assign(new AggregateError([], ''), { code: 'ETIMEDOUT' }))).toBe('ETIMEDOUT');
  });
});

describe('a server that could not start', () => {
  test.each([
    ['EADDRINUSE', 'another program (or an earlier start of this one) uses that port'],
    ['EADDRNOTAVAIL', 'this computer has no such address'],
    ['EACCES', 'ports below 1024 need special rights'],
    ['ENOTFOUND', 'there is no such host name'],
  ])('%s is explained in a sentence', (code, advice) => {
    const cause = failure(code);
    const error = listenError(cause, address);
    expect(error).toMatchObject({ code: 'ERR_SERPY_LISTEN', cause });
    expect(error.message).toMatch(/^cannot listen on 10\.0\.0\.5:5000: /);
    expect(error.message).toContain(advice);
    expect(error.message).toContain(`(${code})`);
  });
});

describe('a link that ended before messages could be exchanged', () => {
  const closedAtOnce = connectError(failure('ECONNRESET'), address).message.replace(' (ECONNRESET)', '');

  test.each([
    ['the server closed it', undefined, closedAtOnce],
    ['the server closed it in the middle of a message', new TruncatedError('cut'), closedAtOnce],
    ['the network reset it', failure('ECONNRESET'), `${closedAtOnce} (ECONNRESET)`],
    ['this end closed it', new ProtocolError('say off'), 'cannot connect to 10.0.0.5:5000: say off'],
  ])('is explained in a sentence if %s', (_, cause, message) => {
    const error = firstLinkError(cause, address);
    expect(error).toMatchObject({ code: 'ERR_SERPY_CONNECT', message });
    expect(error.cause).toBe(cause);
  });

  test('keeps the error of a failed authentication', () => {
    const cause = new AuthenticationError('the server has a different key');
    expect(firstLinkError(cause, address)).toBe(cause);
  });
});
