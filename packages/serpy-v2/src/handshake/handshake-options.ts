/** The options of the handshake, and the settings that follow from them. */

import type { Keep } from 'serpy-core';
import { type OptionSpecs, option, type QueueOptions, receiveBounds } from 'serpy-core';
import type { ReplayLimits } from '../reliable/sender.js';
import type { SessionManagerSettings } from '../session/session-manager.js';

/** Whether a client requests a session, and whether a server grants one. */
export type SessionMode = 'off' | 'prefer' | 'require';

/** The options of the handshake. */
export interface HandshakeOptions {
  /** `'prefer'`: a session if the peer supports it, otherwise none; `'require'`: a session or an error; `'off'`: never a session. */
  readonly session: SessionMode;
  /** Default 500 ms. A client that gets no WELCOME within this time continues without a session. */
  readonly sessionTimeoutMs: number;
  /** Default 5,000 ms; 0 disables it. After this silence in a session a PING is sent. */
  readonly pingIntervalMs: number;
  /** Default 15,000 ms; 0 disables it. After this silence in a session the link is closed. */
  readonly peerTimeoutMs: number;
  /** Default 120,000 ms. A session waits this long for its peer to resume it after a disconnect. */
  readonly resumeWindowMs: number;
  /** Default 4,096 messages and 64 MiB. Limits what is kept until the peer acknowledges it. */
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
      maxMessages: option.count(1, Number.MAX_SAFE_INTEGER, 16_384),
      maxBytes: option.count(1, Number.MAX_SAFE_INTEGER, 64 * 1024 * 1024),
    }),
  };
}

export interface HandshakeSettings extends SessionManagerSettings {
  readonly session: SessionMode;
  readonly sessionTimeoutMs: number;
  readonly authTimeoutMs: number;
  /** Whether a client reconnects automatically, until `reconnects` changes it. */
  readonly autoRestart: boolean;
}

/** What a v2 session is created with; defaults apply to the rest. */
export interface SessionOptions extends Partial<HandshakeOptions> {
  readonly maxMessageBytes: number;
  readonly autoRestart?: boolean;
  readonly receiveQueue?: QueueOptions;
  readonly keep?: Keep;
  readonly authTimeoutMs?: number;
  /** Told to the peer of a session. */
  readonly name?: string | undefined;
}

/** The settings of each options object: all connections of a server share them, which saves each 200 bytes. */
const settingsOf = new WeakMap<SessionOptions, HandshakeSettings>();

/** The settings of a handshake. The defaults are those of the options. */
export function handshakeSettings(options: SessionOptions): HandshakeSettings {
  const known = settingsOf.get(options);
  if (known) return known;
  const settings = toSettings(options);
  settingsOf.set(options, settings);
  return settings;
}

function toSettings(options: SessionOptions): HandshakeSettings {
  const {
    maxMessageBytes,
    receiveQueue = defaultQueue,
    keep = 'all',
    autoRestart = false,
    authTimeoutMs = 5000,
  } = options;
  const { maxMessages, maxBytes, whenFull } = receiveBounds(receiveQueue, keep, maxMessageBytes);
  return {
    session: options.session ?? 'off',
    sessionTimeoutMs: options.sessionTimeoutMs ?? 500,
    authTimeoutMs,
    pingIntervalMs: options.pingIntervalMs ?? 5000,
    peerTimeoutMs: options.peerTimeoutMs ?? 15000,
    resumeWindowMs: options.resumeWindowMs ?? 120000,
    replay: options.replayQueue ?? { maxMessages: 16_384, maxBytes: 64 * 1024 * 1024 },
    maxMessageBytes,
    autoRestart,
    name: options.name,
    window: {
      maxMessages,
      maxBytes,
      drops: keep === 'latest' || whenFull !== 'block',
    },
  };
}

const defaultQueue: QueueOptions = { maxMessages: 4096, maxBytes: 16 * 1024 * 1024, whenFull: 'block' };
