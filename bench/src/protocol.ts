/**
 * The protocol between the runner and a worker, which is one end of a peer in its own process: one JSON object per line, on the
 * worker's stdin and stdout. A worker first writes `ready`, then answers each request in turn, and exits when its stdin ends.
 */
import type { Address } from './peer.js';

/** CPU time since the start of the process, and memory. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly rssMiB: number;
  readonly peakRssMiB: number;
}

/** The requests and their answers. Times are milliseconds of the system's monotonic clock, which all processes share. */
export interface Calls {
  /** A server reports its address, a client that it is connected. */
  ready: { request: Record<never, never>; answer: { readonly address?: Address } };
  /** Sends as fast as the peer accepts messages. */
  send: {
    request: { readonly seconds: number };
    /** `dropped`: the copies of a broadcast that were dropped because their clients did not read. */
    answer: { readonly messages: number; readonly startedMs: number; readonly dropped?: number };
  };
  /** Like `send`, with separate memory for each message, and samples of the memory of the process. */
  sendFresh: {
    request: { readonly seconds: number };
    answer: { readonly messages: number; readonly rssMiB: readonly number[] };
  };
  /** Waits until this number of messages has arrived since the start. */
  received: { request: { readonly messages: number }; answer: { readonly lastMs: number } };
  /** Sends each message after the reply to the previous one. */
  roundTrips: {
    request: { readonly seconds: number };
    answer: { readonly count: number; readonly p50Us: number; readonly p99Us: number };
  };
  /** Sends with `inFlight` unacknowledged messages of the workload. */
  acknowledged: { request: { readonly seconds: number }; answer: { readonly count: number; readonly tookMs: number } };
  /** Asks with `inFlight` unanswered requests of the workload. */
  requests: { request: { readonly seconds: number }; answer: { readonly count: number; readonly tookMs: number } };
  /** Sends to the client that was accepted last until nothing more fits, because it reads nothing. */
  fill: { request: Record<never, never>; answer: Record<never, never> };
  /** Opens the workload's connections. */
  connect: { request: Record<never, never>; answer: { readonly startedMs: number } };
  /** Waits until this number of connections has been accepted. */
  accepted: { request: { readonly connections: number }; answer: { readonly lastMs: number } };
  /** The CPU time and memory of the worker so far. With `settle` it first collects garbage, if it can. */
  usage: { request: { readonly settle?: boolean }; answer: Usage };
}

export type CallName = keyof Calls;

export type Request = { [K in CallName]: { readonly do: K } & Calls[K]['request'] }[CallName];

/** What a worker writes: an answer, or the error. */
export type Reply = { readonly answer: object } | { readonly error: string };

export type Role = 'server' | 'client';
