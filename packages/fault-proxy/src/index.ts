/** serpy-fault-proxy: a TCP proxy that breaks links on purpose, for tests. */
export type { Clock } from './clock.js';
export type { Direction } from './direction.js';
export type { Address } from './end.js';
export { FaultProxyError, type FaultProxyErrorCode } from './errors.js';
export type {
  Corruption,
  CorruptSettings,
  Cut,
  CutSettings,
  DuplicateSettings,
  Duplication,
  FaultSettings,
  Faults,
  Insertion,
  InsertSettings,
  OneOrMore,
  Place,
} from './faults.js';
export type { CutHow } from './item.js';
export type { Link, LinkCut, LinkEnd, LinkEndReason } from './link.js';
export type { Given } from './option-specs.js';
export type { Answer, FaultProxyOptions, LinkAnswer, LinkFaults, Plan, Target } from './options.js';
export { FaultProxy, type FaultProxyEvents, type Started } from './proxy.js';
export { type FrameSplitter, v1Blocks, v2Frames } from './splitters.js';
