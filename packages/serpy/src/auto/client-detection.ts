/** Detects the protocol of a server after the client has sent the probe. Until then neither protocol receives the bytes. */
import {
  ByteQueue,
  describeForeignProtocol,
  LineWatch,
  linesHint,
  ProtocolError,
  quoted,
  sniffBytes,
} from 'serpy-core';
import { v1 } from '../protocols.js';
import { isPrefix, probe, startsWith, v1Answer, v1AnswerBytes, v2Answer, v2Magic } from './probe.js';

/** The protocol of a server, and all bytes received from it. */
export interface ServerAnswer {
  readonly protocol: 'v1' | 'v2';
  /** Whether the server answered the probe. A v2 server may have sent something else. */
  readonly answered: boolean;
  readonly bytes: Buffer;
}

export interface ClientDetectionSettings {
  /** Milliseconds without received bytes after which the server counts as silent. */
  readonly probeTimeoutMs: number;
  /** Milliseconds within which a server that has sent something must answer the probe; 0 disables the timeout. */
  readonly modeChangeTimeoutMs: number;
  /** The most bytes that are buffered before the answer. */
  readonly maxBytes: number;
}

const { blockEnd, controlStart, controlCommands, maxControlBytes } = v1.v1Wire;
/** A block that is longer than this and still grows may be a large message before the answer. */
const largeBlockBytes = 4096;

export class ClientDetection {
  readonly #settings: ClientDetectionSettings;
  readonly #lines = new LineWatch();
  /** All received bytes. */
  readonly #buffered = new ByteQueue();
  /** The first bytes of the link, and the first bytes of the incomplete block. */
  #firstBytes = Buffer.alloc(0);
  #block = Buffer.alloc(0);
  #blockBytes = 0;
  /** The number of received bytes at the last `tick`. */
  #seenBytes = 0;
  #deadlineMs: number | undefined;
  /** The error of a server that speaks neither protocol. */
  #failure: ProtocolError | undefined;
  /** Whether the bytes were checked for lines of text. */
  #linesChecked = false;

  constructor(settings: ClientDetectionSettings, nowMs: number) {
    this.#settings = settings;
    this.#deadlineMs = nowMs + settings.probeTimeoutMs;
  }

  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  /** Whether the received bytes end within a block. */
  get midFrame(): boolean {
    return this.#blockBytes > 0;
  }

  /** The number of received bytes. All are buffered. */
  get bufferedBytes(): number {
    return this.#buffered.length;
  }

  /** Adds a copy of received bytes. */
  receive(chunk: Buffer, nowMs: number): ServerAnswer | undefined {
    if (this.#failure) return undefined;
    this.#buffered.pushCopy(chunk);
    this.#lines.bytesArrived(chunk, nowMs);
    if (this.#firstBytes.length < sniffBytes) {
      this.#firstBytes = Buffer.concat([this.#firstBytes, chunk.subarray(0, sniffBytes - this.#firstBytes.length)]);
    }
    if (isPrefix(this.#firstBytes, v2Answer) && this.bufferedBytes === this.#firstBytes.length) return undefined;
    if (startsWith(this.#firstBytes, v2Magic)) return this.#answer('v2', startsWith(this.#firstBytes, v2Answer));
    const hint = startsWith(this.#firstBytes, probe) ? echoHint : describeForeignProtocol(this.#firstBytes);
    if (hint !== undefined) this.#failure = foreignProtocolError(hint);
    else if (this.#hasAnswer(chunk)) return this.#answer('v1', true);
    else if (this.bufferedBytes > this.#settings.maxBytes)
      this.#failure = unansweredError(`sent ${this.bufferedBytes} bytes`);
    return undefined;
  }

  /** @throws `ERR_SERPY_PROTOCOL` for a server that speaks neither protocol */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /**
   * Checks the timeouts.
   * @param paused whether reading is paused and no protocol is remembered: the answer may wait in the socket
   * @returns the result for a server that is silent or has sent an incomplete answer; undefined to wait on
   * @throws `ERR_SERPY_PROTOCOL` for a server that sends something and does not answer
   */
  tick(nowMs: number, paused: boolean): ServerAnswer | 'silent' | undefined {
    if (this.#deadlineMs === undefined || nowMs < this.#deadlineMs) return undefined;
    if (paused) {
      this.#deadlineMs = nowMs + this.#settings.probeTimeoutMs;
      return undefined;
    }
    if (this.bufferedBytes === 0) return 'silent';
    if (isPrefix(this.#firstBytes, v2Answer)) return this.#answer('v2', false);
    const { probeTimeoutMs, modeChangeTimeoutMs } = this.#settings;
    if (this.#lines.sawLines) throw foreignProtocolError(linesHint(this.#firstBytes));
    const grows = this.#blockBytes > largeBlockBytes && this.bufferedBytes > this.#seenBytes;
    this.#seenBytes = this.bufferedBytes;
    if (this.#linesChecked && !grows) throw unansweredError(`sent ${quoted(this.#firstBytes)}`);
    const restMs = this.#linesChecked ? modeChangeTimeoutMs : modeChangeTimeoutMs - probeTimeoutMs;
    this.#linesChecked = true;
    this.#deadlineMs = modeChangeTimeoutMs === 0 ? undefined : nowMs + Math.max(1, restMs);
    return undefined;
  }

  #answer(protocol: 'v1' | 'v2', answered: boolean): ServerAnswer {
    return { protocol, answered, bytes: this.#buffered.take(this.#buffered.length) };
  }

  /** Searches the blocks of a v1 server, which may have sent messages before it read the probe. */
  #hasAnswer(chunk: Buffer): boolean {
    for (let at = 0; at < chunk.length; ) {
      const end = chunk.indexOf(blockEnd, at);
      const part = chunk.subarray(at, end < 0 ? chunk.length : end);
      if (this.#blockBytes <= maxControlBytes) {
        this.#block = Buffer.concat([this.#block, part.subarray(0, maxControlBytes + 1)]);
      }
      this.#blockBytes += part.length;
      this.#checkControl();
      if (end < 0) return false;
      if (this.#blockBytes === v1AnswerBytes && startsWith(v1Answer, this.#block)) return true;
      this.#block = Buffer.alloc(0);
      this.#blockBytes = 0;
      at = end + 1;
    }
    return false;
  }

  /** Rejects control blocks that a v1 server does not send before it has read more than the probe. */
  #checkControl(): void {
    if (this.#block[0] !== controlStart) return;
    const command = this.#block.toString('latin1', 1, maxControlBytes + 1);
    if (!controlCommands.some((each) => each.startsWith(command)))
      this.#failure ??= unansweredError(`sent ${quoted(this.#firstBytes)}`);
  }
}

const echoHint = 'it looks like an echo server, which returns the bytes that it receives. Check the port';

function foreignProtocolError(hint: string): ProtocolError {
  return new ProtocolError(`the server speaks neither v1 nor v2: ${hint}`);
}

function unansweredError(what: string): ProtocolError {
  return new ProtocolError(
    `the server speaks neither v1 nor v2. It ${what}, and did not answer as every v1 server does. Check the port, and that a serpy server runs there`,
  );
}
