/** What a v2 session goes by, with what is not given filled in. */
import type { Keep, QueueOptions } from 'serpy-core';
import type { HandshakeSettings } from './phase.js';
import type { HandshakeOptions } from './settings.js';

/** What a session goes by. */
export interface SessionOptions extends Partial<HandshakeOptions> {
  readonly maxMessageBytes: number;
  readonly autoRestart?: boolean;
  readonly receiveQueue?: QueueOptions;
  readonly keep?: Keep;
  readonly handshakeTimeoutMs?: number;
}

/** The settings of a handshake; defaults are those of the options. */
export function handshakeSettings(options: SessionOptions): HandshakeSettings {
  const { maxMessageBytes, receiveQueue, keep, autoRestart = false, handshakeTimeoutMs = 5_000 } = options;
  return {
    handshake: options.handshake ?? 'off',
    helloTimeoutMs: options.helloTimeoutMs ?? 500,
    handshakeTimeoutMs,
    pingIntervalMs: options.pingIntervalMs ?? 5_000,
    silenceTimeoutMs: options.silenceTimeoutMs ?? 15_000,
    resumeWindowMs: options.resumeWindowMs ?? 120_000,
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
