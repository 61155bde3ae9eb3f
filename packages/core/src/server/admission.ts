/**
 * Which peers a server takes: so many in all and so many of one address. Those who come back to their sessions have their places; who that
 * is shows only in their first words, so until then they are counted apart. It knows no sockets.
 */
import type { ConnectionState } from '../connection/connection-state.js';
import { ConnectionLostError } from '../errors.js';
import type { Address } from '../transport/address.js';
import { addressGroup, isLoopback } from '../transport/address.js';

/** A connection, as far as it is counted. */
export interface AdmittedConnection {
  readonly state: ConnectionState;
  readonly remote: Address | undefined;
  destroy(error: Error): void;
}

/** The limits, by the names of their options. */
export interface AdmissionLimits {
  /** How many connections there may be at a time. Default 64. */
  readonly maxConnections: number;
  /** How many of one address, and how many of one address may be proving themselves. Default 16. Of the programs of this computer any number may be there: they share one address, as all do that come through a tunnel. */
  readonly maxConnectionsPerAddress: number;
}

export type AdmissionLimit = keyof AdmissionLimits;

/** Whom a limit counts. */
interface ConnectionCount<C> {
  readonly limit: AdmissionLimit;
  readonly max: number;
  /** Left out: everybody. */
  readonly source?: string;
  of(members: ReadonlySet<C>): C[];
}

export class Admission<C extends AdmittedConnection> {
  /** Those that the server has. */
  readonly connections = new Set<C>();
  /** Of which it is not known yet whether they are new: nobody has seen them. */
  readonly pending = new Set<C>();
  readonly #limits: AdmissionLimits;
  readonly #mayResume: (connection: C) => boolean;
  readonly #hasSpoken: (connection: C) => boolean;

  /**
   * @param mayResume whether the peer of a connection may come back to it on another link
   * @param hasSpoken whether anything has come from the peer
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

  /** A peer has dialled: the limit that turns him away at once. Where sessions are counted against him he may be one who comes back. */
  limitFor(remote: Address): AdmissionLimit | undefined {
    for (const count of this.#counts(remote)) {
      const there = count.of(this.connections);
      if (there.length >= count.max && !there.some(this.#mayResume)) return count.limit;
      if (!evictAbsent(this.pending, count, (each) => !this.#hasSpoken(each))) return count.limit;
    }
    return undefined;
  }

  /** He is a new one: the limit that turns him away. One whose peer is away makes room. */
  limitForNew({ remote }: C): AdmissionLimit | undefined {
    const refusing = this.#counts(remote).find((count) => !evictAbsent(this.connections, count));
    return refusing?.limit;
  }

  /** Whether one of them comes from there, or may come back to his session. All of them have proved themselves, where that is asked. */
  knows(host: string): boolean {
    const source = addressGroup(host);
    const isFrom = ({ remote }: C) => remote !== undefined && addressGroup(remote.host) === source;
    return [...this.connections].some(isFrom) || [...this.pending].some(isFrom);
  }

  /** Of one address first: then nobody else makes room for a peer that is turned away anyway. */
  #counts(remote: Address | undefined): ConnectionCount<C>[] {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits;
    const all: ConnectionCount<C> = {
      limit: 'maxConnections',
      max: maxConnections,
      of: (members) => membersIfFull(members, maxConnections),
    };
    if (remote === undefined || isLoopback(remote.host)) return [all];
    const source = addressGroup(remote.host);
    const from = (each: C) => each.remote !== undefined && addressGroup(each.remote.host) === source;
    const of = (members: ReadonlySet<C>) => membersIfFull(members, maxConnectionsPerAddress).filter(from);
    return [{ limit: 'maxConnectionsPerAddress', max: maxConnectionsPerAddress, of }, all];
  }
}

/** The members, where there are so many; else none, which is as good and costs nothing. */
function membersIfFull<C>(members: ReadonlySet<C>, count: number): C[] {
  return members.size >= count ? [...members] : [];
}

/**
 * Whether there is room for one more, once those have made it whose peers are away, and then others who may be sent away: who has been there
 * longest is the first.
 */
function evictAbsent<C extends AdmittedConnection>(
  members: ReadonlySet<C>,
  { limit, max, of }: ConnectionCount<C>,
  gives: (member: C) => boolean = () => false,
): boolean {
  const there = of(members);
  const isAbsent = ({ state }: C) => state === 'reconnecting';
  const absent = [...there.filter(isAbsent), ...there.filter((each) => !isAbsent(each) && gives(each))];
  const tooMany = there.length + 1 - max;
  if (tooMany > absent.length) return false;
  for (const each of absent.slice(0, Math.max(0, tooMany))) {
    each.destroy(
      new ConnectionLostError(
        `its peer was away or had not said a word, and its place was needed for another (${limit})`,
      ),
    );
  }
  return true;
}
