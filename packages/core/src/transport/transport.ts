/** A two-way stream of bytes, as core sees it: TCP in use, a pair in memory in tests. Types only. */

import type { Security } from '../security/security.js';
import type { Address } from './address.js';
import type { HandshakeGuard } from './handshake-guard.js';

/** What a transport tells its owner. `closed` comes exactly once and last. */
export interface TransportHandler {
  /** Bytes came in. The chunk is lent for this call: its memory is read into again. */
  received(chunk: Buffer): void;
  /** Where the next bytes may be put instead of being lent, if there is room for that many. Left out, or undefined: nowhere. */
  target?(leastBytes: number): Buffer | undefined;
  /** So many bytes were put where `target` said. */
  filled?(count: number): void;
  /** It takes more bytes gladly again. */
  drained(): void;
  /** Whether there is something to be written yet, by `flushing`: then there is something to flush. Left out: never. */
  readonly gathered?: boolean;
  /** What was written is about to be sent. What is written now goes with it. */
  flushing?(): void;
  /** The peer will send no more. */
  ended(): void;
  /** The transport is gone; `error` says why, if it broke. */
  closed(error?: Error): void;
}

/** Memory for a piece: from `start` on, as much of it as was asked for. */
export interface WriteSlot {
  readonly buffer: Buffer;
  readonly offset: number;
}

/** One link to a peer. Nothing is received before `start`. */
export interface Transport {
  readonly remote: Address;
  readonly local: Address;
  /** Whether nobody in between can read or change what it carries. Left out: no. */
  readonly encrypted?: boolean;
  /** What the peer has proved: the identity of the key, or the SHA-256 fingerprint of its certificate. Nothing without TLS, or for a client without a certificate. */
  readonly identity?: string | undefined;
  /** Bytes that were written and have not left this process yet. */
  readonly unsentBytes: number;
  /** Bytes that have left this process; not asked for often. */
  readonly flushedBytes: number;
  /** Whether it takes more bytes gladly; false asks to wait for `drained`. */
  readonly writable: boolean;
  start(handler: TransportHandler): void;
  /** Takes bytes for the next flush, or at once where there are many, without copying big pieces: those must not change until they have left. */
  write(piece: Uint8Array): void;
  /** Where a small piece, below 8 KiB, is to be put at once: a place in the next flush. The same object is returned each time. */
  reserve(bytes: number): WriteSlot;
  /** Sends what was written: at once, or with what else is written in this turn of the event loop. */
  flush(): void;
  pause(): void;
  resume(): void;
  /** Says, after all that was written, that nothing more will be sent. */
  end(): void;
  /** Closes at once, whatever has not been sent. `closed` follows. */
  destroy(): void;
}

/** Options of one dial. */
export interface DialOptions extends Address {
  /** Ends the attempt early. */
  readonly signal: AbortSignal;
  /** After how many milliseconds of silence TCP starts to ask whether the peer is there; 0 for never. */
  readonly keepAliveMs: number;
  /** How the link is protected; left out: not at all. A network in memory may ignore it. */
  readonly security?: Security | undefined;
}

/** What a dial needs of a clock. */
export interface Timers {
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** Makes a transport, or rejects with a `ConnectError` or an `AuthenticationError`. */
export type Dial = (options: DialOptions) => Promise<Transport>;

/** Options of a listener. */
export interface ListenOptions extends Address {
  readonly keepAliveMs: number;
  /** How the links are protected; left out: not at all. A network in memory may ignore it. */
  readonly security?: Security | undefined;
  /** For peers that have to prove themselves before they are accepted. */
  readonly gate?: HandshakeGuard | undefined;
  /** Called for every peer that dials in. */
  accept(transport: Transport): void;
  /** Called when accepting one peer failed; the listener goes on. */
  failed(error: Error): void;
}

/** Something that accepts transports. */
export interface Listener {
  readonly address: Address;
  /** Stops accepting and frees the port. Transports that were accepted live on. */
  close(): void;
}

/** Starts a listener, or rejects with a `ListenError`. */
export type Listen = (options: ListenOptions) => Promise<Listener>;
