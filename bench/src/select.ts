/** Which peers and workloads a run measures. */
import type { Peer } from './peer.js';
import { peers as allPeers } from './peers/index.js';
import { workloads as allWorkloads, type Workload } from './workload.js';

export interface Selection {
  readonly full: boolean;
  /** Names of workloads. If empty, those of the short or full run. */
  readonly only: readonly string[];
  /** Names of peers. If empty, all. */
  readonly peers: readonly string[];
}

export interface Found {
  /** The version of the library of each peer that can run. */
  readonly versions: Readonly<Record<string, string>>;
  /** The reason why each of the others cannot. */
  readonly skipped: Readonly<Record<string, string>>;
}

export async function findPeers(names: readonly string[]): Promise<Found> {
  const asked = allPeers.filter(({ name }) => names.length === 0 || names.includes(name));
  const found = await Promise.all(asked.map(async ({ name, available }) => ({ name, is: await available() })));
  const pairs = <T>(pick: (is: (typeof found)[number]['is']) => T | undefined) =>
    Object.fromEntries(found.flatMap(({ name, is }) => (pick(is) === undefined ? [] : [[name, pick(is) as T]])));
  return {
    versions: pairs((is) => ('version' in is ? is.version : undefined)),
    skipped: pairs((is) => ('missing' in is ? is.missing : undefined)),
  };
}

/** The workloads of a run, each with its peers. */
export function selectJobs(selection: Selection, { versions }: Found): { workload: Workload; peers: Peer[] }[] {
  const { only, full, peers: named } = selection;
  return allWorkloads
    .filter(({ name, short }) => (only.length > 0 ? only.includes(name) : full || short.length > 0))
    .map((workload) => ({
      workload,
      peers: allPeers
        .filter(({ name, kinds }) => name in versions && kinds.includes(workload.kind))
        .filter(({ name }) => named.length > 0 || isWanted(name, workload, selection)),
    }))
    .filter(({ peers }) => peers.length > 0);
}

function isWanted(peer: string, { peers, short }: Workload, { full, only }: Selection): boolean {
  if (peers && !peers.includes(peer)) return false;
  return full || only.length > 0 || short.includes(peer);
}
