/**
 * The sending half of a session: numbers messages, gathers small ones, cuts large ones, keeps what the peer has not acknowledged and sends
 * it again over the next link. It keeps exactly the pieces from the first that is not acknowledged on.
 */
import { ProtocolError, type SessionHost, ValueError } from 'serpy-core';
import { headerBytes } from '../wire/constants.js';
import { type BatchedMessage, batched, batchedBelowBytes, recordHeadBytes, writeRecord } from './frames/batch.js';
import { maxSegmentBytes, segmentFlag } from './frames/constants.js';
import { type OutboundFrame, Segment } from './frames/segment.js';
import { PendingAcks } from './pending-acks.js';
import { ReplayBuffer } from './replay-buffer.js';
import { detachedBufferError } from './session-errors.js';
import type { FlowLimits } from './session-parameters.js';

/** A piece below this is written in one with its head. */
const joinBelowBytes = 4096;

/** Small messages are gathered in blocks of memory, that begin small; so many bytes of them at most are one piece. */
const [firstBlockBytes, blockBytes, batchBytes] = [batchedBelowBytes + recordHeadBytes, 64 * 1024, 32 * 1024];

/** Below this, bytes are copied so that the program may change its own at once; larger ones must stay as they are until they are acknowledged. */
const copyBelowBytes = 64 * 1024;

/** A message as it is sent. */
export interface Segmentable extends OutboundFrame {
  /** What goes before the payload. */
  readonly prefix: Uint8Array | undefined;
  payload: Uint8Array;
  /** Whether the payload is our own memory, and nobody changes it. */
  owned: boolean;
  /** What its sender waits for. */
  readonly level: 'received' | 'consumed' | undefined;
}

/** How much may be kept that is not acknowledged. */
export interface ReplayLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Where a sending half stands. */
export interface SenderState {
  /** The first message, or piece of a large one, that is not acknowledged, and the bytes that are kept. */
  readonly first: number;
  readonly bytes: number;
  /** Messages and bytes that were begun and sent since the session began. */
  readonly started: number;
  readonly sent: number;
}

export class Sender<Out extends Segmentable> {
  readonly #output: SessionHost<Out>;
  readonly #replay: ReplayLimits;
  readonly #kept = new ReplayBuffer<Out>();
  /** How many pieces, the last of those that are kept, are yet to be put on this wire. */
  #unsent = 0;
  /** The number that is next, and the first that the peer has not acknowledged. */
  #next = 0;
  #acknowledged = 0;
  /** Where the session began to count. */
  #begun = 0;
  readonly #awaiting: PendingAcks<Out>;
  #startedMessages = 0;
  #sentBytes = 0;
  #limits: FlowLimits = { messages: 0, bytes: 0 };
  /** Small messages that are being gathered, and the memory for them. */
  #batch: Segment<Out> | undefined;
  #block: Buffer = Buffer.alloc(0);
  #blockUsed = 0;
  /** The message that is being cut, how far it is and the number of its first piece. */
  #cut: { readonly message: Out; doneBytes: number; readonly first: number } | undefined;

  constructor(output: SessionHost<Out>, replay: ReplayLimits) {
    this.#output = output;
    this.#replay = replay;
    this.#awaiting = new PendingAcks((message) => output.acknowledged(message));
  }

  /** Begins to count after so many plain messages. */
  begin(messages: number): void {
    this.#next = messages;
    this.#acknowledged = messages;
    this.#begun = messages;
    this.#startedMessages = messages;
  }

  /** The number after the last piece that was numbered. */
  get next(): number {
    return this.#next;
  }

  /** How many pieces the peer has acknowledged. */
  get acknowledgedSegments(): number {
    return this.#acknowledged - this.#begun;
  }

