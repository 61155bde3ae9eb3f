/** The pieces that the peer has not acknowledged, in order and without a gap, by their numbers. */
import type { Piece, Sendable } from './piece.js';

/** A ring of this many places for the first piece; doubled when it is full. */
const firstCapacity = 16;

export class PieceQueue<Out extends Sendable> {
  /** A ring: its length is a power of two, and a piece's place is its number modulo that. */
  #ring: (Piece<Out> | undefined)[] = [];
  #first = 0;
  #length = 0;
  #bytes = 0;

  /** The number of the first piece, or of the next where there is none. */
  get first(): number {
    return this.#first;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Forgets everything; the next piece has this number. */
  begin(number: number): void {
    this.#ring = [];
    this.#first = number;
    this.#length = 0;
    this.#bytes = 0;
  }

  push(piece: Piece<Out>): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[this.#place(piece.number)] = piece;
    this.#length++;
    this.#bytes += piece.dataBytes;
  }

  at(number: number): Piece<Out> {
    return this.#ring[this.#place(number)] as Piece<Out>;
  }

  /** Takes the first piece out, if its number is below this. */
  shiftBefore(number: number): Piece<Out> | undefined {
    if (this.#length === 0 || this.#first >= number) return undefined;
    const place = this.#place(this.#first);
    const piece = this.#ring[place] as Piece<Out>;
    this.#ring[place] = undefined;
    this.#first++;
    this.#length--;
    this.#bytes -= piece.dataBytes;
    return piece;
  }

  /** The pieces lose their bytes where a message is broken off: counted anew. */
  recount(): void {
    this.#bytes = 0;
    for (const piece of this) this.#bytes += piece.dataBytes;
  }

  *[Symbol.iterator](): IterableIterator<Piece<Out>> {
    for (let number = this.#first; number < this.#first + this.#length; number++) yield this.at(number);
  }

  /** Numbers are below 2^53 and so not for bit operations as a whole; their remainder by a power of two is. */
  #place(number: number): number {
    return number % this.#ring.length;
  }

  #grow(): void {
    const pieces = [...this];
    this.#ring = new Array<Piece<Out> | undefined>(pieces.length * 2 || firstCapacity);
    for (const piece of pieces) this.#ring[this.#place(piece.number)] = piece;
  }
}
