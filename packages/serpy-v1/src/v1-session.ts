/**
 * A v1 conversation: the mode of each direction, answers to what was asked, and the acknowledged messages
 * whose answer has not come, which outlive the wire.
 */
import {
  BadFrames,
  ConnectionLostError,
  LineWatch,
  linesHint,
  MessageTooLargeError,
  OptionError,
  ProtocolError,
  type Role,
  type SerpyError,
  type Session,
  type SessionHost,
  sniffBytes,
  TruncatedError,
  ValueError,
} from 'serpy-core';
import { BlockDecoder } from './decoder.js';
import { Heartbeat, type LivenessSetting } from './heartbeat.js';
import { PendingAcks } from './pending-acks.js';
import { decodeBase85, decodedBase85Length, encodeBase85, encodedBase85Length } from './values/base85.js';
import type { Encoding } from './values/text.js';
import { checkForcedMode, encodeValue, isPlainText, modeFor, type Value } from './values/values.js';
import { type Block, bytesBlock, copyBelowBytes, type ReceivedBlock, suffixOf, textBlock } from './wire/block.js';
import {
  acknowledgeBlock,
  controlStart,
  isAcknowledged,
  isMode,
  type Mode,
  maxControlBytes,
  modeChangedBlock,
  setModeBlocks,
  transmissionEnd,
} from './wire/constants.js';
import { acknowledge, type Control, controlTooLongError, readControl } from './wire/control.js';
import { foreignProtocolHint } from './wire/foreign-protocol.js';

/** What v1 adds to the options of `sendData`. */
export interface ModeOptions {
  /** Default 0: text raw, bytes in base85, not acknowledged. */
  readonly mode?: Mode | undefined;
  /** Sends in just this mode, or not at all (`ERR_SERPY_OPTION`), for relays. Default false. */
  readonly forceMode?: boolean | undefined;
}

/** What was left out of the last is off. */
export interface SessionOptions extends Partial<LivenessSetting> {
  readonly maxMessageBytes: number;
  readonly encoding: Encoding;
  /** On how many links an acknowledged message is sent that has no answer when the link ends. */
  readonly maxUnansweredLinks?: number | undefined;
}

const nothing = Buffer.alloc(0);

/** When there are too many of them. */
const strayAcks =
  'answers that nobody asked for than messages on this link, which is given up: does the peer speak v1, and is what is in between no echo?';

export class V1Session implements Session<Value, ModeOptions, ReceivedBlock, Block> {
  readonly canSend = true;
  readonly #options: SessionOptions;
  readonly #output: SessionHost<Block>;
  readonly #pendingAcks = new PendingAcks();
  readonly #heartbeat: Heartbeat;
  #decoder = new BlockDecoder();
  #bad: BadFrames;
  #sendMode: Mode = 0;
  #receiveMode: Mode = 0;
  #pendingModeChanges = 0;
  /** Messages that nobody waits for: how many were sent on this link, how many of them before the last change of mode, and how many the peer has read. */
  #noAckSent = 0;
  #noAckAtModeChange = 0;
  #noAckRead = 0;
  /** Whether nothing whole has come on this wire. */
  #nothingReceived = true;
  /** Whether nothing was sent on it. */
  #nothingSent = true;
  #lines = new LineWatch();

  constructor(options: SessionOptions, output: SessionHost<Block>, role: Role = 'server') {
    this.#options = options;
    this.#output = output;
    this.#bad = new BadFrames(output, strayAcks);
    this.#heartbeat = new Heartbeat(role, options);
  }

