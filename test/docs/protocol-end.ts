/** One end of a v2 or auto connection that a test controls: bytes and time in, messages and bytes out. */
import { isSerpyError } from 'serpy-core';
import { RecordingHost } from 'serpy-core/testing';
import type { v2Protocol } from 'serpy-v2';
import { bytesOf } from './vectors.js';

export interface Message {
  readonly type: string;
  readonly value: unknown;
}

/** A message in the notation of the page: `int 42`, `float -0`, `str "hello"`, `bytes 00 FF`. */
export function messageOf(line: string): Message {
  const [, type = '', rest = ''] = /^(\w+) ?(.*)$/.exec(line) ?? [];
  switch (type) {
    case 'int':
      return { type, value: Number.isSafeInteger(Number(rest)) ? Number(rest) : BigInt(rest) };
    case 'float':
      return { type, value: Number(rest) };
    case 'str':
      return { type, value: JSON.parse(rest) };
    default:
      return { type, value: bytesOf(rest) };
  }
}

/** The protocol state machine of one end, and its output. */
export class End {
  readonly messages: Message[] = [];
  dropped = 0;
  error: string | undefined;
  nowMs = 0;
  readonly #pieces = new RecordingHost();
  // The types of a state machine depend on its protocol. Here all of them receive bytes.
  readonly session: ReturnType<ReturnType<typeof v2Protocol>['createSession']>;
  readonly #shown: (received: never) => Message;
  #reopened: (() => void) | undefined;

  constructor(
    protocol: ReturnType<typeof v2Protocol>,
    role: 'client' | 'server',
    random: readonly Buffer[] = [],
    shown: (received: never) => Message = protocol.message,
  ) {
    this.#shown = shown;
    const left = [...random];
    this.session = protocol.createSession(role, {
      ...this.#pieces,
      acknowledged() {},
      warn: (_, about, count = 1) => {
        if (about === 'bad-frame') this.dropped += count;
      },
      randomBytes: (count) => left.shift() ?? Buffer.alloc(count),
      linkHolder: {
        takeOverLink: (other) => {
          other.releaseLink();
          this.#reopened?.();
          return true;
        },
        releaseLink: () => {
          this.session.linkDown();
          return undefined;
        },
      },
    });
    this.#reopened = () => this.session.linkUp(this.nowMs);
    this.session.linkUp(0);
  }

  /** Receives bytes, cut into chunks. */
  receive(bytes: Buffer, cut = bytes.length): this {
    try {
      for (let at = 0; at < bytes.length; at += cut) {
        this.session.receive(Buffer.from(bytes.subarray(at, at + cut)), this.nowMs);
        this.#read();
        this.session.retainUnread();
      }
    } catch (thrown) {
      this.#failed(thrown);
    }
    return this;
  }

  /** Moves the time, and calls the state machine at each of its deadlines. */
  wait(ms: number): void {
    const untilMs = this.nowMs + ms;
    try {
      for (let turn = 0; turn < 1000; turn++) {
        const { deadlineMs } = this.session;
        if (deadlineMs === undefined || deadlineMs > untilMs) break;
        this.nowMs = Math.max(this.nowMs, deadlineMs);
        (this.session as { tick(nowMs: number, paused: boolean): void }).tick(this.nowMs, false);
        this.#read();
      }
      this.nowMs = untilMs;
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  /** The bytes written since the last call. */
  written(): Buffer {
    return Buffer.concat(this.#pieces.take());
  }

  #read(): void {
    for (let message = this.session.read(); message; message = this.session.read()) {
      const { type, value } = this.#shown(message as never);
      this.messages.push({ type, value });
    }
  }

  #failed(thrown: unknown): void {
    if (!isSerpyError(thrown)) throw thrown;
    this.error = thrown.code;
    this.session.linkDown();
  }
}
