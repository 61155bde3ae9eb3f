/** What `close` of a connection and `closeServer` of a server take. */
import { type OptionSpecs, option, parseOptions } from './options.js';

/** The options of `close` and `closeServer`. */
export interface CloseOptions {
  /** Why, in words for the peer; at most 1,024 bytes of them arrive. */
  readonly reason?: string | undefined;
}

const closeOptions: OptionSpecs<CloseOptions> = { reason: option.text('') };

/** Why a connection is to be closed, or no words. Throws an `OptionError` for options that are not what they should be. */
export function closeReason(options: CloseOptions): string {
  return parseOptions(closeOptions, options).reason ?? '';
}
