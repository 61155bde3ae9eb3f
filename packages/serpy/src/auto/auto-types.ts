/** What `auto` goes by, and what comes out of it. Types only. */
import type { InboundMessage } from 'serpy-core';
import type { v1, v2 } from '../protocols.js';

/** What `auto` adds to the options. */
export interface ProbeSetting {
  /** How long a client waits for a v1 server's answer before it takes the server for v2. Default 1,000. */
  readonly probeTimeoutMs: number;
}

/** All that it goes by. */
export type AutoSettings = ProbeSetting & {
  readonly modeChangeTimeoutMs: number;
  readonly maxMessageBytes: number;
};

/** A message of either protocol. */
export type AutoReceived = InboundMessage &
  (
    | { readonly protocol: 'v1'; readonly received: v1.V1['received'] }
    | { readonly protocol: 'v2'; readonly received: v2.V2['received']; readonly end: number }
  );
