/** What a peer is: one library or way of sending messages, used as its own documentation says is fastest. */
import type { Kind, Workload } from './workload.js';

/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What is sent: the same bytes at both ends and for every peer. */
export interface Payload {
  readonly bytes: Buffer;
  /** The same as text, for peers that send text as text; undefined for blobs. */
  readonly text: string | undefined;
}

/** Called for each whole message with its length. A peer that can hold its sender back waits for the promise. */
export type MessageHandler = (bytes: number) => Promise<void> | undefined;

/** One connection, at either end. */
export interface Link {
  /** Sends the payload `count` times; the promise resolves when more may be sent, none means at once. */
  send(payload: Payload, count: number): Promise<void> | undefined;
  /** Sends once and resolves with the peer's own acknowledgement. Without it the receiving application answers with a message. */
  sendAcknowledged?(payload: Payload): Promise<unknown>;
  /** Hears every message from now on. Called once. */
  receive(handler: MessageHandler): void;
}

/** The listening end. */
export interface Serving {
  readonly address: Address;
  /** Sends to all that are connected; without it each link is sent to in turn. */
  broadcast?(payload: Payload, count: number): Promise<void> | undefined;
  /** A process of the peer's own between the two (a broker), whose CPU time counts too. */
  readonly brokerPid?: number;
}

/** Whether a peer can be run here: what it is, or why not. */
export type Availability = { readonly version: string } | { readonly missing: string };

interface Described {
  /** As in tables and in `--peers`. */
  readonly name: string;
  /** The kinds of workload that make sense for it. */
  readonly kinds: readonly Kind[];
  /** Which end sends in one-way workloads: the client unless said otherwise. */
  readonly sender?: 'client' | 'server';
  available(): Promise<Availability>;
}

/** A peer for Node. Its library is imported by `available`, `server` and `client`, never when the file is. */
export interface NodePeer extends Described {
  /** Listens on a free port of 127.0.0.1; `accept` gets each connection. */
  server(workload: Workload, accept: (link: Link) => void): Promise<Serving>;
  /** One connection. */
  client(workload: Workload, address: Address): Promise<Link>;
}

/** A peer in another language: a program that speaks the lines of protocol.ts, as worker.ts does. */
export interface ForeignPeer extends Described {
  /** The program and its first arguments; role, workload and address follow. */
  readonly command: readonly string[];
}

export type Peer = NodePeer | ForeignPeer;

/** What a file below peers/ exports: one peer, or the ways of using one library. */
export interface PeerFile {
  readonly peers: readonly Peer[];
}
