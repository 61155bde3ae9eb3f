/** The options of v1: those of core, the encoding, and the timeouts of a peer that does not answer. */
import {
  acceptedOptions,
  type ClientOption,
  type ConnectionOptions as CoreOptions,
  connectionOptions,
  option,
  type PartialOptions,
} from 'serpy-core';
import type { LivenessSetting } from './heartbeat.js';
import { type Encoding, encodings } from './values/text.js';

/** How v1 turns text into bytes. */
export interface EncodingSetting {
  /** The encoding of text. Both ends need the same one. Default `'ascii'`, as in the Python module. */
  readonly encoding: Encoding;
}

/** The options that v1 adds to those of a connection. */
export interface V1Setting extends EncodingSetting, LivenessSetting {
  /**
   * Client: the number of links on which an acknowledged message is sent before its `sendData` rejects, if each of them ends before the
   * acknowledgement arrives. Default 5.
   */
  readonly maxUnansweredLinks: number;
}

/** The options that only a client has. */
export type V1ClientOption = ClientOption | 'modeChangeTimeoutMs' | 'maxUnansweredLinks';

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
