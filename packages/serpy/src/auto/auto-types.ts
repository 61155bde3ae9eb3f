/** The settings and received messages of `auto`. Types only. */
import type { InboundMessage } from 'serpy-core';
import type { v1, v2 } from '../protocols.js';
import type { ServerRecord } from './server-memory.js';

/** The options that `auto` adds. */
export interface ProbeSetting {
  /**
   * Milliseconds for which a client waits for the answer to its probe, besides twice the time that connecting took. After that it assumes v2.
   * Default 250.
   */
  readonly probeTimeoutMs: number;
}

/** All settings of `auto`. */
export type AutoSettings = ProbeSetting & {
  readonly modeChangeTimeoutMs: number;
  readonly maxMessageBytes: number;
  /** Client: what earlier connections have detected. */
  readonly record?: ServerRecord | undefined;
};

/** A message of either protocol. */
export type AutoReceived = InboundMessage &
  (
    | { readonly protocol: 'v1'; readonly received: v1.V1['received'] }
    | { readonly protocol: 'v2'; readonly received: v2.V2['received']; readonly end: number }
  );
