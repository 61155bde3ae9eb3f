/**
 * The receiving half of a session: what number is expected, what may be on its way, how large messages are put together,
 * and when the peer is told of it. What is delivered is always a beginning of what was sent, without repeats.
 */
import { MessageTooLargeError, ownMemoryBytes, ProtocolError, type SessionOutput } from 'serpy-core';
import { frameType } from '../wire.js';
import { Assembly } from './assembly.js';
import { GapError } from './faults.js';
import type { Limits } from './greeting.js';
import type { Sendable } from './piece.js';
import { numberedBit, pieceFlag, unknownTotal } from './wire.js';

/** What stands before the bytes of a piece. */
export interface PieceHead {
  readonly type: number;
  readonly flags: number;
  readonly number: number;
  readonly total: number;
  readonly dataBytes: number;
}

/** A message that is whole, with the number after its last piece. */
export interface WholeMessage {
  readonly type: number;
  readonly payload: Buffer;
  readonly end: number;
}

/** The receive queue's bounds: so much may be on its way, or wait to be taken. */
export interface Window {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Whether the queue makes room by itself, so that nobody need wait. */
  readonly drops: boolean;
}

/** The peer is told when so much has come since it was told last, and otherwise after a while. */
const messagesPerState = 64;
const bytesPerState = 1024 * 1024;

/** A while. */
export const stateDelayMs = 50;

/** It is told at once when such a part of the window has become free. */
const freedPart = 1 / 4;

export class Inflow {
  readonly #output: SessionOutput<Sendable & { readonly acknowledged: boolean }>;
  readonly #maxMessageBytes: number;
  readonly #window: Window;
  #next = 0;
  #startedMessages = 0;
  #receivedBytes = 0;
  #taken = 0;
  #takenMessages = 0;
  #takenBytes = 0;
  /** Up to this number the peer waits to hear what has been taken. */
  #urgentEnd = 0;
  #toldTakenMessages = 0;
  #toldTakenBytes = 0;
  #untoldMessages = 0;
  #untoldBytes = 0;
  /** Whether the peer should be told at once, or at all. */
  #urgent = false;
  #due = false;
  #assembly: Assembly | undefined;
  /** One whose first piece is not whole yet: with the link it goes. */
  #draft: Assembly | undefined;

  constructor(
    output: SessionOutput<Sendable & { readonly acknowledged: boolean }>,
    maxMessageBytes: number,
    window: Window,
  ) {
    this.#output = output;
    this.#maxMessageBytes = maxMessageBytes;
    this.#window = window;
  }

  /** Begins to count after so many plain messages. */
  begin(messages: number): void {
    this.#next = messages;
    this.#taken = messages;
    this.#startedMessages = messages;
    this.#takenMessages = messages;
    this.#toldTakenMessages = messages;
  }

  /** The number of the next piece. */
  get next(): number {
    return this.#next;
  }

