/**
 * Limits the connections of a server: in total and for each address group. A client that resumes a session already has its place. The first
 * bytes show which client that is, so connections count separately until then. No sockets.
 */
import type { ConnectionState } from '../connection/connection-state.js';
import { ConnectionLostError } from '../errors.js';
import type { Address } from '../transport/address.js';
import { addressGroup, isLoopback } from '../transport/address.js';

/** The used part of a connection. */
export interface AdmittedConnection {
  readonly state: ConnectionState;
  readonly remote: Address | undefined;
  destroy(error: Error): void;
}

/** The limits, by the names of their options. */
export interface AdmissionLimits {
  /** The maximum number of connections. Default 64. */
  readonly maxConnections: number;
  /** The maximum number of connections from one address, and of clients of one address that are authenticating. Default 16. Programs on this computer are exempt: they share one address, as do all clients of a tunnel. */
  readonly maxConnectionsPerAddress: number;
}

export type AdmissionLimit = keyof AdmissionLimits;

/** The connections that one limit counts. */
interface ConnectionCount<C> {
  readonly limit: AdmissionLimit;
  readonly max: number;
  /** The address group; undefined for all connections. */
  readonly source?: string;
  of(members: ReadonlySet<C>): C[];
}

export class Admission<C extends AdmittedConnection> {
  /** The accepted connections. */
  readonly connections = new Set<C>();
  /** The connections that may still turn out to resume a session. The program has not seen them. */
  readonly pending = new Set<C>();
  readonly #limits: AdmissionLimits;
  readonly #mayResume: (connection: C) => boolean;
  readonly #hasSpoken: (connection: C) => boolean;

  /**
   * @param mayResume whether the client of a connection can resume its session on another link
   * @param hasSpoken whether the client has sent a byte
   */
  constructor(
    limits: AdmissionLimits,
    mayResume: (connection: C) => boolean,
    hasSpoken: (connection: C) => boolean = () => true,
  ) {
    this.#limits = limits;
    this.#mayResume = mayResume;
    this.#hasSpoken = hasSpoken;
  }

  /** The limit that rejects a client at once. If sessions are among the counted connections, the client may resume one of them and passes. */
  limitFor(remote: Address): AdmissionLimit | undefined {
    for (const count of this.#counts(remote)) {
      const counted = count.of(this.connections);
      if (counted.length >= count.max && !counted.some(this.#mayResume)) return count.limit;
      if (!evictAbsent(this.pending, count, (each) => !this.#hasSpoken(each))) return count.limit;
    }
    return undefined;
  }

  /** The limit that rejects a new client. Disconnected sessions are evicted first. */
  limitForNew({ remote }: C): AdmissionLimit | undefined {
    const refusing = this.#counts(remote).find((count) => !evictAbsent(this.connections, count));
    return refusing?.limit;
  }

  /** Whether a connection, or a disconnected session, has the address group. On a server with security, all of them have authenticated. */
  knows(host: string): boolean {
    const group = addressGroup(host);
    const isFrom = ({ remote }: C) => remote !== undefined && addressGroup(remote.host) === group;
    return [...this.connections].some(isFrom) || [...this.pending].some(isFrom);
  }

  /** The limit by address comes first: a client that it rejects evicts no other. */
  #counts(remote: Address | undefined): ConnectionCount<C>[] {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits;
    const all: ConnectionCount<C> = {
      limit: 'maxConnections',
      max: maxConnections,
      of: (members) => membersIfFull(members, maxConnections),
    };
    if (remote === undefined || isLoopback(remote.host)) return [all];
    const group = addressGroup(remote.host);
    const isFrom = (each: C) => each.remote !== undefined && addressGroup(each.remote.host) === group;
    const of = (members: ReadonlySet<C>) => membersIfFull(members, maxConnectionsPerAddress).filter(isFrom);
    return [{ limit: 'maxConnectionsPerAddress', max: maxConnectionsPerAddress, of }, all];
  }
}

/** The members if there are at least `count`. Otherwise none: no limit can be reached, and copying them would cost time. */
function membersIfFull<C>(members: ReadonlySet<C>, count: number): C[] {
  return members.size >= count ? [...members] : [];
}

/**
 * Whether there is room for one more connection. Evicts disconnected sessions, then members that `isEvictable` selects, the oldest first.
 */
function evictAbsent<C extends AdmittedConnection>(
  members: ReadonlySet<C>,
  { limit, max, of }: ConnectionCount<C>,
  isEvictable: (member: C) => boolean = () => false,
): boolean {
  const counted = of(members);
  const isAbsent = ({ state }: C) => state === 'reconnecting';
  const evictable = [...counted.filter(isAbsent), ...counted.filter((each) => !isAbsent(each) && isEvictable(each))];
  const excess = counted.length + 1 - max;
  if (excess > evictable.length) return false;
  for (const each of evictable.slice(0, Math.max(0, excess))) {
    const why = isAbsent(each) ? 'its client was disconnected' : 'its client had sent nothing';
    each.destroy(
      new ConnectionLostError(
        `the connection was closed: ${why}, and the server needed the place for a new connection (${limit}). Raise ${limit} of the server`,
      ),
    );
  }
  return true;
}
