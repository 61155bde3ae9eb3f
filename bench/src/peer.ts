/** The interface of a peer: one library, or one way of sending messages, used as its documentation recommends for speed. */
import type { Kind, Workload } from './workload.js';

/** The address on which a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** The server's public key, for peers that need it to connect. */
  readonly publicKey?: string;
}

/** The payload of a message: the same bytes at both ends and for every peer. */
export interface Payload {
  readonly bytes: Buffer;
  /** The same as text, for peers that send text as text; undefined for binary messages. */
  readonly text: string | undefined;
}

/** Called for each complete message with its length. A peer with back-pressure waits for the promise. */
export type MessageHandler = (bytes: number) => Promise<void> | undefined;

/** One connection, at either end. */
export interface Link {
  /** Sends the payload `count` times. The promise resolves when the link accepts more; undefined means at once. */
  send(payload: Payload, count: number): Promise<void> | undefined;
  /** Sends once, and resolves with the peer's own acknowledgement. Without it the receiving application replies with a message. */
  sendAcknowledged?(payload: Payload): Promise<unknown>;
  /** For requests, at the client: asks, and resolves with the length of the answer. */
  request?(payload: Payload): Promise<number>;
  /** For requests, at the server: answers each with the payload. Called once, instead of `receive`. */
  answer?(payload: Payload): void;
  /** Sets the handler of all messages. Called once. */
  receive(handler: MessageHandler): void;
}

/** The listening end of a peer. */
export interface Serving {
  readonly address: Address;
  /** Sends to all clients. Without it the bench sends to each link in turn. */
  broadcast?(payload: Payload, count: number): Promise<void> | undefined;
  /** Sends once to all clients that read, without waiting for the others. Resolves with the number of those for which it was dropped. */
  broadcastToReaders?(payload: Payload): Promise<number>;
  /** The process of a broker, whose CPU time also counts. */
  readonly brokerPid?: number;
}

/** Whether a peer can run here: its version, or the reason why not. */
export type Availability = { readonly version: string } | { readonly missing: string };

interface Described {
  /** The name in tables and in `--peers`. */
  readonly name: string;
  /** The kinds of workload that it supports. */
  readonly kinds: readonly Kind[];
  /** The sender of one-way workloads. Default: the client. */
  readonly sender?: 'client' | 'server';
  available(): Promise<Availability>;
}

/** A peer for Node. `available`, `server` and `client` import its library; the file does not, so that a missing peer stops no other. */
export interface NodePeer extends Described {
  /** Listens on a free port of 127.0.0.1, and passes each connection to `accept`. */
  server(workload: Workload, accept: (link: Link) => void): Promise<Serving>;
  /** Opens one connection. */
  client(workload: Workload, address: Address): Promise<Link>;
}

/** A peer in another language: a program that implements protocol.ts, like worker.ts. */
export interface ForeignPeer extends Described {
  /** The program and its first arguments. The role, the workload and the address follow. */
  readonly command: readonly string[];
}

export type Peer = NodePeer | ForeignPeer;

/** The exports of a file in peers/: one peer, or several ways of using one library. */
export interface PeerFile {
  readonly peers: readonly Peer[];
}
