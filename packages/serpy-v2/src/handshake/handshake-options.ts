/** The options of the handshake, and the world it is in. */

/** What a v2 session goes by, with what is not given filled in. */
import type { Keep } from 'serpy-core';
import { type OptionSpecs, option, type QueueOptions } from 'serpy-core';
import type { ReplayLimits } from '../reliable/sender.js';
import type { SessionManagerSettings } from '../session/session-manager.js';

/** Whether a session is asked for and given. */
export type SessionMode = 'off' | 'prefer' | 'require';

/** What can be said of the handshake. */
export interface HandshakeOptions {
  /** `'prefer'`: a session where the peer can, plain v2 where not; `'require'`: a session or an error; `'off'`: plain v2. */
  readonly session: SessionMode;
  /** How long a client waits for the answer to its HELLO before it takes the peer for a plain one. Default 500. */
  readonly sessionTimeoutMs: number;
  /** After which silence the peer of a session is asked for a sign of life; 0 for never. Default 5,000. */
  readonly pingIntervalMs: number;
  /** After which silence the link of a session is given up; 0 for never. Default 15,000. */
  readonly peerTimeoutMs: number;
  /** How long a session waits for its peer to come back after the link broke. Default 120,000. */
  readonly resumeWindowMs: number;
  /** What may be kept until the peer has acknowledged it. Default 4,096 messages, 64 MiB. */
  readonly replayQueue: ReplayLimits;
}

const modes: readonly SessionMode[] = ['off', 'prefer', 'require'];

export function handshakeOptions(mode: SessionMode): OptionSpecs<HandshakeOptions> {
  return {
    session: option.choice(modes, mode),
    sessionTimeoutMs: option.milliseconds(500, 1),
    pingIntervalMs: option.milliseconds(5_000),
    peerTimeoutMs: option.milliseconds(15_000),
    resumeWindowMs: option.milliseconds(120_000),
    replayQueue: option.group<ReplayLimits>({
      maxMessages: option.count(1, Number.MAX_SAFE_INTEGER, 4096),
      maxBytes: option.count(1, Number.MAX_SAFE_INTEGER, 64 * 1024 * 1024),
    }),
  };
}

export interface HandshakeSettings extends SessionManagerSettings {
  readonly session: SessionMode;
  readonly sessionTimeoutMs: number;
  readonly authTimeoutMs: number;
  /** Whether a client comes back by itself, until `reconnects` says otherwise. */
  readonly autoRestart: boolean;
}

/** What a session goes by. */
export interface SessionOptions extends Partial<HandshakeOptions> {
  readonly maxMessageBytes: number;
  readonly autoRestart?: boolean;
  readonly receiveQueue?: QueueOptions;
  readonly keep?: Keep;
  readonly authTimeoutMs?: number;
}

/** The settings of a handshake; defaults are those of the options. */
export function handshakeSettings(options: SessionOptions): HandshakeSettings {
  const { maxMessageBytes, receiveQueue, keep, autoRestart = false, authTimeoutMs = 5000 } = options;
  return {
    session: options.session ?? 'off',
    sessionTimeoutMs: options.sessionTimeoutMs ?? 500,
    authTimeoutMs,
    pingIntervalMs: options.pingIntervalMs ?? 5000,
    peerTimeoutMs: options.peerTimeoutMs ?? 15000,
    resumeWindowMs: options.resumeWindowMs ?? 120000,
    replay: options.replayQueue ?? { maxMessages: 4096, maxBytes: 64 * 1024 * 1024 },
    maxMessageBytes,
    autoRestart,
    window: {
      maxMessages: receiveQueue?.maxMessages ?? 4096,
      maxBytes: receiveQueue?.maxBytes ?? 16 * 1024 * 1024,
      drops: keep === 'latest' || (receiveQueue !== undefined && receiveQueue.whenFull !== 'block'),
    },
  };
}
