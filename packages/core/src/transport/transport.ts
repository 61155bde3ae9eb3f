/** The transport of one link: a bidirectional stream of bytes. It is TCP, TLS, or memory in tests. Types only. */

import type { Security } from '../security/security.js';
import type { Address } from './address.js';
import type { HandshakeGuard } from './handshake-guard.js';

/** The events of a transport. `closed` comes exactly once and last. */
export interface TransportHandler {
  /** Bytes have arrived. The chunk is valid during this call only: its memory is reused. */
  received(chunk: Buffer): void;
  /** Memory of a message with room for at least `leastBytes`, into which the next bytes are read directly; undefined to lend them. Optional. */
  target?(leastBytes: number): Buffer | undefined;
  /** `count` bytes were read into `target`. */
  filled?(count: number): void;
  /** The write buffer is below its high-water mark again. */
  drained(): void;
  /** Whether there is something to be written yet, by `flushing`: then there is something to flush. Left out: never. */
  readonly gathered?: boolean;
  /** The written bytes are about to be sent. Bytes that are written during this call are sent with them. */
  flushing?(): void;
  /** The peer will send no more. */
  ended(): void;
  /** The transport is closed; `error` says why, if it failed. */
  closed(error?: Error): void;
}

/** Memory for the requested number of bytes, from `offset` on. */
export interface WriteSlot {
  readonly buffer: Buffer;
  readonly offset: number;
}

/** One link to a peer. Nothing is received before `start`. */
export interface Transport {
  /** How long it took to connect, in milliseconds: at least one round trip. Undefined at a server. */
  connectMs?: number;
  readonly remote: Address;
  readonly local: Address;
  /** Whether the bytes are encrypted. Default false. */
  readonly encrypted?: boolean;
  /** What the peer has proved: the identity of the key, or the SHA-256 fingerprint of its certificate. Undefined without TLS, or for a client without a certificate. */
  readonly identity?: string | undefined;
  /** The number of bytes that were written and have not left this process. */
  readonly unsentBytes: number;
  /** The number of bytes that have left this process. The getter is slow: read it rarely. */
  readonly flushedBytes: number;
  /** Whether the write buffer is below its high-water mark; if false, wait for `drained`. */
  readonly writable: boolean;
  start(handler: TransportHandler): void;
  /** Writes bytes with the next flush, or at once if there are many. Large pieces are not copied: they must not change until they have left. */
  write(piece: Uint8Array): void;
  /** Memory in the next flush for a small piece, below 8 KiB, which the caller fills at once. Returns the same object each time. */
  reserve(bytes: number): WriteSlot;
  /** Sends the written bytes: at once, or together with others of this turn of the event loop. */
  flush(): void;
  pause(): void;
  resume(): void;
  /** Ends the stream after all written bytes. */
  end(): void;
  /** Closes at once and discards unsent bytes. `closed` follows. */
  destroy(): void;
}

/** Options of one connection attempt. */
export interface DialOptions extends Address {
  /** Ends the attempt early. */
  readonly signal: AbortSignal;
  /** Idle milliseconds after which TCP sends keep-alive probes; 0 disables them. */
  readonly keepAliveMs: number;
  /** How the link is protected. Default: unencrypted. A network in memory may ignore it. */
  readonly security?: Security | undefined;
}

/** The timers that a connection attempt needs. */
export interface Timers {
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** Connects a transport, or rejects with a `ConnectError` or an `AuthenticationError`. */
export type Dial = (options: DialOptions) => Promise<Transport>;

/** Options of a listener. */
export interface ListenOptions extends Address {
  readonly keepAliveMs: number;
  /** How the links are protected. Default: unencrypted. A network in memory may ignore it. */
  readonly security?: Security | undefined;
  /** Limits clients that authenticate before they are accepted. */
  readonly gate?: HandshakeGuard | undefined;
  /** Called for every client that connects, once it has authenticated. */
  accept(transport: Transport): void;
  /** Called when the system failed to accept a client; the listener continues. */
  failed(error: Error): void;
}

/** Accepts transports. */
export interface Listener {
  readonly address: Address;
  /** Stops accepting and frees the port. Accepted transports stay open. */
  close(): void;
}

/** Starts a listener, or rejects with a `ListenError`. */
export type Listen = (options: ListenOptions) => Promise<Listener>;
