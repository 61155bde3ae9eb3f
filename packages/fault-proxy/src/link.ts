/** A link as a test sees it: a client that has dialled the proxy, and the target that it was connected to. */
import type { Direction } from './direction.js';
import type { Address } from './net/endpoint.js';
import type { CutHow } from './options/faults.js';
import type { LinkFaults } from './options/options.js';

/**
 * Why a link is over:
 * - `'ended'`: both ends had sent all they wanted
 * - `'client-reset'`, `'target-reset'`: the first of the two connections to break was this one
 * - `'cut'`: a fault cut it
 * - `'refused'`: it was answered with `'rst'`
 * - `'unreachable'`: the target could not be dialled
 * - `'failed'`: a function of yours threw
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

/** With `linkClose`: why, and the error that broke it, where one did. */
export interface LinkEnd {
  readonly reason: LinkEndReason;
  readonly error: Error | undefined;
}

/** A link: a client that has dialled the proxy, and the target. */
export interface Link {
  /** Its number, from 0 in the order of arrival. */
  readonly index: number;
  /** The client's address. */
  readonly client: Address;
  /** Where it leads. */
  readonly target: Address;
  /** From the client to the target. */
  readonly up: Direction;
  /** From the target to the client. */
  readonly down: Direction;
  /** Whether both its ends are up. */
  readonly isConnected: boolean;
  /** Why it is over, once it is. */
  readonly end: LinkEnd | undefined;
  /** Sets faults of its directions, as `Direction.apply`. @throws `ERR_FAULT_PROXY_OPTION` */
  apply(faults: Pick<LinkFaults, 'up' | 'down'>): void;
  /** Ends all faults of both directions. */
  clear(): void;
  /** Stalls both directions, until `resume`. */
  stall(): void;
  resume(): void;
  /** Cuts it now, both ways alike; what is under way is lost. @throws `ERR_FAULT_PROXY_OPTION` */
  cut(how: LinkCut): void;
}

/** A cut that is the same whichever way one looks. */
export type LinkCut = Exclude<CutHow, 'half-close' | 'half-open'>;
