/** serpy-fault-proxy: a fault-injecting TCP proxy for tests. */
export type { Clock } from './clock.js';
export type { Direction } from './direction.js';
export { FaultProxyError, type FaultProxyErrorCode } from './errors.js';
export type { Link, LinkCut, LinkEnd, LinkEndReason } from './link.js';
export type { Address } from './net/endpoint.js';
export type {
  Corruption,
  CorruptSettings,
  Cut,
  CutHow,
  CutSettings,
  DuplicateSettings,
  Duplication,
  FaultSettings,
  Faults,
  Insertion,
  InsertSettings,
  OneOrMore,
  Place,
} from './options/faults.js';
export { type FrameSplitter, v1Blocks, v2Frames } from './options/frame-splitters.js';
export type { Given } from './options/option.js';
export type { Answer, FaultProxyOptions, LinkAnswer, LinkFaults, Plan, Target } from './options/options.js';
export { FaultProxy, type FaultProxyEvents, type Started } from './proxy.js';