  /** The number after the last message that the application has taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Memory that is held for a message that comes in pieces. */
  get unfinishedBytes(): number {
    return (this.#assembly?.heldBytes ?? 0) + (this.#draft?.heldBytes ?? 0);
  }

  /** Whether the peer should be told at once where we are. */
  get urgent(): boolean {
    return this.#urgent;
  }

  /** Whether it should be told after a while. */
  get due(): boolean {
    return this.#due;
  }

  /** What the peer may send. */
  get limits(): Limits {
    const { maxMessages, maxBytes, drops } = this.#window;
    if (drops) return { messages: unknownTotal, bytes: unknownTotal };
    return { messages: this.#takenMessages + maxMessages, bytes: this.#takenBytes + maxBytes };
  }

  /** The peer has been told. */
  told(): void {
    this.#urgent = false;
    this.#due = false;
    this.#untoldMessages = 0;
    this.#untoldBytes = 0;
    this.#toldTakenMessages = this.#takenMessages;
    this.#toldTakenBytes = this.#takenBytes;
  }

  /** The link is gone: what had begun to come and is not whole comes again. */
  lost(): void {
    this.#draft = undefined;
    this.#urgent = false;
    this.#due = false;
  }

  /**
   * Where the bytes of a piece may be put as they come, before it is known whether it is unharmed; undefined where it must be gathered first.
   * @param believedBytes so much memory may be set aside
   */
  place(head: PieceHead, believedBytes: number): Buffer | undefined {
    if (head.number !== this.#next || (head.flags & pieceFlag.broken) !== 0) return undefined;
    if (head.flags & pieceFlag.first) {
      if (head.total > this.#maxMessageBytes) return undefined;
      if (head.flags & pieceFlag.last) return this.#placeWhole(head, believedBytes);
      this.#draft = new Assembly(head.type, head.total, this.#output);
      return this.#draft.place(head.dataBytes, believedBytes);
    }
    return this.#assembly?.place(head.dataBytes, believedBytes);
  }

  /** A message of one piece that comes in several chunks goes into its own memory at once. */
  #placeWhole({ type, dataBytes }: PieceHead, believedBytes: number): Buffer | undefined {
    const isLarge = dataBytes >= ownMemoryBytes && dataBytes <= believedBytes;
    return isLarge && type === (frameType.bytes | numberedBit) ? this.#output.allocate(dataBytes) : undefined;
  }

  /**
   * Takes a piece whose CRC was right.
   * @param data its bytes: lent, or where `place` said
   * @returns the message that it completes
   * @throws `GapError`; `ERR_SERPY_PROTOCOL`, `ERR_SERPY_TOO_LARGE` for what no honest peer sends: the session is over
   */
  accept(head: PieceHead, data: Buffer, placed: boolean): WholeMessage | undefined {
    const { number, flags } = head;
    if (number !== this.#next) {
      if (number > this.#next) throw new GapError(`the peer sent piece ${number} where ${this.#next} was expected`);
      this.#urgent = true; // it did not hear that we have it
      return undefined;
    }
    this.#checkRules(head);
    this.#next++;
    this.#receivedBytes += head.dataBytes;
    this.#count(head);
    if (flags & pieceFlag.broken) {
      this.#breakOff(head);
      return undefined;
    }
    if (flags & pieceFlag.first && flags & pieceFlag.last) {
      return { type: head.type, payload: this.#deliverable(head.type, data, placed), end: number + 1 };
    }
    return this.#assemble(head, data, placed);
  }

  /** The application has taken a message, or the queue has dropped it; and so all before it. */
  takenUpTo(end: number, sizeBytes: number): void {
    if (end <= this.#taken) return;
    this.#taken = end;
    this.#takenMessages++;
    this.#takenBytes += sizeBytes;
    this.#due = true;
    const { maxMessages, maxBytes } = this.#window;
    const freedMessages = this.#takenMessages - this.#toldTakenMessages;
    const freedBytes = this.#takenBytes - this.#toldTakenBytes;
    if (end <= this.#urgentEnd || freedMessages >= maxMessages * freedPart || freedBytes >= maxBytes * freedPart) {
      this.#urgent = true;
    }
  }

  #checkRules({ flags, total, dataBytes }: PieceHead): void {
    if (flags & pieceFlag.first) {
      if (total > this.#maxMessageBytes) {
        throw new MessageTooLargeError('the message that the peer sends', total, this.#maxMessageBytes);
      }
      if (this.#isBeyondLimits()) {
        const { messages, bytes } = this.limits;
        throw new ProtocolError(`the peer sends more than it was allowed to (${messages} messages, ${bytes} bytes)`);
      }
      if (this.#assembly) throw new ProtocolError('the peer began a message in the middle of another');
      if (dataBytes > total) throw tooMuch();
      return;
    }
    if (flags & pieceFlag.broken) return;
    if (!this.#assembly) throw new ProtocolError('the peer went on with a message that it had not begun');
    if (dataBytes > this.#assembly.missing) throw tooMuch();
  }

  /** As `limits` says, without making an object of it for every piece. */
  #isBeyondLimits(): boolean {
    const { maxMessages, maxBytes, drops } = this.#window;
    if (drops) return false;
    const isFull = this.#startedMessages - this.#takenMessages >= maxMessages;
    return isFull || this.#receivedBytes - this.#takenBytes >= maxBytes;
  }

  #count({ flags, number, dataBytes }: PieceHead): void {
    if (flags & pieceFlag.first) this.#startedMessages++;
    this.#due = true;
    this.#untoldMessages++;
    this.#untoldBytes += dataBytes;
    if (flags & pieceFlag.urgent) {
      this.#urgentEnd = number + 1;
      this.#urgent = true;
    }
    if (this.#untoldMessages >= messagesPerState || this.#untoldBytes >= bytesPerState) this.#urgent = true;
  }

  /** The peer has taken a message back: what had come of it is forgotten, and its place is free. */
  #breakOff({ flags }: PieceHead): void {
    if ((flags & pieceFlag.first) === 0 && this.#assembly === undefined) return;
    this.#takenMessages++;
    this.#takenBytes += this.#assembly?.filled ?? 0;
    this.#assembly = undefined;
  }

  #assemble({ type, flags, number, total }: PieceHead, data: Buffer, placed: boolean): WholeMessage | undefined {
    if (flags & pieceFlag.first) {
      this.#assembly = placed ? this.#draft : new Assembly(type, total, this.#output);
      this.#draft = undefined;
    }
    const assembly = this.#assembly as Assembly;
    if (flags & pieceFlag.first) assembly.number = number;
    if (placed) assembly.placed(data.length);
    else assembly.add(data, this.#receivedBytes);
    this.#output.progress({
      direction: 'receive',
      number: assembly.number,
      doneBytes: assembly.filled,
      totalBytes: assembly.totalBytes,
    });
    if ((flags & pieceFlag.last) === 0) return undefined;
    if (assembly.missing > 0) throw new ProtocolError('the peer ended a message before it was whole');
    this.#assembly = undefined;
    return { type: assembly.type, payload: assembly.finish(), end: number + 1 };
  }

  /** Bytes are the application's to keep; other values are made from them at once. */
  #deliverable(type: number, data: Buffer, placed: boolean): Buffer {
    if (placed || type !== (frameType.bytes | numberedBit)) return data;
    const copy = this.#output.allocate(data.length);
    copy.set(data);
    return copy;
  }
}

function tooMuch(): ProtocolError {
  return new ProtocolError('the peer sent more of a message than it announced');
}
