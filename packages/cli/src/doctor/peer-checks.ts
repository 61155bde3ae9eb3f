/** The checks of a peer, in order. */
import type { Check } from './checks/check.js';
import type { PeerContext } from './checks/peer.js';
import { agreementCheck, encryptionCheck, protocolCheck, sessionCheck } from './checks/peer-protocol.js';
import { addressCheck, reachableCheck } from './checks/peer-reachable.js';
import { roundTripCheck, throughputCheck } from './checks/peer-throughput.js';

export const peerChecks: readonly Check<PeerContext>[] = [
  addressCheck,
  reachableCheck,
  protocolCheck,
  encryptionCheck,
  sessionCheck,
  agreementCheck,
  roundTripCheck,
  throughputCheck,
];