  get deadlineMs(): number | undefined {
    const [alive, lines] = [this.#heartbeat.deadlineMs, this.#lines.deadlineMs];
    return lines === undefined || (alive !== undefined && alive < lines) ? alive : lines;
  }

  get midFrame(): boolean {
    return this.#decoder.bytes.length > 0;
  }

  get unacknowledgedMessages(): number {
    return this.#noAckSent - this.#noAckRead;
  }

  get partialBytes(): number {
    return this.#decoder.partialBytes;
  }

  /**
   * The block of a value.
   * @throws `ERR_SERPY_VALUE`, `ERR_SERPY_ENCODING`, `ERR_SERPY_TOO_LARGE`, `ERR_SERPY_OPTION`
   */
  encode(value: Value, { mode: asked = 0, forceMode = false }: ModeOptions): Block {
    if (!isMode(asked)) throw new OptionError(`the option mode takes a number from 0 to 5, not ${String(asked)}`);
    if (typeof value === 'string' && asked < 2 && this.#isVerbatim(value)) {
      return textBlock(value, asked);
    }
    const payload = encodeValue(value, asked, this.#options.encoding);
    if (payload.bytes.length > this.#options.maxMessageBytes) {
      throw new MessageTooLargeError('the message', payload.bytes.length, this.#options.maxMessageBytes);
    }
    if (forceMode) checkForcedMode(payload, asked);
    const mode = forceMode ? asked : modeFor(payload, asked);
    const body = mode < 2 ? viewOf(payload.bytes) : encodeBase85(payload.bytes);
    return bytesBlock(body, mode, isAcknowledged(asked));
  }

  send(block: Block): void {
    const endBytes = block.hasSuffix ? 0 : suffixOf(block.mode).length;
    if (block.body.length + endBytes !== block.sizeBytes) {
      const error = detachedBufferError(block.sizeBytes);
      this.#output.rejected(block, error);
      this.#output.warn(error);
      return;
    }
    if (block.mode !== this.#sendMode) {
      // No need to wait for the answer: a receiver works strictly in order.
      this.#output.write(setModeBlocks[block.mode] as Buffer);
      this.#sendMode = block.mode;
      this.#pendingModeChanges++;
      this.#noAckAtModeChange = this.#noAckSent;
      // Behind messages that nobody takes it could not be answered.
      if (this.#nothingSent) this.#heartbeat.modeChangeSent();
    }
    this.#nothingSent = false;
    block.noAckBefore = this.#noAckSent;
    if (!block.awaitsAck) this.#noAckSent++;
    if (isAcknowledged(block.mode)) this.#pendingAcks.add(block);
    if (typeof block.body === 'string') {
      this.#writeText(block.body, suffixOf(block.mode));
      return;
    }
    this.#output.write(block.body);
    if (!block.hasSuffix) this.#output.write(suffixOf(block.mode));
  }

  /** It is text in memory of its own, or big. */
  snapshot(): void {}

  /** Asks the peer for a sign of life: a change to the mode in force, which every v1 peer answers. */
  requestAck(): void {
    this.#output.write(setModeBlocks[this.#sendMode] as Buffer);
    this.#pendingModeChanges++;
    this.#noAckAtModeChange = this.#noAckSent;
    this.#nothingSent = false;
  }

  cancelAck(block: Block): void {
    this.#pendingAcks.cancelAck(block);
    block.body = nothing; // a peer that never answers must not make us keep all that was sent to it
  }

  linkUp(nowMs: number): void {
    this.#heartbeat.linkUp(nowMs);
    this.#bad = new BadFrames(this.#output, strayAcks);
    this.#decoder = new BlockDecoder();
    this.#lines = new LineWatch();
    this.#nothingReceived = true;
    this.#nothingSent = true;
    this.#sendMode = 0;
    this.#receiveMode = 0;
    this.#pendingModeChanges = 0;
    this.#noAckSent = 0;
    this.#noAckAtModeChange = 0;
    this.#noAckRead = 0;
    // An empty message goes in an acknowledged mode even if nobody waits for its answer: then it may not come twice.
    for (const block of this.#pendingAcks.drain()) this.send(block);
  }

  linkDown(): void {
    this.#heartbeat.linkDown();
    const { maxUnansweredLinks = Number.POSITIVE_INFINITY } = this.#options;
    const untakeable = this.#pendingAcks.linkDown(maxUnansweredLinks);
    if (untakeable) {
      this.cancelAck(untakeable);
      this.#output.rejected(untakeable, unansweredError(untakeable, maxUnansweredLinks));
    }
    this.#decoder = new BlockDecoder();
    this.#lines.stop();
  }

  receive(chunk: Buffer, nowMs: number): void {
    this.#heartbeat.onReceived(nowMs);
    if (this.#nothingReceived) this.#lines.bytesArrived(chunk, nowMs);
    this.#decoder.push(chunk);
  }

  retainUnread(): void {
    this.#decoder.retainUnread();
  }

  read(): ReceivedBlock | undefined {
    try {
      const received = this.#next();
      if (received !== undefined) this.#bad.countGood();
      return received;
    } finally {
      this.#bad.report();
    }
  }

  #next(): ReceivedBlock | undefined {
    for (;;) {
      const blockBytes = this.#decoder.find();
      this.#check(blockBytes ?? this.#decoder.bytes.length);
      if (blockBytes === undefined) return undefined;
      if (this.#nothingReceived) this.#lines.stop();
      this.#nothingReceived = false;
      if (blockBytes === 0) {
        this.#decoder.skipEmpty();
      } else if (this.#decoder.bytes.at(0) === controlStart) {
        this.#onControl(blockBytes);
      } else {
        return this.#onData(blockBytes);
      }
    }
  }

  ended(): SerpyError | undefined {
    const there = this.#decoder.bytes.length;
    if (there === 0) return undefined;
    return new TruncatedError(
      `the stream ended in the middle of a block: ${there} bytes had come without the 1F that ends it`,
    );
  }

  /** A change of mode that waits for its answer asks as well. */
  tick(nowMs: number, paused: boolean): void {
    if (this.#nothingReceived && this.#lines.isLines(nowMs)) {
      const { bytes } = this.#decoder;
      throw new ProtocolError(
        `the peer does not speak v1: ${linesHint(bytes.peek(Math.min(sniffBytes, bytes.length)))}`,
      );
    }
    if (this.#heartbeat.tick(nowMs, paused) && this.#pendingModeChanges === 0) this.requestAck();
  }

  #isVerbatim(text: string): boolean {
    return text.length < copyBelowBytes && text.length <= this.#options.maxMessageBytes && isPlainText(text);
  }

  /** A text is written where it is sent from: that takes half as long as to make a Buffer of it. */
  #writeText(text: string, end: Buffer): void {
    const { buffer, offset } = this.#output.reserve(text.length + end.length);
    buffer.write(text, offset, 'latin1');
    for (let i = 0; i < end.length; i++) buffer[offset + text.length + i] = end[i] as number;
  }

  #onData(blockBytes: number): ReceivedBlock {
    const mode = this.#receiveMode;
    let bytes: Buffer;
    if (isAcknowledged(mode)) {
      if (this.#decoder.bytes.at(blockBytes - 1) !== transmissionEnd) throw missingEndError(mode);
      bytes = this.#decoder.take(blockBytes - 1, blockBytes);
      if (bytes.includes(transmissionEnd)) throw unexpectedEndError(mode);
    } else {
      bytes = this.#decoder.take(blockBytes, blockBytes);
    }
    if (mode >= 2) bytes = decodeBase85(bytes, (sizeBytes) => this.#output.allocate(sizeBytes));
    if (isAcknowledged(mode)) this.#output.write(acknowledgeBlock);
    return { mode, bytes, sizeBytes: blockBytes };
  }

  #onControl(blockBytes: number): void {
    const control = this.#takeControl(blockBytes);
    switch (control.kind) {
      case 'set-mode':
        this.#receiveMode = control.mode;
        this.#output.write(modeChangedBlock);
        break;
      case 'mode-changed':
        if (this.#pendingModeChanges > 0) this.#onModeChanged();
        else this.#onStrayAck('the peer answered a change of mode (ACKMODCG) that nobody asked for');
        break;
      case 'acknowledge': {
        // Answers come in order: a late one is that of its own message, whoever has stopped waiting for it.
        const block = this.#pendingAcks.acknowledge();
        if (block === 'cancelled') break;
        if (block) this.#onAck(block);
        else this.#onStrayAck('the peer acknowledged a message (ACKEOT) that nobody sent');
      }
    }
  }

  /** The peer reads in order: an answer shows that it has read what went before what it answers. */
  #onModeChanged(): void {
    this.#pendingModeChanges--;
    if (this.#pendingModeChanges === 0) this.#noAckRead = Math.max(this.#noAckRead, this.#noAckAtModeChange);
  }

  #onAck(block: Block): void {
    this.#noAckRead = Math.max(this.#noAckRead, block.noAckBefore);
    this.#output.acknowledged(block);
  }

  #onStrayAck(text: string): void {
    this.#bad.add((more) => new ProtocolError(`${text}${more}`));
  }

  #takeControl(blockBytes: number): Control {
    // By far the most frequent: told by its bytes, it takes a third of the time.
    if (!this.#decoder.bytes.startsWith(acknowledgeBlock)) {
      return readControl(this.#decoder.take(blockBytes, blockBytes).subarray(1));
    }
    this.#decoder.take(0, blockBytes);
    return acknowledge;
  }

  /** Looks at a block of which so much is there: one that cannot become anything is not waited for. */
  #check(knownBytes: number): void {
    if (knownBytes === 0) return;
    const { bytes } = this.#decoder;
    if (this.#nothingReceived) {
      const who = foreignProtocolHint(bytes.peek(Math.min(sniffBytes, knownBytes)));
      if (who) throw new ProtocolError(`the peer does not speak v1: ${who}`);
    }
    if (bytes.at(0) === controlStart) {
      if (knownBytes > maxControlBytes) throw controlTooLongError(bytes.peek(maxControlBytes).subarray(1));
    } else if (knownBytes > this.#maxDataBytes()) {
      throw this.#tooLarge(knownBytes);
    }
  }

  /** The longest data block that may come: a message of `maxMessageBytes` in the mode in force, and its `04`. */
  #maxDataBytes(): number {
    const { maxMessageBytes } = this.#options;
    const data = this.#receiveMode < 2 ? maxMessageBytes : encodedBase85Length(maxMessageBytes);
    return data + (isAcknowledged(this.#receiveMode) ? 1 : 0);
  }

  #tooLarge(knownBytes: number): MessageTooLargeError {
    const { maxMessageBytes } = this.#options;
    const messageBytes = this.#receiveMode < 2 ? knownBytes : decodedBase85Length(knownBytes);
    const what = 'the message that the peer sends';
    return new MessageTooLargeError(what, Math.max(messageBytes, maxMessageBytes + 1), maxMessageBytes);
  }
}

function unansweredError({ sizeBytes, mode }: Block, links: number): ConnectionLostError {
  return new ConnectionLostError(
    `a message of ${sizeBytes} bytes in mode ${mode} was sent on ${links} links that ended before it was acknowledged (maxUnansweredLinks), and is not sent ` +
      'again, so that others get through: it may or may not have arrived. Does the peer fail of it, or is the link too bad?',
  );
}

function detachedBufferError(sizeBytes: number): ValueError {
  return new ValueError(
    `a message of ${sizeBytes} bytes is not sent: the program took its memory away meanwhile (transferred it, or made it smaller): ` +
      'send a copy (Buffer.from(bytes))',
  );
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function missingEndError(mode: Mode): ProtocolError {
  return new ProtocolError(
    `the peer sent a block in mode ${mode} without its 04: the text that it sends holds the byte 1F, which needs mode 3`,
  );
}

function unexpectedEndError(mode: Mode): ProtocolError {
  return new ProtocolError(
    `the peer sent a block in mode ${mode} with two 04: the text that it sends holds the byte 04, which needs mode 3`,
  );
}
