/**
 * The peer that the doctor looks at, over one connection for all checks: a program of the Python modules may die of a second one, and of one that
 * comes back too soon.
 */
import { type Connection, type ConnectOptions, isSerpyError, type ProtocolName } from 'serpy';
import type { OtherEnd } from '../../bench/bench-protocol.js';
import { urlOf } from '../../format.js';
import type { Limits } from './check.js';
import type { HostInfo } from './host-info.js';

/** Who is to be looked at. */
export interface Target {
  readonly options: ConnectOptions;
  /** What the URL or the options say. */
  readonly protocol: ProtocolName;
  readonly host: string;
  readonly port: number;
  /** Whether there is a key, or TLS. */
  readonly secured: boolean;
  /** Whether something may be sent. */
  readonly maySend: boolean;
}

export interface PeerContext extends Limits {
  readonly hostInfo: HostInfo;
  readonly peer: Peer;
}

/** What became of the dial. */
export type ConnectResult =
  | { readonly connection: Connection; readonly elapsedMs: number }
  | { readonly problem: Problem; readonly error: Error };

/**
 * - `unreachable`: nobody listens, or nobody is there
 * - `unproven`: reached, and one end did not prove who it is
 * - `stranger`: reached, and it speaks otherwise
 * - `hung-up`: reached, and it hung up without a word
 */
export type Problem = 'unreachable' | 'unproven' | 'stranger' | 'hung-up';

/** How often it is looked whether a peer has said something. */
const listenStepMs = 20;

export class Peer {
  readonly target: Target;
  readonly #hostInfo: HostInfo;
  #connecting: Promise<ConnectResult> | undefined;
  #connection: Connection | undefined;
  /** Who sends back; undefined while that is not known, null when nobody does. */
  otherEnd: OtherEnd | null | undefined;
  /** Whether its name was looked up in vain. */
  isNameUnknown = false;

  constructor(target: Target, hostInfo: HostInfo) {
    this.target = target;
    this.#hostInfo = hostInfo;
  }

  /** Dials, the first time that somebody asks. @throws `ERR_SERPY_OPTION`, and nothing else */
  connect(signal: AbortSignal): Promise<ConnectResult> {
    this.#connecting ??= this.#connect(signal);
    return this.#connecting;
  }

  /** Waits for what the peer says by itself. @returns whether it has ended the connection */
  async listen(limitMs: number, signal: AbortSignal): Promise<boolean> {
    const connection = this.#connection;
    if (connection === undefined) return true;
    const { clock } = this.#hostInfo;
    const untilMs = clock.now() + limitMs;
    await new Promise<void>((resolve) => {
      const look = () => {
        const isOver = connection.closeInfo !== undefined || connection.stats().messagesReceived > 0;
        if (isOver || signal.aborted || clock.now() >= untilMs) resolve();
        else clock.setTimeout(look, listenStepMs);
      };
      look();
    });
    return connection.closeInfo !== undefined;
  }

  /** Says goodbye, so that a program at the other end sees that the end was meant. */
  async close(): Promise<void> {
    await this.#connection?.close({ reason: 'serpy doctor has seen enough' });
  }

  async #connect(signal: AbortSignal): Promise<ConnectResult> {
    const { connect, clock } = this.#hostInfo;
    const startMs = clock.now();
    try {
      const { options, maySend } = this.target;
      const connection = await connect(maySend ? options : listening(this.target), { signal });
      connection.on('warning', () => {}); // what becomes of it shows in the checks
      this.#connection = connection;
      return { connection, elapsedMs: clock.now() - startMs };
    } catch (error) {
      if (isSerpyError(error) && error.code === 'ERR_SERPY_OPTION') throw error;
      return { problem: problemOf(error), error: error as Error };
    }
  }
}

/** Options of a connection that sends nothing by itself: no probe, no handshake, no goodbye; where there is a key, or TLS, just that handshake. */
function listening({ protocol, options }: Target): ConnectOptions {
  const { host, port, key, tls, connectTimeoutMs, closeTimeoutMs } = options;
  const connection = { host, port, key, tls, connectTimeoutMs, closeTimeoutMs };
  return protocol === 'v1' ? { ...connection, protocol } : { ...connection, protocol: 'v2', session: 'off' };
}

/** What was sent to it, in words. */
export function sentTo({ maySend, secured }: Target): string {
  if (maySend) return 'a probe, a handshake, and a short text';
  return secured ? 'the handshake of TLS' : 'nothing';
}

function problemOf(error: unknown): Problem {
  if (!isSerpyError(error)) return 'unreachable';
  if (error.code === 'ERR_SERPY_AUTH') return 'unproven';
  if (isSerpyError(error.cause) && error.cause.code === 'ERR_SERPY_PROTOCOL') return 'stranger';
  return error.message.includes('closed the connection') ? 'hung-up' : 'unreachable';
}

/** Whether an address is this computer's own, that nobody else reaches. */
export function isLoopback(host: string): boolean {
  return /^(127\.[\d.]+|::1|localhost)$/i.test(host);
}

/** A URL of the target without anything that somebody else must not see. */
export function shownUrl(target: Target, protocol: ProtocolName): string {
  return urlOf(protocol, target, target.secured);
}