  /** Where it stands: to be looked at. */
  get state(): SenderState {
    const [first, bytes] = [this.#acknowledged, this.#kept.bytes];
    return { first, bytes, started: this.#startedMessages, sent: this.#sentBytes };
  }

  /** From where to where the pieces go that are kept. */
  *retainedRanges(): IterableIterator<readonly [number: number, next: number]> {
    for (const { number, next } of this.#kept) yield [number, next];
    if (this.#batch) yield [this.#batch.number, this.#batch.next];
  }

  get limits(): FlowLimits {
    return this.#limits;
  }

  /** Whether another message may be begun. */
  get canStart(): boolean {
    if (this.#unsent > 0 || this.#cut !== undefined || this.#replayFull) return false;
    return this.#startedMessages < this.#limits.messages && this.#sentBytes < this.#limits.bytes;
  }

  /** Whether the rest of a message, or what is sent again, may be put on the wire. */
  get hasPending(): boolean {
    return this.#unsent > 0 || (this.#cut !== undefined && !this.#replayFull);
  }

  /** Whether a message has been begun and is not all on the wire. */
  get midMessage(): boolean {
    return this.#cut !== undefined;
  }

  /** Whether the peer has everything. */
  get allAcknowledged(): boolean {
    return this.#acknowledged === this.#next && this.#awaiting.settled && this.#cut === undefined;
  }

  /** Whether small messages are gathered that are to be put on the wire. */
  get hasBatched(): boolean {
    return this.#batch !== undefined;
  }

  get #replayFull(): boolean {
    return this.#next - this.#acknowledged >= this.#replay.maxMessages || this.#kept.bytes >= this.#replay.maxBytes;
  }

  /** Begins a message. A small one is gathered until `flush`; `proceed` goes on with a large one. */
  send(message: Out): void {
    this.#startedMessages++;
    const size = sizeOf(message);
    if (size < batchedBelowBytes) {
      this.#gather(message, size);
      return;
    }
    this.flush();
    if (size > maxSegmentBytes) {
      this.#cut = { message, doneBytes: 0, first: this.#next };
      this.#cutPiece();
      return;
    }
    const { owned, prefix, payload: given } = message;
    const payload = prefix || (!owned && size < copyBelowBytes) ? bytesOf(message) : given;
    this.#add(new Segment(message, this.#next, segmentFlag.first | this.#lastFlags(message), size, payload, 0, size));
  }

  /** Puts the small messages on the wire that were gathered. */
  flush(): void {
    const batch = this.#endBatch();
    if (batch) this.#write(batch);
  }

  /** Puts the next piece on the wire: first what the peer did not get, then the rest of a message. */
  writeNext(): void {
    const again = this.#unsent > 0 ? this.#kept.at(this.#kept.length - this.#unsent) : undefined;
    if (again) {
      if (again.message && again.changed && (again.flags & segmentFlag.retracted) === 0) this.#breakOff(again.message);
      this.#unsent--;
      this.#write(again);
    } else if (this.#cut !== undefined) {
      this.#cutPiece();
    }
  }

  /** Nobody waits any longer for what becomes of it. */
  cancelAck(message: Out): void {
    this.#awaiting.remove(message);
  }

  /** The link is gone. */
  linkDown(): void {
    this.#endBatch();
    this.#unsent = 0;
  }

  /** Whether a peer can have come so far. */
  isValidAck(next: number, taken: number): boolean {
    return this.#acknowledged <= next && next <= this.#next && taken <= next;
  }

  /** Another link: what the peer does not have is sent again. */
  resume(next: number, taken: number): void {
    this.acknowledged(next, taken);
    this.#unsent = this.#kept.length;
  }

  /**
   * The peer has all pieces before `next`, and its application all before `taken`.
   * @throws `ERR_SERPY_PROTOCOL` when those were never sent
   */
  acknowledged(next: number, taken: number): void {
    if (next > this.#next || taken > this.#next) {
      throw new ProtocolError(
        `the peer acknowledges what was never sent (${Math.max(next, taken)}; ${this.#next} is the next)`,
      );
    }
    if (next > this.#acknowledged) this.#acknowledged = next;
    for (let first = this.#kept.at(0); first !== undefined && first.next <= next; first = this.#kept.at(0))
      this.#kept.shift();
    if (this.#unsent > this.#kept.length) this.#unsent = this.#kept.length;
    this.#awaiting.arrived(next, taken);
  }

  /** The peer takes more. Limits never go back: an older statement that comes late changes nothing. */
  raiseLimits({ messages, bytes }: FlowLimits): void {
    this.#limits = {
      messages: Math.max(messages, this.#limits.messages),
      bytes: Math.max(bytes, this.#limits.bytes),
    };
  }

  /**
   * Gives up.
   * @returns the messages that the peer may not have, in order; those of them that somebody waits for; and those that arrived, whose taking somebody waits for
   */
  abort(): {
    readonly unknown: readonly BatchedMessage[];
    readonly awaited: readonly Out[];
    readonly untaken: readonly Out[];
  } {
    this.#endBatch();
    const large = new Set<Out>();
    const unknown: (BatchedMessage | Out)[] = [];
    const { unarrived: awaited, untaken } = this.#awaiting.abandon();
    for (const piece of this.#kept) {
      unknown.push(...batched(piece, this.#acknowledged));
      const { message } = piece;
      // As it was sent, where it was copied: the program may have changed its own bytes since.
      if (message && !large.has(message))
        unknown.push(
          piece.isWhole && piece.isThere ? { type: message.type, payload: piece.bytes() } : shownOf(message),
        );
      if (message) large.add(message);
    }
    if (this.#cut) {
      if (!large.has(this.#cut.message)) unknown.push(shownOf(this.#cut.message));
      if (this.#cut.message.level) awaited.push(this.#cut.message);
    }
    this.#kept.clear();
    this.#unsent = 0;
    this.#acknowledged = this.#next;
    this.#cut = undefined;
    return { unknown, awaited, untaken };
  }

  #gather(message: Out, size: number): void {
    let batch = this.#batch;
    if (
      batch === undefined ||
      batch.dataBytes >= batchBytes ||
      batch.end + recordHeadBytes + size > this.#block.length
    ) {
      this.flush();
      batch = this.#beginBatch(size);
    }
    batch.end = writeRecord(this.#block, batch.end, message.type, message.prefix ? bytesOf(message) : message.payload);
    if (message.level !== undefined) batch.flags |= this.#lastFlags(message);
    batch.count++;
    this.#next++;
    this.#sentBytes += size;
  }

  #beginBatch(size: number): Segment<Out> {
    if (this.#blockUsed + recordHeadBytes + size > this.#block.length) {
      this.#block = Buffer.allocUnsafeSlow(Math.min(blockBytes, Math.max(firstBlockBytes, 2 * this.#block.length)));
      this.#blockUsed = 0;
    }
    const flags = segmentFlag.first | segmentFlag.last;
    this.#batch = new Segment<Out>(undefined, this.#next, flags, 0, this.#block, this.#blockUsed, this.#blockUsed);
    this.#batch.count = 0;
    return this.#batch;
  }

  /** @returns the batch, which is kept from now on */
  #endBatch(): Segment<Out> | undefined {
    const batch = this.#batch;
    if (batch === undefined) return undefined;
    this.#batch = undefined;
    this.#blockUsed = batch.end;
    this.#kept.push(batch);
    return batch;
  }

  /** The flags of a message's last piece, which takes the number that is next; who waits for the message is noted. */
  #lastFlags(message: Out): number {
    if (message.level === undefined) return segmentFlag.last;
    this.#awaiting.add(message, this.#next + 1);
    return segmentFlag.last | segmentFlag.ackNow;
  }

  #cutPiece(): void {
    const cut = this.#cut as { readonly message: Out; doneBytes: number; readonly first: number };
    const { prefix, payload } = cut.message;
    const headBytes = prefix?.length ?? 0;
    const total = sizeOf(cut.message);
    const start = cut.doneBytes;
    if (headBytes + payload.length !== total) {
      this.#breakOffCut(cut.message);
      return;
    }
    // A head is a piece by itself: to be joined, the bytes behind it would have to be copied.
    const inHead = start < headBytes;
    const end = inHead ? headBytes : Math.min(total, start + maxSegmentBytes);
    let flags = start === 0 ? segmentFlag.first : 0;
    if (end === total) {
      flags |= this.#lastFlags(cut.message);
      this.#cut = undefined;
    }
    cut.doneBytes = end;
    const [memory, before] = inHead ? [prefix as Uint8Array, 0] : [payload, headBytes];
    this.#add(new Segment(cut.message, this.#next, flags, total, memory, start - before, end - before));
    this.#output.progress({ direction: 'send', of: 'message', number: cut.first, doneBytes: end, totalBytes: total });
  }

  /** The rest of a message is not there any more: what the peer has of it ends with a piece that says so. */
  #breakOffCut(message: Out): void {
    const piece = new Segment(message, this.#next, 0, sizeOf(message), nothing, 0, 0);
    piece.breakOff();
    this.#cut = undefined;
    this.#add(piece);
    const error = detachedBufferError(sizeOf(message));
    this.#output.rejected(message, error);
    this.#output.warn(error);
  }

  #add(piece: Segment<Out>): void {
    this.#next++;
    this.#sentBytes += piece.dataBytes;
    this.#kept.push(piece);
    this.#write(piece);
  }

  #write(piece: Segment<Out>): void {
    const { headBytes, dataBytes } = piece;
    const joined = dataBytes < joinBelowBytes;
    const { buffer, offset } = this.#output.reserve(headBytes + (joined ? dataBytes : 0));
    piece.write(buffer, offset, joined);
    if (!joined) this.#output.write(piece.bytes());
  }

  /** The program has changed what is to be sent again: the peer gets nothing of it instead of something else, and the program is told. */
  #breakOff(message: Out): void {
    let told = false;
    for (let index = this.#kept.length - this.#unsent; index < this.#kept.length; index++) {
      const piece = this.#kept.at(index) as Segment<Out>;
      if (piece.message !== message) continue;
      told ||= (piece.flags & segmentFlag.retracted) !== 0;
      // The peer never counts these.
      this.#sentBytes -= piece.dataBytes;
      piece.breakOff();
    }
    this.#kept.recount();
    if (this.#cut?.message === message) this.#cut = undefined;
    if (told) return;
    this.#awaiting.remove(message);
    const error = new ValueError(
      `a message of ${sizeOf(message)} bytes had to be sent again after the link broke, and its bytes had been changed meanwhile, so the peer does not get it: ` +
        'send a copy (Buffer.from(bytes)), or change them only after an acknowledgement',
    );
    this.#output.rejected(message, error);
    this.#output.warn(error);
  }
}

/** All bytes of a message, in memory of their own. */
function bytesOf({ prefix, payload }: Segmentable): Buffer {
  return prefix ? Buffer.concat([prefix, payload]) : Buffer.from(payload);
}

/** As it was when it was given: the program may have taken its memory away since. */
function sizeOf({ sizeBytes }: Segmentable): number {
  return sizeBytes - headerBytes;
}

/** A message to be told of. Where its memory is gone, without its bytes. */
function shownOf<Out extends Segmentable>(message: Out): Out {
  const { prefix, payload } = message;
  return (prefix?.length ?? 0) + payload.length === sizeOf(message)
    ? message
    : { ...message, prefix: undefined, payload: nothing };
}

const nothing = new Uint8Array(0);
