/**
 * Connects a socket to the first address of a host name that answers. The fault proxy, which depends on no package, has a copy of this
 * file.
 */
import { ADDRCONFIG, type LookupAddress, lookup } from 'node:dns';

interface Target {
  readonly host: string;
  readonly port: number;
}

interface Timers {
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** 250 ms: after this time the next address is tried in parallel, as RFC 8305 recommends. */
const attemptDelayMs = 250;

/** The used part of a socket. */
interface Connecting {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  once(event: 'connect', listener: () => void): unknown;
  once(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'error', listener: () => void): unknown;
  removeListener(event: string, listener: (...args: never[]) => void): unknown;
  destroy(): unknown;
  resetAndDestroy(): unknown;
}

/** The used part of Node's internals of a socket: the TCP handle below the TLS handle. */
interface SocketInternals {
  readonly _handle?: { readonly _parent?: { readonly reset?: (done: () => void) => unknown } } | null;
}

/** The destination as options of `node:net`: they keep the host name, which is not looked up again. */
export interface Destination extends Target {
  readonly autoSelectFamily: false;
  readonly lookup: (
    host: string,
    options: object,
    found: (error: null, address: string, family: number) => void,
  ) => void;
}

/**
 * Connects. Each address has until the signal aborts: Node's own method gives each but the last 250 ms.
 * @param open creates a socket that begins to connect; throws for options that no address accepts
 */
export async function connectSocket<S extends Connecting>(
  address: Target,
  signal: AbortSignal,
  timers: Timers,
  open: (destination: Destination) => S,
): Promise<S> {
  const found = await addressesOf(address.host, signal);
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const race = new ConnectRace<S>(address, found, timers, open, {
      won: (socket) => {
        signal.removeEventListener('abort', stop);
        resolve(socket);
      },
      failed: (error) => {
        signal.removeEventListener('abort', stop);
        reject(error);
      },
    });
    const stop = () => race.fail(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    race.next();
  });
}

/** The parallel attempts of one connect. */
class ConnectRace<S extends Connecting> {
  readonly #address: Target;
  readonly #waiting: Iterator<LookupAddress>;
  readonly #timers: Timers;
  readonly #open: (destination: Destination) => S;
  readonly #owner: { won(socket: S): void; failed(error: unknown): void };
  readonly #attempts = new Set<S>();
  readonly #errors: Error[] = [];
  #timer: unknown;
  #over = false;

  constructor(
    address: Target,
    found: readonly LookupAddress[],
    timers: Timers,
    open: (destination: Destination) => S,
    owner: { won(socket: S): void; failed(error: unknown): void },
  ) {
    this.#address = address;
    this.#waiting = found[Symbol.iterator]();
    this.#timers = timers;
    this.#open = open;
    this.#owner = owner;
  }

  /** Tries the next address, in parallel with those that have not answered. */
  next(): void {
    this.#timers.clearTimeout(this.#timer);
    const { done, value } = this.#waiting.next();
    if (done) {
      if (this.#attempts.size === 0) this.fail(combinedError(this.#errors));
      return;
    }
    this.#timer = this.#timers.setTimeout(() => this.next(), attemptDelayMs);
    try {
      this.#try(value);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends all attempts. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#end();
    this.#owner.failed(error);
  }

  #try({ address, family }: LookupAddress): void {
    const socket = this.#open({
      ...this.#address,
      autoSelectFamily: false,
      lookup: (_host, _options, found) => process.nextTick(found, null, address, family),
    });
    socket.on('error', noop); // an error after the end of the attempt has no other listener
    this.#attempts.add(socket);
    const failed = (error: Error) => {
      if (this.#over) return;
      this.#attempts.delete(socket);
      socket.destroy();
      this.#errors.push(error);
      this.next();
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      if (this.#over) return;
      if (isSelfConnected(socket)) {
        const error = refusedError(socket);
        reset(socket);
        failed(error);
        return;
      }
      socket.removeListener('error', failed);
      this.#attempts.delete(socket);
      this.#end();
      this.#owner.won(socket);
    });
  }

  #end(): void {
    this.#over = true;
    this.#timers.clearTimeout(this.#timer);
    for (const socket of this.#attempts) socket.destroy();
  }
}

function noop(): void {}

/**
 * If no program listens on a port from the system's range for outgoing sockets, a connecting socket can get that same port. TCP then
 * connects the socket to itself.
 */
function isSelfConnected({ localAddress, localPort, remoteAddress, remotePort }: Connecting): boolean {
  return localPort !== undefined && localPort === remotePort && localAddress === remoteAddress;
}

/** A graceful close would block the port of the server for a minute (TIME_WAIT). */
function reset(socket: Connecting): void {
  const below = (socket as SocketInternals)._handle?._parent;
  if (below?.reset) below.reset(noop);
  else socket.resetAndDestroy();
}

function refusedError({ remoteAddress: address, remotePort: port }: Connecting): Error {
  const text = `connect ECONNREFUSED ${address}:${port}: the system connected the socket to itself`;
  return Object.assign(new Error(text), { code: 'ECONNREFUSED', syscall: 'connect', address, port });
}

/** The failures of several attempts, as Node reports them. */
function combinedError(errors: readonly Error[]): Error {
  const [first] = errors;
  if (first === undefined || errors.length === 1) return first ?? new Error('the name has no address');
  return Object.assign(new AggregateError(errors), { code: (first as NodeJS.ErrnoException).code });
}

/** The addresses of a host, alternately of both families, because one family may have no route. */
function addressesOf(host: string, signal: AbortSignal): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    // On Windows the hint hides addresses that work; Node does not use it there either.
    const hints = process.platform === 'win32' ? 0 : ADDRCONFIG;
    lookup(host, { all: true, hints }, (error, found) => {
      signal.removeEventListener('abort', stop);
      if (error) reject(error);
      else resolve(interleave(found));
    });
  });
}

function interleave(found: readonly LookupAddress[]): LookupAddress[] {
  const first = found.filter(({ family }) => family === found[0]?.family);
  const second = found.filter(({ family }) => family !== found[0]?.family);
  return found.flatMap((_, at) => [first[at] ?? [], second[at] ?? []].flat());
}
