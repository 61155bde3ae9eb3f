/** serpy-core/testing: a network in memory, for programs that want to be tested without ports and without waiting. */

export * from './cuts.js';
export {
  Attempt,
  Checker,
  type CheckerOptions,
  type JudgeOptions,
  outcomeOfSend,
  type SendOutcome,
} from './delivery-checker.js';
export { ManualClock } from './manual-clock.js';
export { type MemoryLink, MemoryNetwork, type MemoryNetworkOptions } from './memory-network.js';
export type { Cut, MemoryStream, Slicing } from './memory-pipe.js';
export { seededRandom } from './random.js';
export { Pieces } from './recording-host.js';
