/**
 * The peer of the doctor. All checks share one connection, because a program with the Python modules can terminate at a second one, and at
 * one that comes back too soon.
 */
import { type Connection, type ConnectOptions, isSerpyError, type ProtocolName, urlOf } from 'serpy';
import type { OtherEnd } from '../../bench/bench-protocol.js';
import type { Limits } from './check.js';
import type { HostInfo } from './host-info.js';
import { causeCode } from './ports.js';

/** The peer to check. */
export interface Target {
  readonly options: ConnectOptions;
  /** The protocol of the URL or the options. */
  readonly protocol: ProtocolName;
  readonly host: string;
  readonly port: number;
  /** Whether the options have a key, or TLS. */
  readonly secured: boolean;
  /** Whether the doctor may send messages. */
  readonly maySend: boolean;
}

export interface PeerContext extends Limits {
  readonly hostInfo: HostInfo;
  readonly peer: Peer;
}

/** The result of the attempt to connect. */
export type ConnectResult = { readonly connection: Connection; readonly elapsedMs: number } | ConnectFailure;

export interface ConnectFailure {
  readonly problem: Problem;
  readonly error: Error;
}

/**
 * - `unreachable`: no program listens, or the computer does not answer
 * - `unauthenticated`: reached, and one end failed to authenticate
 * - `foreign`: reached, and the peer speaks another protocol
 * - `closed`: reached, and the peer closed the connection at once
 */
export type Problem = 'unreachable' | 'unauthenticated' | 'foreign' | 'closed';

/** The only line that the doctor sends to an instrument: any other text could be a command. */
export const identityQuestion = '*IDN?';

/** Polling interval while the doctor waits for data from the peer. */
const listenStepMs = 20;

export class Peer {
  readonly target: Target;
  readonly #hostInfo: HostInfo;
  #connecting: Promise<ConnectResult> | undefined;
  #connection: Connection | undefined;
  /** The program at the other end; undefined until it is known, null if it returns nothing. */
  otherEnd: OtherEnd | null | undefined;
  /** Whether the lookup of its name failed. */
  isNameUnknown = false;

  constructor(target: Target, hostInfo: HostInfo) {
    this.target = target;
    this.#hostInfo = hostInfo;
  }

  /** Connects at the first call. @throws `ERR_SERPY_OPTION`, and no other error */
  connect(signal: AbortSignal): Promise<ConnectResult> {
    this.#connecting ??= this.#connect(signal);
    return this.#connecting;
  }

  /** Waits for data that the peer sends by itself. @returns whether it has closed the connection */
  async listen(limitMs: number, signal: AbortSignal): Promise<boolean> {
    const connection = this.#connection;
    if (connection === undefined) return true;
    const { clock } = this.#hostInfo;
    const untilMs = clock.now() + limitMs;
    await new Promise<void>((resolve) => {
      const poll = () => {
        const isOver = connection.closeInfo !== undefined || connection.stats().messagesReceived > 0;
        if (isOver || signal.aborted || clock.now() >= untilMs) resolve();
        else clock.setTimeout(poll, listenStepMs);
      };
      poll();
    });
    return connection.closeInfo !== undefined;
  }

  /** Closes the connection. In a session a close frame tells the peer that this is intended. */
  async close(): Promise<void> {
    await this.#connection?.close({ reason: 'serpy doctor has finished' });
  }

  async #connect(signal: AbortSignal): Promise<ConnectResult> {
    const { connect, clock } = this.#hostInfo;
    const startMs = clock.now();
    try {
      const { options, maySend } = this.target;
      const connection = await connect({ ...(maySend ? options : silentOptions(this.target)), ...atOnce }, { signal });
      connection.on('warning', () => {}); // the checks show the consequences
      this.#connection = connection;
      return { connection, elapsedMs: clock.now() - startMs };
    } catch (error) {
      if (isSerpyError(error) && error.code === 'ERR_SERPY_OPTION') throw error;
      return { problem: problemOf(error), error: error as Error };
    }
  }
}

/** The doctor reports a failure and a break. */
const atOnce = { autoRestart: false, waitForServer: false };

/** Options of a connection that sends nothing by itself: no probe, no HELLO, no close frame. With a key or TLS it sends the TLS handshake. */
function silentOptions({ protocol, options }: Target): ConnectOptions {
  const { host, port, key, tls, connectTimeoutMs, closeTimeoutMs } = options;
  const connection = { host, port, key, tls, connectTimeoutMs, closeTimeoutMs, autoRestart: false };
  if (options.protocol === 'lines') {
    const { terminator, encoding } = options;
    return { ...connection, protocol: 'lines', terminator, encoding };
  }
  return protocol === 'v1' ? { ...connection, protocol } : { ...connection, protocol: 'v2', session: 'off' };
}

/** What the doctor sent to the peer, in words. */
export function sentTo({ protocol, maySend, secured }: Target): string {
  if (maySend && protocol === 'lines') return `the line ${identityQuestion}`;
  if (maySend) return 'a probe, a handshake, and a short text';
  return secured ? 'the TLS handshake' : 'nothing';
}

function problemOf(error: unknown): Problem {
  if (!isSerpyError(error)) return 'unreachable';
  if (error.code === 'ERR_SERPY_AUTH') return 'unauthenticated';
  const { cause } = error;
  if (isSerpyError(cause) && cause.code === 'ERR_SERPY_PROTOCOL') return 'foreign';
  if (error.code !== 'ERR_SERPY_CONNECT' || isTimeout(error)) return 'unreachable';
  const isClosed =
    cause === undefined || causeCode(error) === 'ECONNRESET' || causeCode(error) === 'ERR_SERPY_TRUNCATED';
  return isClosed ? 'closed' : 'unreachable';
}

/** Whether the peer did not answer in time: the error names the option, or the system's code. */
export function isTimeout(error: Error): boolean {
  return causeCode(error) === 'ETIMEDOUT' || error.message.includes('connectTimeoutMs');
}

/** The URL of the target, without secrets. */
export function shownUrl(target: Target, protocol: ProtocolName): string {
  return urlOf(protocol, target, target.secured);
}
