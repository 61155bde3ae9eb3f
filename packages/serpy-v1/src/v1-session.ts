/**
 * The v1 state machine of one connection: the mode of each direction, the answers to control blocks, and the messages without an
 * acknowledgement, which outlive a link.
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
  type SharedEncoding,
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
import {
  type Block,
  bytesBlock,
  copyBelowBytes,
  owned,
  type ReceivedBlock,
  suffixOf,
  textBlock,
  wholeBlock,
} from './wire/block.js';
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
  /** `'received'` or `true`: waits until the message has arrived at the peer, as mode 1 does. Not with mode 0, 2 or 4. */
  readonly acknowledge?: 'received' | true | undefined;
  /** Sends in exactly this mode, or rejects with `ERR_SERPY_OPTION`. For relays. Default false. */
  readonly forceMode?: boolean | undefined;
}

/** The settings of a session. Timeouts that are left out are disabled. */
export interface SessionOptions extends Partial<LivenessSetting> {
  readonly maxMessageBytes: number;
  readonly encoding: Encoding;
  /** The number of links on which an acknowledged message is sent before it is rejected. Default: no limit. */
  readonly maxUnansweredLinks?: number | undefined;
}

const nothing = Buffer.alloc(0);

/** Completes the error of a link that brings too many of them: "the peer has sent 256 more …". */
const strayAcks =
  'unexpected answers than messages, so the link is closed. Check that the peer speaks v1 and that nothing in between echoes what it receives';

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
  /** Messages of this link without an acknowledgement: the number sent, the number sent before the last mode change, and the number that the peer has read. */
  #noAckSent = 0;
  #noAckAtModeChange = 0;
  #noAckRead = 0;
  /** Whether no complete block has arrived on this link. */
  #nothingReceived = true;
  /** Whether nothing was sent on this link. */
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
   * Encodes a value as a block.
   * @throws `ERR_SERPY_VALUE`, `ERR_SERPY_ENCODING`, `ERR_SERPY_TOO_LARGE`, `ERR_SERPY_OPTION`
   */
  encode(value: Value, options: ModeOptions, shared?: SharedEncoding): Block {
    if (shared === undefined) return this.#encode(value, options);
    return { ...shared.get('v1', () => owned(this.#encode(value, options))) }; // a block has a state of its own
  }

  #encode(value: Value, options: ModeOptions): Block {
    const asked = options.acknowledge === undefined ? modeOf(options) : acknowledgedMode(options);
    const { forceMode = false } = options;
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
    const isAwaited = isAcknowledged(asked);
    if (mode < 2) return bytesBlock(viewOf(payload.bytes), mode, isAwaited);
    return wholeBlock(encodeBase85(payload.bytes, suffixOf(mode)), mode, isAwaited);
  }

  send(block: Block): void {
    const suffixBytes = block.hasSuffix ? 0 : suffixOf(block.mode).length;
    if (block.body.length + suffixBytes !== block.sizeBytes) {
      const error = detachedBufferError(block.sizeBytes);
      this.#output.rejected(block, error);
      this.#output.warn(error);
      return;
    }
    if (block.mode !== this.#sendMode) {
      // Does not wait for the answer: a receiver reads strictly in order.
      this.#output.write(setModeBlocks[block.mode] as Buffer);
      this.#sendMode = block.mode;
      this.#pendingModeChanges++;
      this.#noAckAtModeChange = this.#noAckSent;
      // Only for the first block: after messages that the peer does not read, the answer would not arrive.
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

  /** Nothing to copy: a small body is already a copy, a large one is sent by reference. */
  snapshot(): void {}

  /** Sends a heartbeat: a change to the current mode, which every v1 peer answers. */
  requestAck(): void {
    this.#output.write(setModeBlocks[this.#sendMode] as Buffer);
    this.#pendingModeChanges++;
    this.#noAckAtModeChange = this.#noAckSent;
    this.#nothingSent = false;
  }

  cancelAck(block: Block): void {
    this.#pendingAcks.cancelAck(block);
    block.body = nothing; // bounds the memory if a peer never acknowledges
  }

  linkUp(nowMs: number): void {
    this.begin(nowMs);
    this.resend();
  }

  /** As `linkUp`, but sends nothing: `resend` follows. */
  begin(nowMs: number): void {
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
  }

  /** Sends the messages of earlier links again that the peer has not acknowledged. */
  resend(): void {
    // Only awaited blocks. An empty message uses an acknowledged mode even if nothing awaits it, and must not arrive twice.
    for (const block of this.#pendingAcks.drain()) this.send(block);
  }

  /** The messages that the peer has not acknowledged are not sent again: their `sendData` rejects. */
  abandon(error: SerpyError): void {
    for (const block of this.#pendingAcks.drain()) this.#output.rejected(block, error);
  }

  linkDown(): void {
    this.#heartbeat.linkDown();
    const { maxUnansweredLinks = Number.POSITIVE_INFINITY } = this.#options;
    const failed = this.#pendingAcks.linkDown(maxUnansweredLinks);
    if (failed) {
      this.cancelAck(failed);
      this.#output.rejected(failed, unansweredError(failed, maxUnansweredLinks));
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
    const receivedBytes = this.#decoder.bytes.length;
    if (receivedBytes === 0) return undefined;
    return new TruncatedError(
      `the stream ended within a block: ${receivedBytes} bytes arrived without the 1F that ends it`,
    );
  }

  /** Sends no heartbeat while a mode change awaits its answer: that answer serves as well. */
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

  /** Writes a text into the transport's buffer. This takes half the time of a Buffer of its own. */
  #writeText(text: string, suffix: Buffer): void {
    const { buffer, offset } = this.#output.reserve(text.length + suffix.length);
    buffer.write(text, offset, 'latin1');
    for (let i = 0; i < suffix.length; i++) buffer[offset + text.length + i] = suffix[i] as number;
  }

  #onData(blockBytes: number): ReceivedBlock {
    const mode = this.#receiveMode;
    let bytes: Buffer;
    if (isAcknowledged(mode)) {
      if (this.#decoder.bytes.at(blockBytes - 1) !== transmissionEnd) throw missingEndError(mode);
      bytes = this.#decoder.take(blockBytes - 1, blockBytes, mode >= 2);
      if (bytes.includes(transmissionEnd)) throw unexpectedEndError(mode);
    } else {
      bytes = this.#decoder.take(blockBytes, blockBytes, mode >= 2);
    }
    if (mode >= 2) bytes = decodeBase85(bytes, (sizeBytes) => this.#output.allocate(sizeBytes));
    if (isAcknowledged(mode)) this.#output.write(acknowledgeBlock);
    return { mode, bytes, sizeBytes: blockBytes };
  }

  #onControl(blockBytes: number): void {
    const control = this.#readControl(blockBytes);
    switch (control.kind) {
      case 'set-mode':
        this.#receiveMode = control.mode;
        this.#output.write(modeChangedBlock);
        break;
      case 'mode-changed':
        if (this.#pendingModeChanges > 0) this.#onModeChanged();
        else this.#onStrayAck('ignored an unexpected answer to a mode change (ACKMODCG) from the peer');
        break;
      case 'acknowledge': {
        // Acknowledgements arrive in order: a late one belongs to its own message, even if that is no longer awaited.
        const block = this.#pendingAcks.acknowledge();
        if (block === 'cancelled') break;
        if (block) this.#onAck(block);
        else this.#onStrayAck('ignored an unexpected acknowledgement (ACKEOT) from the peer');
      }
    }
  }

  /** The peer reads in order: its answer proves that it has read everything that was sent before the mode change. */
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

  #readControl(blockBytes: number): Control {
    // An acknowledgement is by far the most frequent block. To compare its bytes takes a third of the time.
    if (!this.#decoder.bytes.startsWith(acknowledgeBlock)) {
      return readControl(this.#decoder.take(blockBytes, blockBytes).subarray(1));
    }
    this.#decoder.take(0, blockBytes);
    return acknowledge;
  }

  /** Checks a block, complete or not, so that an invalid one is rejected before it is complete. @param knownBytes the bytes of it that have arrived */
  #check(knownBytes: number): void {
    if (knownBytes === 0) return;
    const { bytes } = this.#decoder;
    if (this.#nothingReceived) {
      const hint = foreignProtocolHint(bytes.peek(Math.min(sniffBytes, knownBytes)));
      if (hint) throw new ProtocolError(`the peer does not speak v1: ${hint}`);
    }
    if (bytes.at(0) === controlStart) {
      if (knownBytes > maxControlBytes) throw controlTooLongError(bytes.peek(maxControlBytes).subarray(1));
    } else if (knownBytes > this.#maxDataBytes()) {
      throw this.#tooLarge(knownBytes);
    }
  }

  /** The longest valid data block: a message of `maxMessageBytes` in the current mode, and its `04`. */
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

/** The mode that a program requests: only an omitted one is the default. */
function modeOf({ mode = 0 }: ModeOptions): Mode {
  return mode;
}

/** The mode of a message that requests an acknowledgement. Throws if the options contradict each other. */
function acknowledgedMode({ acknowledge, mode }: ModeOptions): Mode {
  if (acknowledge !== true && acknowledge !== 'received') throw acknowledgeError(acknowledge);
  if (mode === undefined) return 1;
  if (!isMode(mode) || isAcknowledged(mode)) return mode;
  throw new OptionError(
    `mode ${mode} is not acknowledged, which contradicts the option acknowledge. Use mode ${mode + 1}, or omit one of them`,
  );
}

function acknowledgeError(acknowledge: unknown): OptionError {
  return new OptionError(
    acknowledge === 'consumed'
      ? "v1 cannot confirm that the program has consumed a message. Use acknowledge: 'received', or a session of v2 (serpy for Node at both ends)"
      : `the option acknowledge takes 'received' or true, not ${JSON.stringify(acknowledge)}`,
  );
}

function unansweredError({ sizeBytes, mode }: Block, links: number): ConnectionLostError {
  return new ConnectionLostError(
    `a message of ${sizeBytes} bytes in mode ${mode} was sent on ${links} links, and each ended before the peer acknowledged it (maxUnansweredLinks). It ` +
      'may have arrived. serpy does not send it again, so that later messages are sent. Check whether the peer fails on this message',
  );
}

function detachedBufferError(sizeBytes: number): ValueError {
  return new ValueError(
    `a message of ${sizeBytes} bytes was not sent, because the program transferred or resized its memory after sendData. ` +
      'Send a copy: Buffer.from(bytes)',
  );
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function missingEndError(mode: Mode): ProtocolError {
  return new ProtocolError(
    `the peer sent a block in mode ${mode} without its 04. If its text holds the byte 1F, send it in mode 3`,
  );
}

function unexpectedEndError(mode: Mode): ProtocolError {
  return new ProtocolError(
    `the peer sent a block in mode ${mode} with two 04. If its text holds the byte 04, send it in mode 3`,
  );
}
