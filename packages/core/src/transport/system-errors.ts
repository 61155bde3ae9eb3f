/** Turns the terse errors of the system into sentences that say what to do. */
import { ConnectError, isSerpyError, ListenError } from '../errors.js';
import type { Address } from './address.js';

const hungUp =
  'connected, but the server closed the connection immediately. Likely causes: the server is full (maxConnections), the keys differ ' +
  'or only one end has a key, or another program uses this port. "serpy doctor" finds the cause';

/** The end of a sentence about a computer that did not answer. */
export const noAnswerAdvice =
  'is the computer on, is the address right, and does a firewall (on Windows: Defender Firewall) block the port?';

const connectAdvice: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there: is the program at the other end running, and is the port right?',
  ENOTFOUND: 'no computer of that name was found: check its spelling, or give its IP address',
  EAI_AGAIN: 'the name could not be looked up just now: check the network, or give the IP address',
  ETIMEDOUT: `the computer did not answer: ${noAnswerAdvice}`,
  EHOSTUNREACH: 'there is no route to that computer: check cable, network and address',
  ENETUNREACH: 'there is no route to that network: check cable, network and address',
  EADDRNOTAVAIL:
    'that is not an address to connect to (0.0.0.0 is for listening): give the address of the server, for example 192.168.1.20',
  ECONNRESET: hungUp,
  EACCES: 'the system does not allow it: a firewall or security program may block it',
  EPERM: 'the system does not allow it: a firewall or security program may block it',
  EMFILE: 'this program has too many files and connections open: close some',
};

const listenAdvice: Record<string, string> = {
  EADDRINUSE:
    'another program (or an earlier start of this one) uses that port: stop it, or choose another port; port 0 selects a free one. ' +
    '"serpy doctor --check-port" helps to find it',
  EADDRNOTAVAIL:
    'this computer has no such address: use 127.0.0.1 for this computer only, 0.0.0.0 for all its networks',
  EACCES: 'the system does not allow it: ports below 1024 need special rights, choose a higher one',
  ENOTFOUND: 'there is no such host name: use 127.0.0.1 for this computer only, 0.0.0.0 for all its networks',
};

interface SystemError extends Error {
  readonly code?: string;
  /** If several addresses of one name were tried: the error of each. */
  readonly errors?: readonly SystemError[];
}

/** The system's code of an error; of several failed attempts, the first code. */
export function systemCode(error: Error): string | undefined {
  const { code, errors } = error as SystemError;
  return errors?.find((each) => each.code !== undefined)?.code ?? code;
}

/** The error of a connection attempt that failed. */
export function connectError(cause: Error, { host, port }: Address): ConnectError {
  const code = systemCode(cause);
  const advice = (code && connectAdvice[code]) ?? cause.message;
  return new ConnectError(`cannot connect to ${host}:${port}: ${advice}${code ? ` (${code})` : ''}`, { cause });
}

/** The error of a connection whose first TCP connection ended before messages could be exchanged. */
export function firstLinkError(cause: Error | undefined, address: Address): Error {
  if (cause === undefined) return new ConnectError(`cannot connect to ${address.host}:${address.port}: ${hungUp}`);
  if (!isSerpyError(cause)) return connectError(cause, address);
  if (cause.code === 'ERR_SERPY_AUTH') return cause;
  const why = cause.code === 'ERR_SERPY_TRUNCATED' ? hungUp : cause.message;
  return new ConnectError(`cannot connect to ${address.host}:${address.port}: ${why}`, { cause });
}

/** The error of a server that could not start. */
export function listenError(cause: Error, { host, port }: Address): ListenError {
  const code = systemCode(cause);
  const advice = (code && listenAdvice[code]) ?? cause.message;
  return new ListenError(`cannot listen on ${host}:${port}: ${advice}${code ? ` (${code})` : ''}`, { cause });
}
