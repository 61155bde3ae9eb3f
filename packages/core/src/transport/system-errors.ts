/** Turns the system's terse errors into sentences that say what to do. */
import { ConnectError, isSerpyError, ListenError } from '../errors.js';
import type { Address } from './address.js';

const hungUp =
  'it hung up at once: is it the right port, does its server take another connection, and have both ends the same key, or none?';

const connectAdvice: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there: is the program at the other end running, and is the port right?',
  ENOTFOUND: 'no computer of that name was found: check its spelling, or give its IP address',
  EAI_AGAIN: 'the name could not be looked up just now: check the network, or give the IP address',
  ETIMEDOUT: 'it did not answer: is the computer on, the address right, and no firewall in between?',
  EHOSTUNREACH: 'there is no way to that computer: check cable, network and address',
  ENETUNREACH: 'there is no way to that network: check cable, network and address',
  EADDRNOTAVAIL: "that is no address to connect to (0.0.0.0 is for listening): give the server's own",
  ECONNRESET: hungUp,
  EACCES: 'the system does not allow it: a firewall or security program may be in the way',
  EPERM: 'the system does not allow it: a firewall or security program may be in the way',
  EMFILE: 'this program has too many files and connections open: close some',
};

const listenAdvice: Record<string, string> = {
  EADDRINUSE:
    'another program (or an earlier start of this one) uses that port: stop it, or choose another port; 0 takes any free one',
  EADDRNOTAVAIL:
    'this computer has no such address: use 127.0.0.1 for this computer alone, 0.0.0.0 for all its networks',
  EACCES: 'the system does not allow it: ports below 1024 need special rights, choose a higher one',
  ENOTFOUND: 'no such host name: use 127.0.0.1 for this computer alone, 0.0.0.0 for all its networks',
};

interface SystemError extends Error {
  readonly code?: string;
  /** Where several addresses of one name were tried, the error of each. */
  readonly errors?: readonly SystemError[];
}

/** The system's code of an error, also where several attempts failed together. */
export function systemCode(error: Error): string | undefined {
  const { code, errors } = error as SystemError;
  return errors?.find((each) => each.code !== undefined)?.code ?? code;
}

/** Why a dial failed. */
export function connectError(cause: Error, { host, port }: Address): ConnectError {
  const code = systemCode(cause);
  const advice = (code && connectAdvice[code]) ?? cause.message;
  return new ConnectError(`cannot connect to ${host}:${port}: ${advice}${code ? ` (${code})` : ''}`, { cause });
}

/** Why the first link of a connection, which was up, has ended before messages could be exchanged. */
export function firstLinkError(cause: Error | undefined, address: Address): Error {
  if (cause === undefined) return new ConnectError(`cannot connect to ${address.host}:${address.port}: ${hungUp}`);
  if (!isSerpyError(cause)) return connectError(cause, address);
  if (cause.code === 'ERR_SERPY_AUTH') return cause;
  const why = cause.code === 'ERR_SERPY_TRUNCATED' ? hungUp : cause.message;
  return new ConnectError(`cannot connect to ${address.host}:${address.port}: ${why}`, { cause });
}

/** Why a server could not start. */
export function listenError(cause: Error, { host, port }: Address): ListenError {
  const code = systemCode(cause);
  const advice = (code && listenAdvice[code]) ?? cause.message;
  return new ListenError(`cannot listen on ${host}:${port}: ${advice}${code ? ` (${code})` : ''}`, { cause });
}
