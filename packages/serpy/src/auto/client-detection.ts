/** A client that has sent the probe, and goes by what comes: until the server has answered nothing is handed to either protocol. */
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

/** What a server has turned out to speak, and all that has come from it. */
export interface ServerAnswer {
  readonly protocol: 'v1' | 'v2';
  /** Whether it has answered the probe: a v2 server may have spoken without. */
  readonly answered: boolean;
  readonly bytes: Buffer;
}

export interface ClientDetectionSettings {
  /** How long a server may be silent before silence is its answer. */
  readonly probeTimeoutMs: number;
  /** How long one that has spoken may take to answer the probe; 0 for as long as it takes. */
  readonly modeChangeTimeoutMs: number;
  /** So much of it is kept meanwhile. */
  readonly maxBytes: number;
}

const { blockEnd, controlStart, controlCommands, maxControlBytes } = v1.v1Wire;
/** A block that is longer than this and goes on may be a large message, with the answer behind it. */
const largeBlockBytes = 4096;

export class ClientDetection {
  readonly #settings: ClientDetectionSettings;
  readonly #lines = new LineWatch();
  /** Gathers what comes byte by byte. */
  readonly #buffered = new ByteQueue();
  /** The first bytes of all, and those of the block that is coming. */
  #firstBytes = Buffer.alloc(0);
  #block = Buffer.alloc(0);
  #blockBytes = 0;
  /** Bytes that had come at the last look at the clock. */
  #seenBytes = 0;
  #deadlineMs: number | undefined;
  /** Why nothing can come of it. */
  #failure: ProtocolError | undefined;
  /** Whether it was looked already whether these are lines of text. */
  #linesChecked = false;

  constructor(settings: ClientDetectionSettings, nowMs: number) {
    this.#settings = settings;
    this.#deadlineMs = nowMs + settings.probeTimeoutMs;
  }

  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  /** Whether what has come ends in the middle of something. */
  get midFrame(): boolean {
    return this.#blockBytes > 0;
  }

  /** How much has come, all of which is kept. */
  get bufferedBytes(): number {
    return this.#buffered.length;
  }

  /** Takes bytes in, as a copy. */
  receive(chunk: Buffer, nowMs: number): ServerAnswer | undefined {
    if (this.#failure) return undefined;
    this.#buffered.pushCopy(chunk);
    this.#lines.bytesArrived(chunk, nowMs);
    if (this.#firstBytes.length < sniffBytes) {
      this.#firstBytes = Buffer.concat([this.#firstBytes, chunk.subarray(0, sniffBytes - this.#firstBytes.length)]);
    }
    if (isPrefix(this.#firstBytes, v2Answer) && this.bufferedBytes === this.#firstBytes.length) return undefined;
    if (startsWith(this.#firstBytes, v2Magic)) return this.#answer('v2', startsWith(this.#firstBytes, v2Answer));
    const who = startsWith(this.#firstBytes, probe) ? echoHint : describeForeignProtocol(this.#firstBytes);
    if (who !== undefined) this.#failure = foreignProtocolError(who);
    else if (this.#findsAnswer(chunk)) return this.#answer('v1', true);
    else if (this.bufferedBytes > this.#settings.maxBytes)
      this.#failure = unansweredError(`has sent ${this.bufferedBytes} bytes`);
    return undefined;
  }

  /** @throws `ERR_SERPY_PROTOCOL` for what neither v1 nor v2 starts with */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /**
   * Looks at the clock.
   * @param paused nothing is read at the moment, and nothing else is known: the answer may wait outside
   * @returns what the silence, or half a word, means; undefined where it is waited on
   * @throws `ERR_SERPY_PROTOCOL` for a server that talks and does not answer
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
    if (this.#linesChecked && !grows) throw unansweredError(`has sent ${quoted(this.#firstBytes)}`);
    const restMs = this.#linesChecked ? modeChangeTimeoutMs : modeChangeTimeoutMs - probeTimeoutMs;
    this.#linesChecked = true;
    this.#deadlineMs = modeChangeTimeoutMs === 0 ? undefined : nowMs + Math.max(1, restMs);
    return undefined;
  }

  #answer(protocol: 'v1' | 'v2', answered: boolean): ServerAnswer {
    return { protocol, answered, bytes: this.#buffered.take(this.#buffered.length) };
  }

  /** Goes through the blocks of a v1 server, which may have said something before it came to the probe. */
  #findsAnswer(chunk: Buffer): boolean {
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

  /** Before it has heard anything but the probe a v1 server says of itself only in which mode it sends. */
  #checkControl(): void {
    if (this.#block[0] !== controlStart) return;
    const command = this.#block.toString('latin1', 1, maxControlBytes + 1);
    if (!controlCommands.some((each) => each.startsWith(command)))
      this.#failure ??= unansweredError(`has sent ${quoted(this.#firstBytes)}`);
  }
}

const echoHint = 'it looks like an echo, which sends back what it gets: is the port right?';

function foreignProtocolError(who: string): ProtocolError {
  return new ProtocolError(`the peer speaks neither v1 nor v2: ${who}`);
}

function unansweredError(what: string): ProtocolError {
  return new ProtocolError(
    `the peer speaks neither v1 nor v2: it ${what}, and has not answered what every v1 server answers: is the port right, and a program of serpy there?`,
  );
}
