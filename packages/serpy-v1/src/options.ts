/** The options of v1: core's, the encoding, and how long a peer may be silent. */
import {
  acceptedOptions,
  type ConnectionOptions as CoreOptions,
  connectionOptions,
  type DiallingOption,
  option,
  type PartialOptions,
} from 'serpy-core';
import type { LivenessSetting } from './heartbeat.js';
import { type Encoding, encodings } from './values/text.js';

/** How v1 turns text into bytes. */
export interface EncodingSetting {
  /** How text becomes bytes; the same at both ends. Default `'ascii'`, as the Python module. */
  readonly encoding: Encoding;
}

/** What v1 adds to the options of a connection. */
export interface V1Setting extends EncodingSetting, LivenessSetting {
  /** Client: on how many links an acknowledged message is sent that has no answer when the link ends; then its `sendData` rejects. Default 5. */
  readonly maxUnansweredLinks: number;
}

/** The options that only the end that dials has. */
export type V1DiallingOption = DiallingOption | 'modeChangeTimeoutMs' | 'maxUnansweredLinks';

const ofBothEnds = { encoding: option.choice(encodings, 'ascii'), heartbeatIntervalMs: option.milliseconds(0) };

export const v1ConnectionOptions = {
  ...connectionOptions,
  ...ofBothEnds,
  modeChangeTimeoutMs: option.milliseconds(5_000),
  maxUnansweredLinks: option.countOrInfinity(1, 5),
};
export const v1AcceptedOptions = { ...acceptedOptions, ...ofBothEnds };

export type V1Options = PartialOptions<V1Setting>;

/** The options of a v1 connection. All may be left out. */
export type ConnectionOptions = CoreOptions & V1Options;
