/** The options of `close` of a connection and `closeServer` of a server. */
import { type OptionSpecs, option, parseOptions } from '../options/option.js';

/** The options of `close` and `closeServer`. */
export interface CloseOptions {
  /** Why, for the peer: its `closeInfo.peerReason`. At most 1,024 bytes of it arrive. */
  readonly reason?: string | undefined;
}

/** The options of `closeServer`. */
export type CloseServerOptions = CloseOptions & {
  /** Whether disconnected clients of sessions have `closeTimeoutMs` to resume them and receive what is left. Default false. */
  readonly waitForAway?: boolean | undefined;
};

const closeOptions: OptionSpecs<CloseOptions> = { reason: option.text('') };
const closeServerOptions: OptionSpecs<CloseServerOptions> = { ...closeOptions, waitForAway: option.flag(false) };

/** Checks and completes the options of `closeServer`. Throws an `OptionError`. */
export function parseCloseServerOptions(options: CloseServerOptions): { reason: string; waitForAway: boolean } {
  const { reason = '', waitForAway = false } = parseOptions(closeServerOptions, options);
  return { reason, waitForAway };
}

/** The `reason` in the options of `close`; empty by default. Throws an `OptionError`. */
export function parseCloseReason(options: CloseOptions): string {
  return parseOptions(closeOptions, options).reason ?? '';
}
