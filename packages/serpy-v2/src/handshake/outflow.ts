/**
 * The sending half of a session: numbers pieces, cuts large messages, keeps what the peer has not acknowledged and sends it again over
 * the next link. Always: acknowledged ≤ next on this wire ≤ next new; it keeps exactly the pieces from the first to the last of these.
 */
import { ProtocolError, type SessionOutput, ValueError } from 'serpy-core';
import type { Limits } from './greeting.js';
import { Piece, type Sendable } from './piece.js';
import { PieceQueue } from './piece-queue.js';
import { pieceBytes, pieceFlag } from './wire.js';

/** A piece below this is written in one with its head. */
const joinedBytes = 4096;

/** A message as it is cut. */
export interface Cuttable extends Sendable {
  /** What goes before the payload. */
  readonly head: Uint8Array | undefined;
  readonly payload: Uint8Array;
  /** Whether the payload is our own memory, and nobody changes it. */
  owned: boolean;
  /** What its sender waits for. */
  readonly level: 'received' | 'processed' | undefined;
}

/** How much may be kept that is not acknowledged. */
export interface ReplayLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Below this, bytes are copied so that the program may change its own at once; larger ones must stay as they are until they are acknowledged. */
const copiedBytes = 64 * 1024;
const copyBlockBytes = 64 * 1024;

export class Outflow<Out extends Cuttable> {
  readonly #output: SessionOutput<Out>;
  readonly #replay: ReplayLimits;
  readonly #kept = new PieceQueue<Out>();
  /** Messages that the peer has, and whose sender waits until the application there has taken them; with the number after their last piece. */
  readonly #untaken: { readonly message: Out; readonly end: number }[] = [];
  /** The number of the next new piece, and of the next to be put on this wire. */
  #next = 0;
  #onWire = 0;
  #startedMessages = 0;
  #sentBytes = 0;
  #limits: Limits = { messages: 0, bytes: 0 };
  /** The message that is being cut, how far it is and the number of its first piece. */
  #cut: { readonly message: Out; doneBytes: number; readonly first: number } | undefined;
  #copyBlock: Buffer | undefined;
  #copyUsed = 0;

  constructor(output: SessionOutput<Out>, replay: ReplayLimits) {
    this.#output = output;
    this.#replay = replay;
  }

  /** Begins to count after so many plain messages. */
  begin(messages: number): void {
    this.#next = messages;
    this.#onWire = messages;
    this.#startedMessages = messages;
    this.#kept.begin(messages);
  }

  /** The number after the last piece that was numbered. */
  get next(): number {
    return this.#next;
  }

  /** Whether another message may be begun. */
  get mayBegin(): boolean {
    if (this.unfinished || this.#cut !== undefined || this.#replayFull) return false;
    return this.#startedMessages < this.#limits.messages && this.#sentBytes < this.#limits.bytes;
  }

  /** Whether the rest of a message, or what is sent again, may be put on the wire. */
  get unfinished(): boolean {
    return this.#onWire < this.#next || (this.#cut !== undefined && !this.#replayFull);
  }

  /** Whether the peer has everything. */
  get settled(): boolean {
    return this.#kept.length === 0 && this.#untaken.length === 0 && this.#cut === undefined;
  }

  get #replayFull(): boolean {
    return this.#kept.length >= this.#replay.maxMessages || this.#kept.bytes >= this.#replay.maxBytes;
  }

  /** Begins a message; `proceed` goes on with it. */
  send(message: Out): void {
    this.#startedMessages++;
    const size = sizeOf(message);
    const urgent = message.level === undefined ? 0 : pieceFlag.urgent;
    if (size > pieceBytes) {
      this.#cut = { message, doneBytes: 0, first: this.#next };
      this.#cutPiece();
      return;
    }
    const flags = pieceFlag.first | pieceFlag.last | urgent;
    const { memory, start } = this.#own(message);
    this.#add(new Piece(message, this.#next, flags, size, memory, start, start + size));
  }

