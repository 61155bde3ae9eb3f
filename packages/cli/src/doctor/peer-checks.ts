/** The checks of a peer, in the order in which they are run. */
import type { Check } from './check.js';
import { roundTripCheck, throughputCheck } from './measuring.js';
import type { PeerContext } from './peer.js';
import { addressCheck, reachableCheck } from './reaching.js';
import { encryptionCheck, protocolCheck, sessionCheck } from './speaking.js';

export const peerChecks: readonly Check<PeerContext>[] = [
  addressCheck,
  reachableCheck,
  protocolCheck,
  encryptionCheck,
  sessionCheck,
  roundTripCheck,
  throughputCheck,
];
