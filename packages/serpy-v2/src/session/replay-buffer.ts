/** The pieces that the peer has not acknowledged, in order. */
import type { OutboundFrame, Segment } from './frames/segment.js';

/** A ring of this many places at first; doubled when it is full. */
const firstCapacity = 16;

export class ReplayBuffer<Out extends OutboundFrame> {
  /** A ring: its length is a power of two. */
  #ring: (Segment<Out> | undefined)[] = new Array(firstCapacity);
  #first = 0;
  #length = 0;
  #bytes = 0;

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  clear(): void {
    this.#ring = new Array(firstCapacity);
    this.#first = 0;
    this.#length = 0;
    this.#bytes = 0;
  }

  push(piece: Segment<Out>): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#first + this.#length) & (this.#ring.length - 1)] = piece;
    this.#length++;
    this.#bytes += piece.dataBytes;
  }

  /** The piece in this place, from 0 on. */
  at(index: number): Segment<Out> | undefined {
    return index < this.#length ? this.#ring[(this.#first + index) & (this.#ring.length - 1)] : undefined;
  }

  /** Takes the first piece out. */
  shift(): void {
    const piece = this.#ring[this.#first] as Segment<Out>;
    this.#ring[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#ring.length - 1);
    this.#length--;
    this.#bytes -= piece.dataBytes;
  }

  /** The pieces lose their bytes where a message is broken off: counted anew. */
  recount(): void {
    this.#bytes = 0;
    for (const piece of this) this.#bytes += piece.dataBytes;
  }

  *[Symbol.iterator](): IterableIterator<Segment<Out>> {
    for (let index = 0; index < this.#length; index++) yield this.at(index) as Segment<Out>;
  }

  #grow(): void {
    const pieces = [...this];
    pieces.length *= 2;
    this.#ring = pieces;
    this.#first = 0;
  }
}
