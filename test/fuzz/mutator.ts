/** Damages valid input in the ways that decoders stumble over. The same chance gives the same bytes. */
import type { Chance } from './chance.js';

/** A valid input. */
export interface Seed {
  readonly bytes: Buffer;
  /** Where in it numbers of 32 bits stand that the reader acts on, lengths above all. */
  readonly numbersAt?: readonly number[];
}

/** What there is to damage, and with what. */
export interface Material {
  readonly seeds: readonly Seed[];
  /** Pieces that mean something to the reader. */
  readonly words: readonly Buffer[];
  /** Numbers that mean something to it: its limits, and what lies beside them. */
  readonly numbers: readonly number[];
  /** No input is longer. Default `longestInputBytes`. */
  readonly longestBytes?: number;
}

/** No input is longer, unless a target asks for more. */
export const longestInputBytes = 64 * 1024;

const interestingBytes = [0x00, 0x01, 0x04, 0x0a, 0x1f, 0x20, 0x2e, 0x30, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff];
const interestingNumbers = [
  0,
  1,
  2,
  4,
  0x7f,
  0xff,
  0x100,
  0xffff,
  0x10000,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 2,
  2 ** 32 - 1,
];

export class Mutator {
  readonly #material: Material;
  readonly #numbers: readonly number[];
  /** The input that is being made: one memory for all of them. */
  readonly #bytes: Buffer;
  #length = 0;

  constructor(material: Material) {
    this.#material = material;
    this.#bytes = Buffer.allocUnsafeSlow(material.longestBytes ?? longestInputBytes);
    this.#numbers = [...interestingNumbers, ...material.numbers];
  }

  /** The next input, lent until the next call. */
  next(chance: Chance): Buffer {
    const seed = chance.pick(this.#material.seeds);
    this.#length = 0;
    this.#append(seed.bytes, 0, seed.bytes.length);
    let steps = 1;
    while (steps < 8 && chance.below(2) === 0) steps++;
    for (; steps > 0; steps--) this.#mutate(seed, chance);
    return this.#bytes.subarray(0, this.#length);
  }

  #mutate(seed: Seed, chance: Chance): void {
    if (this.#length === 0) return this.#insertBytes(chance);
    const at = chance.below(this.#length);
    const count = 1 + chance.below(Math.min(this.#length - at, 1 << chance.below(10)));
    const bytes = this.#bytes;
    switch (chance.below(12)) {
      case 0:
      case 1:
        bytes[at] = (bytes[at] as number) ^ (1 << chance.below(8));
        return;
      case 2:
        bytes[at] = chance.pick(interestingBytes);
        return;
      case 3:
        return this.#insertBytes(chance);
      case 4:
        return this.#remove(at, count);
      case 5: // once more, right behind itself
        return this.#insert(Buffer.from(bytes.subarray(at, at + count)), at + count);
      case 6:
        this.#length = at;
        return;
      case 7: {
        const other = chance.pick(this.#material.seeds).bytes;
        const from = chance.below(other.length + 1);
        this.#length = at;
        return this.#append(other, from, other.length);
      }
      case 8: {
        const whole = this.#length;
        for (let times = 1 + chance.below(3); times > 0; times--) this.#append(bytes, 0, whole);
        return;
      }
      case 9:
        return this.#writeNumber(at, chance);
      case 10: {
        const places = seed.numbersAt;
        if (places === undefined || places.length === 0) return this.#writeNumber(at, chance);
        return this.#lie(chance.pick(places), chance);
      }
      case 11: {
        const { words } = this.#material;
        if (words.length > 0) this.#insert(chance.pick(words), at);
      }
    }
  }

  /** A number in place of what stands there, in either order of bytes and any width. */
  #writeNumber(at: number, chance: Chance): void {
    const number = chance.pick(this.#numbers);
    const width = 1 << chance.below(4);
    if (at + width > this.#length) return;
    const isLittle = chance.below(2) === 0;
    for (let i = 0; i < width; i++) {
      this.#bytes[isLittle ? at + i : at + width - 1 - i] = Math.floor(number / 2 ** (8 * i)) & 0xff;
    }
  }

  /** A wrong number of 32 bits where the reader acts on one: an interesting one, or just beside the right one. */
  #lie(at: number, chance: Chance): void {
    if (at + 4 > this.#length) return;
    const right = this.#bytes.readUInt32LE(at);
    const near = (right + chance.below(5) - 2) >>> 0;
    this.#bytes.writeUInt32LE(chance.below(2) === 0 ? near : chance.pick(this.#numbers) >>> 0, at);
  }

  #insertBytes(chance: Chance): void {
    const piece = Buffer.allocUnsafe(1 + chance.below(8));
    for (let i = 0; i < piece.length; i++) piece[i] = chance.bits();
    this.#insert(piece, chance.below(this.#length + 1));
  }

  #insert(piece: Buffer, at: number): void {
    const count = Math.min(piece.length, this.#bytes.length - this.#length);
    this.#bytes.copyWithin(at + count, at, this.#length);
    this.#bytes.set(count === piece.length ? piece : piece.subarray(0, count), at);
    this.#length += count;
  }

  #remove(at: number, count: number): void {
    this.#bytes.copyWithin(at, at + count, this.#length);
    this.#length -= count;
  }

  #append(from: Buffer, start: number, end: number): void {
    this.#length += from.copy(
      this.#bytes,
      this.#length,
      start,
      Math.min(end, start + this.#bytes.length - this.#length),
    );
  }
}
