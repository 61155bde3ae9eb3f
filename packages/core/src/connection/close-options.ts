/** What `close` of a connection and `closeServer` of a server take. */
import { type OptionSpecs, option, parseOptions } from '../options/option.js';

/** The options of `close` and `closeServer`. */
export interface CloseOptions {
  /** Why, in words for the peer; at most 1,024 bytes of them arrive. */
  readonly reason?: string | undefined;
}

/** The options of `closeServer`. */
export type CloseServerOptions = CloseOptions & {
  /** Whether the peers of sessions that are away have `closeTimeoutMs` to come back for what they have not got. Default false. */
  readonly waitForAway?: boolean | undefined;
};

const closeOptions: OptionSpecs<CloseOptions> = { reason: option.text('') };
const closeServerOptions: OptionSpecs<CloseServerOptions> = { ...closeOptions, waitForAway: option.flag(false) };

/** How a server is to be closed. Throws an `OptionError` for options that are not what they should be. */
export function parseCloseServerOptions(options: CloseServerOptions): { reason: string; waitForAway: boolean } {
  const { reason = '', waitForAway = false } = parseOptions(closeServerOptions, options);
  return { reason, waitForAway };
}

/** Why a connection is to be closed, or no words. Throws an `OptionError` for options that are not what they should be. */
export function parseCloseReason(options: CloseOptions): string {
  return parseOptions(closeOptions, options).reason ?? '';
}
