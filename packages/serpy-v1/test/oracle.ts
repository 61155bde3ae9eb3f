/**
 * A second v1 codec, slow and obvious, written from the description of the wire and sharing nothing with the sources:
 * a peer as strict as the original, byte by byte, and what the Python module sends.
 */

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';

/** A message as it is on its way: text is encoded already, and in modes 4 and 5 the bytes are a pickle. */
export interface OracleMessage {
  mode: number;
  bytes: number[];
}

/** The receiving half of an original peer, and the answers that it writes. */
export class Original {
  mode = 0;
  /** What the application got. */
  readonly messages: OracleMessage[] = [];
  /** Every block that began with `01`, without it. */
  readonly controls: string[] = [];
  /** What it writes by itself. */
  answers: number[] = [];
  /** Why its reading thread is dead, once it is. */
  deaf: string | undefined;
  #block: number[] = [];
  /** The beginning of an acknowledged block that a `1F` has cut. */
  #cut: number[] = [];

  receive(bytes: Iterable<number>): void {
    for (const byte of bytes) {
      if (this.deaf !== undefined) return;
      if (byte !== 0x1f) {
        this.#block.push(byte);
        continue;
      }
      const block = this.#block;
      this.#block = [];
      if (block.length === 0) continue;
      if (block[0] === 0x01) this.#control(block.slice(1));
      else this.#data(block);
    }
  }

  /** The answers since the last call. */
  takeAnswers(): Buffer {
    const answers = Buffer.from(this.answers);
    this.answers = [];
    return answers;
  }

  #control(bytes: number[]): void {
    const word = String.fromCharCode(...bytes);
    this.controls.push(word);
    if (/^SETMODE[0-5]$/.test(word)) {
      this.mode = Number(word[7]);
      this.answers.push(...control('ACKMODCG'));
    } else if (word !== 'ACKMODCG' && word !== 'ACKEOT!!') {
      this.messages.push({ mode: this.mode, bytes });
    }
  }

  #data(block: number[]): void {
    let bytes = block;
    if (this.mode % 2 === 1) {
      bytes = [...this.#cut, ...bytes];
      this.#cut = [];
      const end = bytes.indexOf(0x04);
      if (end === -1) {
        this.#cut = bytes;
        return;
      }
      if (end !== bytes.length - 1) {
        this.deaf = 'a 04 inside of a message';
        return;
      }
      bytes = bytes.slice(0, -1);
    }
    if (this.mode >= 2) {
      const decoded = base85Decode(bytes);
      if (decoded === undefined) {
        this.deaf = 'bad base85';
        return;
      }
      bytes = decoded;
    }
    this.messages.push({ mode: this.mode, bytes });
    if (this.mode % 2 === 1) this.answers.push(...control('ACKEOT!!'));
  }
}

/** What is sent for messages, on a fresh connection whose peer answers. */
export function encode(messages: readonly OracleMessage[]): number[] {
  const wire: number[] = [];
  let current = 0;
  for (const { mode, bytes } of messages) {
    if (mode !== current) wire.push(...control(`SETMODE${mode}`));
    current = mode;
    wire.push(...(mode >= 2 ? base85Encode(bytes) : bytes));
    if (mode % 2 === 1) wire.push(0x04);
    wire.push(0x1f);
  }
  return wire;
}

/** A whole control block. */
export function control(word: string): number[] {
  return [0x01, ...ascii(word), 0x1f];
}

export function ascii(text: string): number[] {
  return [...text].map((character) => character.charCodeAt(0));
}

export function base85Encode(bytes: readonly number[]): number[] {
  let text = '';
  for (let start = 0; start < bytes.length; start += 4) {
    const group = bytes.slice(start, start + 4);
    let value = [...group, 0, 0, 0].slice(0, 4).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    let digits = '';
    while (digits.length < 5) {
      digits = alphabet.charAt(Number(value % 85n)) + digits;
      value /= 85n;
    }
    text += digits.slice(0, group.length + 1);
  }
  return ascii(text);
}

/** The bytes, or undefined for what CPython refuses. */
export function base85Decode(text: readonly number[]): number[] | undefined {
  const bytes: number[] = [];
  for (let start = 0; start < text.length; start += 5) {
    const group = text.slice(start, start + 5);
    let value = 0n;
    for (const character of [...group, ...ascii('~~~~')].slice(0, 5)) {
      const digit = alphabet.indexOf(String.fromCharCode(character));
      if (digit === -1) return undefined;
      value = value * 85n + BigInt(digit);
    }
    if (value >= 2n ** 32n) return undefined;
    const four = [24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) % 256n));
    bytes.push(...four.slice(0, group.length - 1));
  }
  return bytes;
}