  /** Puts the next piece on the wire: first what the peer did not get, then the rest of a message. */
  proceed(): void {
    if (this.#onWire < this.#next) this.#writeAgain(this.#kept.at(this.#onWire));
    else if (this.#cut !== undefined) this.#cutPiece();
  }

  /** Another link: what the peer does not have is sent again. */
  resume(next: number, taken: number): void {
    this.acknowledged(next, taken);
    this.#onWire = this.#kept.first;
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
    for (let piece = this.#kept.shiftBefore(next); piece; piece = this.#kept.shiftBefore(next)) {
      if (piece.last && (piece.flags & pieceFlag.broken) === 0) this.#arrived(piece.message, piece.number + 1);
    }
    if (this.#onWire < this.#kept.first) this.#onWire = this.#kept.first;
    while (this.#untaken[0] !== undefined && this.#untaken[0].end <= taken) {
      this.#output.acknowledged((this.#untaken.shift() as { message: Out }).message);
    }
  }

  /** The peer takes more. Limits never go back: an older statement that comes late changes nothing. */
  allow({ messages, bytes }: Limits): void {
    this.#limits = {
      messages: Math.max(messages, this.#limits.messages),
      bytes: Math.max(bytes, this.#limits.bytes),
    };
  }

  /** Gives up: the messages that the peer may not have, in order; those whose taking somebody waits for are `untaken`. */
  abandon(): { readonly unknown: readonly Out[]; readonly untaken: readonly Out[] } {
    const unknown = new Set(this.#kept.messages());
    if (this.#cut) unknown.add(this.#cut.message);
    const untaken = this.#untaken.splice(0).map(({ message }) => message);
    this.#kept.begin(this.#next);
    this.#cut = undefined;
    return { unknown: [...unknown], untaken };
  }

  #arrived(message: Out, end: number): void {
    if (message.level === 'processed') this.#untaken.push({ message, end });
    else if (message.level === 'received') this.#output.acknowledged(message);
  }

  #cutPiece(): void {
    const cut = this.#cut as { readonly message: Out; doneBytes: number; readonly first: number };
    const { head, payload, level } = cut.message;
    const headBytes = head?.length ?? 0;
    const total = headBytes + payload.length;
    const start = cut.doneBytes;
    // A head is a piece by itself: to be joined, the bytes behind it would have to be copied.
    const inHead = start < headBytes;
    const end = inHead ? headBytes : Math.min(total, start + pieceBytes);
    let flags = start === 0 ? pieceFlag.first : 0;
    if (end === total) {
      flags |= pieceFlag.last | (level === undefined ? 0 : pieceFlag.urgent);
      this.#cut = undefined;
    }
    cut.doneBytes = end;
    const [memory, before] = inHead ? [head as Uint8Array, 0] : [payload, headBytes];
    this.#add(new Piece(cut.message, this.#next, flags, total, memory, start - before, end - before));
    this.#output.progress({ direction: 'send', number: cut.first, doneBytes: end, totalBytes: total });
  }

  #add(piece: Piece<Out>): void {
    this.#next++;
    this.#sentBytes += piece.dataBytes;
    this.#kept.push(piece);
    this.#write(piece);
  }

  #write(piece: Piece<Out>): void {
    const { headBytes, dataBytes } = piece;
    const joined = dataBytes < joinedBytes;
    const { memory, start } = this.#output.reserve(headBytes + (joined ? dataBytes : 0));
    piece.write(memory, start, joined);
    if (!joined) this.#output.write(piece.bytes());
    this.#onWire = piece.number + 1;
  }

  #writeAgain(piece: Piece<Out>): void {
    if (piece.changed && (piece.flags & pieceFlag.broken) === 0) this.#breakOff(piece.message);
    this.#write(piece);
  }

  /** The program has changed what is to be sent again: the peer gets nothing of it instead of something else, and the program is told. */
  #breakOff(message: Out): void {
    let told = false;
    for (const piece of this.#kept) {
      if (piece.message !== message || piece.number < this.#onWire) continue;
      told ||= (piece.flags & pieceFlag.broken) !== 0;
      // The peer never counts these.
      this.#sentBytes -= piece.dataBytes;
      piece.breakOff();
    }
    this.#kept.recount();
    if (this.#cut?.message === message) this.#cut = undefined;
    if (told) return;
    const error = new ValueError(
      `a message of ${sizeOf(message)} bytes had to be sent again after the link broke, and its bytes had been changed meanwhile, so the peer does not get it: ` +
        'send a copy (Buffer.from(bytes)), or change them only after an acknowledgement',
    );
    this.#output.rejected(message, error);
    this.#output.warn(error);
  }

  /** @returns the payload as memory that nobody else changes, unless it is large */
  #own(message: Out): { readonly memory: Uint8Array; readonly start: number } {
    const { head, payload } = message;
    if (head !== undefined) return { memory: Buffer.concat([head, payload]), start: 0 };
    if (message.owned || payload.length >= copiedBytes) return { memory: payload, start: 0 };
    if (this.#copyBlock === undefined || this.#copyUsed + payload.length > copyBlockBytes) {
      this.#copyBlock = Buffer.allocUnsafeSlow(copyBlockBytes);
      this.#copyUsed = 0;
    }
    const place = { memory: this.#copyBlock, start: this.#copyUsed };
    place.memory.set(payload, place.start);
    this.#copyUsed += payload.length;
    return place;
  }
}

function sizeOf({ head, payload }: Cuttable): number {
  return (head?.length ?? 0) + payload.length;
}
