/** serpy-core/testing: a network in memory, to test programs without ports and without waiting. */

export * from './cuts.js';
export {
  Attempt,
  type CheckerOptions,
  DeliveryChecker,
  outcomeOfSend,
  type SendOutcome,
  type VerifyOptions,
} from './delivery-checker.js';
export { ManualClock } from './manual-clock.js';
export { type MemoryLink, MemoryNetwork, type MemoryNetworkOptions } from './memory-network.js';
export type { Cut, MemoryStream, Slicing } from './memory-pipe.js';
export { seededRandom } from './random.js';
export { RecordingHost } from './recording-host.js';
