/** A link as tests see it: the connection of a client to the proxy, together with the proxy's connection to the target. */
import type { Direction } from './direction.js';
import type { Address } from './net/endpoint.js';
import type { CutHow } from './options/faults.js';
import type { LinkFaults } from './options/options.js';

/**
 * Why a link ended:
 * - `'ended'`: both ends closed
 * - `'client-reset'`, `'target-reset'`: this connection was reset first
 * - `'cut'`: a fault cut it
 * - `'refused'`: it was answered with `'rst'`
 * - `'unreachable'`: the proxy could not connect to the target
 * - `'failed'`: your function `plan` or `frames` threw
 * - `'closed'`: the proxy was closed
 */
export type LinkEndReason =
  | 'ended'
  | 'client-reset'
  | 'target-reset'
  | 'cut'
  | 'refused'
  | 'unreachable'
  | 'failed'
  | 'closed';

/** The end of a link: the reason, and the error of the connection, if there was one. */
export interface LinkEnd {
  readonly reason: LinkEndReason;
  readonly error: Error | undefined;
}

/** A client's connection to the proxy, together with the proxy's connection to the target. */
export interface Link {
  /** Its number, from 0 in the order of arrival. */
  readonly index: number;
  /** The client's address. */
  readonly client: Address;
  /** The target's address. */
  readonly target: Address;
  /** From the client to the target. */
  readonly up: Direction;
  /** From the target to the client. */
  readonly down: Direction;
  /** Whether both ends are connected. */
  readonly isConnected: boolean;
  /** Why it ended; undefined before that. */
  readonly end: LinkEnd | undefined;
  /** Sets faults of its directions, like `Direction.apply`. @throws `ERR_FAULT_PROXY_OPTION` */
  apply(faults: Pick<LinkFaults, 'up' | 'down'>): void;
  /** Ends all faults of both directions. */
  clear(): void;
  /** Stalls both directions, until `resume`. */
  stall(): void;
  /** Resumes both directions. */
  resume(): void;
  /** Cuts both directions now. Bytes inside the proxy are lost. @throws `ERR_FAULT_PROXY_OPTION` */
  cut(how: LinkCut): void;
}

/** The cuts that do the same to both directions. */
export type LinkCut = Exclude<CutHow, 'half-close' | 'half-open'>;
