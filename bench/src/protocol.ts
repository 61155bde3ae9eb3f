/**
 * What the runner and a worker (one end of a peer, in its own process) say to each other: a JSON object a line, on the worker's stdin
 * and stdout. A worker says `ready` first, then answers each request in turn, and ends when its stdin does.
 */
import type { Address } from './peer.js';

/** CPU time since the process began, and memory. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly rssMiB: number;
  readonly peakRssMiB: number;
}

/** Times are those of the system's monotonic clock, which all processes share, in milliseconds. */
export interface Calls {
  /** A server tells where it listens, a client that it is connected. */
  ready: { request: Record<never, never>; answer: { readonly address?: Address } };
  /** Sends as fast as the peer takes it. */
  send: {
    request: { readonly seconds: number };
    answer: { readonly messages: number; readonly startedMs: number };
  };
  /** As `send`, with memory of its own for each message, watching the memory of the process. */
  sendFresh: {
    request: { readonly seconds: number };
    answer: { readonly messages: number; readonly rssMiB: readonly number[] };
  };
  /** Waits until so many messages have arrived since the beginning. */
  received: { request: { readonly messages: number }; answer: { readonly lastMs: number } };
  /** Sends one message after the answer to the last. */
  roundTrips: {
    request: { readonly seconds: number };
    answer: { readonly count: number; readonly p50Us: number; readonly p99Us: number };
  };
  /** Sends with so many unacknowledged as the workload says. */
  acknowledged: { request: { readonly seconds: number }; answer: { readonly count: number; readonly tookMs: number } };
  /** Opens the workload's connections. */
  connect: { request: Record<never, never>; answer: { readonly startedMs: number } };
  /** Waits until so many connections have been accepted. */
  accepted: { request: { readonly connections: number }; answer: { readonly lastMs: number } };
  /** The workers' CPU time and memory so far; `settle` collects garbage first where that can be asked for. */
  usage: { request: { readonly settle?: boolean }; answer: Usage };
}

export type CallName = keyof Calls;

export type Request = { [K in CallName]: { readonly do: K } & Calls[K]['request'] }[CallName];

/** What a worker writes: an answer, or why there is none. */
export type Reply = { readonly answer: object } | { readonly error: string };

export type Role = 'server' | 'client';
