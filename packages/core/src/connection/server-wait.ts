/** `waitForServer`: which failures of the first connection are retried, and what is said meanwhile. */
import { ConnectError, isSerpyError } from '../errors.js';
import type { Address } from '../transport/address.js';
import { systemCode } from '../transport/system-errors.js';

/** Failures that stay the same until a program or the system is changed. */
const permanentCodes: readonly string[] = [
  'ERR_SERPY_AUTH',
  'ERR_SERPY_OPTION',
  'ERR_SERPY_PROTOCOL',
  'ERR_SERPY_TOO_LARGE',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
];

/** Whether the same attempt may succeed later: the server is not started, its computer is off, or its name is not known yet. */
export function mayAppear(error: Error): boolean {
  if (!isSerpyError(error) || error.code !== 'ERR_SERPY_CONNECT') return false;
  const { cause } = error;
  if (!(cause instanceof Error)) return true;
  const code = isSerpyError(cause) ? cause.code : systemCode(cause);
  return code === undefined || !permanentCodes.includes(code);
}

/** The warning after the first failure: a wrong address is not silent. */
export function waitingError(address: Address, cause: Error): ConnectError {
  const what = `no server at ${nameOf(address)} yet: ${reasonOf(address, cause)}`;
  return new ConnectError(`${what}. Still trying. Set waitForServer: false to fail instead`, { cause });
}

/** The time of `waitForServer` is over. */
export function waitedError(address: Address, waitMs: number, cause: Error | undefined): ConnectError {
  const last = cause ? `. Last error: ${cause.message}` : '';
  return new ConnectError(`no server at ${nameOf(address)} within ${waitMs} ms (waitForServer)${last}`, { cause });
}

function nameOf({ host, port }: Address): string {
  return `${host}:${port}`;
}

/** The message without the address, which the sentence begins with. */
function reasonOf(address: Address, { message }: Error): string {
  const start = `cannot connect to ${nameOf(address)}: `;
  return message.startsWith(start) ? message.slice(start.length) : message;
}
