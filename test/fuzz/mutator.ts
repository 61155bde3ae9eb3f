/** Damages valid input in ways that decoders tend to handle wrongly. The same random numbers give the same bytes. */
import type { InputRandom } from './random.js';

/** A valid input. */
export interface Seed {
  readonly bytes: Buffer;
  /** The offsets of 32-bit numbers that the reader uses, mainly lengths. */
  readonly numbersAt?: readonly number[];
}

/** The input to damage, and the material for it. */
export interface Material {
  readonly seeds: readonly Seed[];
  /** Byte sequences with a meaning for the reader. */
  readonly words: readonly Buffer[];
  /** Numbers with a meaning for the reader: its limits, and their neighbors. */
  readonly numbers: readonly number[];
  /** The longest input. Default `longestInputBytes`. */
  readonly longestBytes?: number;
}

/** The longest input of a target that sets no other. */
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
  /** The current input. All inputs share this memory. */
  readonly #bytes: Buffer;
  #length = 0;

  constructor(material: Material) {
    this.#material = material;
    this.#bytes = Buffer.allocUnsafeSlow(material.longestBytes ?? longestInputBytes);
    this.#numbers = [...interestingNumbers, ...material.numbers];
  }

  /** The next input, valid until the next call. */
  next(random: InputRandom): Buffer {
    const seed = random.pick(this.#material.seeds);
    this.#length = 0;
    this.#append(seed.bytes, 0, seed.bytes.length);
    let steps = 1;
    while (steps < 8 && random.below(2) === 0) steps++;
    for (; steps > 0; steps--) this.#mutate(seed, random);
    return this.#bytes.subarray(0, this.#length);
  }

  #mutate(seed: Seed, random: InputRandom): void {
    if (this.#length === 0) return this.#insertBytes(random);
    const at = random.below(this.#length);
    const count = 1 + random.below(Math.min(this.#length - at, 1 << random.below(10)));
    const bytes = this.#bytes;
    switch (random.below(12)) {
      case 0:
      case 1:
        bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
        return;
      case 2:
        bytes[at] = random.pick(interestingBytes);
        return;
      case 3:
        return this.#insertBytes(random);
      case 4:
        return this.#remove(at, count);
      case 5: // repeats it directly after itself
        return this.#insert(Buffer.from(bytes.subarray(at, at + count)), at + count);
      case 6:
        this.#length = at;
        return;
      case 7: {
        const other = random.pick(this.#material.seeds).bytes;
        const from = random.below(other.length + 1);
        this.#length = at;
        return this.#append(other, from, other.length);
      }
      case 8: {
        const whole = this.#length;
        for (let times = 1 + random.below(3); times > 0; times--) this.#append(bytes, 0, whole);
        return;
      }
      case 9:
        return this.#writeNumber(at, random);
      case 10: {
        const places = seed.numbersAt;
        if (places === undefined || places.length === 0) return this.#writeNumber(at, random);
        return this.#lie(random.pick(places), random);
      }
      case 11: {
        const { words } = this.#material;
        if (words.length > 0) this.#insert(random.pick(words), at);
      }
    }
  }

  /** Overwrites bytes with a number, in either byte order and any width. */
  #writeNumber(at: number, random: InputRandom): void {
    const number = random.pick(this.#numbers);
    const width = 1 << random.below(4);
    if (at + width > this.#length) return;
    const isLittle = random.below(2) === 0;
    for (let i = 0; i < width; i++) {
      this.#bytes[isLittle ? at + i : at + width - 1 - i] = Math.floor(number / 2 ** (8 * i)) & 0xff;
    }
  }

  /** Writes a wrong 32-bit number where the reader uses one: an interesting one, or a neighbor of the right one. */
  #lie(at: number, random: InputRandom): void {
    if (at + 4 > this.#length) return;
    const right = this.#bytes.readUInt32LE(at);
    const near = (right + random.below(5) - 2) >>> 0;
    this.#bytes.writeUInt32LE(random.below(2) === 0 ? near : random.pick(this.#numbers) >>> 0, at);
  }

  #insertBytes(random: InputRandom): void {
    const piece = Buffer.allocUnsafe(1 + random.below(8));
    for (let i = 0; i < piece.length; i++) piece[i] = random.bits();
    this.#insert(piece, random.below(this.#length + 1));
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
