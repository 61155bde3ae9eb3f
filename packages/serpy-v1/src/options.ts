/** The options of v1: core's, the encoding, and how long a peer may be silent. */
import { acceptedOptions, connectionOptions, type DiallingOption, type Given, option } from 'serpy-core';
import type { LivenessSetting } from './liveness.js';
import { type Encoding, encodings } from './text.js';

/** How v1 turns text into bytes. */
export interface EncodingSetting {
  /** How text becomes bytes; the same at both ends. Default `'ascii'`, as the Python module. */
  readonly encoding: Encoding;
}

/** What v1 adds to the options of a connection. */
export interface V1Setting extends EncodingSetting, LivenessSetting {}

/** The options that only the end that dials has. */
export type V1DiallingOption = DiallingOption | 'answerTimeoutMs';

const ofBothEnds = { encoding: option.choice(encodings, 'ascii'), heartbeatMs: option.milliseconds(0) };

export const v1ConnectionOptions = {
  ...connectionOptions,
  ...ofBothEnds,
  answerTimeoutMs: option.milliseconds(5_000),
};
export const v1AcceptedOptions = { ...acceptedOptions, ...ofBothEnds };

export type V1Options = Given<V1Setting>;
