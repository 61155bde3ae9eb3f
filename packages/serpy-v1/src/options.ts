/** The options of v1: core's, and the encoding. */
import { acceptedOptions, connectionOptions, type Given, option } from 'serpy-core';
import { type Encoding, encodings } from './text.js';

/** What v1 adds to the options of a connection. */
export interface EncodingSetting {
  /** How text becomes bytes; the same at both ends. Default `'ascii'`, as the Python module. */
  readonly encoding: Encoding;
}

const encodingOption = { encoding: option.choice(encodings, 'ascii') };

export const v1ConnectionOptions = { ...connectionOptions, ...encodingOption };
export const v1AcceptedOptions = { ...acceptedOptions, ...encodingOption };

export type EncodingOption = Given<EncodingSetting>;
