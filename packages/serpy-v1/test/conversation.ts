/** A v1 session that a test drives: it passes values and bytes in, and collects the output. */
import { isSerpyError, type Role, type SerpyError, type SerpyErrorLike } from 'serpy-core';
import { RecordingHost } from 'serpy-core/testing';
import { type ModeOptions, type SessionOptions, V1Session } from '../src/v1-session.js';
import type { Value } from '../src/values/values.js';
import type { Block, ReceivedBlock } from '../src/wire/block.js';
import type { Original } from './oracle.js';

export const defaultMaxMessageBytes = 64 * 1024 * 1024;

export class Conversation {
  readonly session: V1Session;
  readonly acknowledged: Block[] = [];
  readonly warnings: SerpyError[] = [];
  readonly #written = new RecordingHost();

  constructor(options: Partial<SessionOptions> = {}, role: Role = 'server') {
    this.session = new V1Session(
      { maxMessageBytes: defaultMaxMessageBytes, encoding: 'ascii', ...options },
      {
        ...this.#written,
        acknowledged: (block) => this.acknowledged.push(block),
        warn: (error) => this.warnings.push(error),
      },
      role,
    );
    this.session.linkUp(0);
  }

  /** Sends a value. */
  say(value: Value, options: ModeOptions = {}): Block {
    const block = this.session.encode(value, options);
    this.session.send(block);
    return block;
  }

  /** What the session wrote since the last call. */
  takeWritten(): Buffer {
    return Buffer.concat(this.#written.take());
  }

  /** The same as text, with `|` for `1F`, `␄` for `04` and `^` for `01`. */
  takeShown(): string {
    return shown(this.takeWritten());
  }

  /** Takes bytes in, and what can be read then out. */
  hear(bytes: Uint8Array | string, nowMs = 0): ReceivedBlock[] {
    const lent = typeof bytes === 'string' ? wire(bytes) : Buffer.from(bytes);
    this.session.receive(lent, nowMs);
    const messages: ReceivedBlock[] = [];
    for (let message = this.session.read(); message; message = this.session.read()) messages.push(message);
    this.session.retainUnread();
    lent.fill(0xa5);
    return messages;
  }

  /** Passes the written bytes to a peer, and its answers to the session. Returns the written bytes. */
  exchange(peer: Original): Buffer {
    const written = this.takeWritten();
    peer.receive(written);
    this.hear(peer.takeAnswers());
    return written;
  }

  /** The link ends, and a new one starts. */
  reconnect(nowMs = 0): void {
    this.session.linkDown();
    this.session.linkUp(nowMs);
  }
}

/** Bytes, written as `takeShown` shows them. */
export function wire(text: string): Buffer {
  return Buffer.from(text.replaceAll('|', '\x1f').replaceAll('␄', '\x04').replaceAll('^', '\x01'), 'latin1');
}

export function shown(bytes: Buffer): string {
  return bytes.toString('latin1').replaceAll('\x1f', '|').replaceAll('\x04', '␄').replaceAll('\x01', '^');
}

/** Everything that a session derived from a stream. */
export interface Outcome {
  messages: { mode: number; bytes: Buffer }[];
  /** The answers it wrote. */
  written: string;
  warnings: string[];
  /** What `read` threw. */
  error: SerpyErrorLike | undefined;
  /** The result of `ended`; not called after an error. */
  ended: SerpyError | undefined;
}

/** Feeds a fresh session chunk by chunk, reading after each as core does, and ends the stream. */
export function receive(chunks: Iterable<Buffer>, options: Partial<SessionOptions> = {}): Outcome {
  const conversation = new Conversation(options);
  const { session } = conversation;
  const outcome: Outcome = { messages: [], written: '', warnings: [], error: undefined, ended: undefined };
  try {
    for (const chunk of chunks) {
      session.receive(chunk, 0);
      for (let message = session.read(); message; message = session.read()) {
        outcome.messages.push({ mode: message.mode, bytes: message.bytes });
      }
    }
    outcome.ended = session.ended();
  } catch (error) {
    if (!isSerpyError(error)) throw error;
    outcome.error = error;
  }
  outcome.written = conversation.takeShown();
  outcome.warnings = conversation.warnings.map(({ message }) => message);
  return outcome;
}
