/**
 * A strict model of the receiving half of a Python v1 peer: it reports the first byte that such a peer cannot process, or would
 * misinterpret. Written from the description of the wire; shares no code with the sources.
 */
import { base85Decode, base85Encode } from '../../packages/serpy-v1/test/oracle.js';
import { type Harm, hexByte } from './harm.js';

const blockEnd = 0x1f;
const transmissionEnd = 0x04;
const controlStart = 0x01;

/** The empty blocks that make a SETMODE0 a probe. */
const probeFill = 4;

const setModeWords = [0, 1, 2, 3, 4, 5].map((mode) => `SETMODE${mode}`);
const answerWords = ['ACKMODCG', 'ACKEOT!!'] as const;
const words: readonly string[] = [...setModeWords, ...answerWords];

const base85Bytes = new Set(
  Buffer.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~', 'latin1'),
);

/** The answers of this peer. */
export type Answer = (typeof answerWords)[number];

export interface V1Message {
  readonly mode: number;
  /** In modes 4 and 5 a pickle. */
  readonly bytes: Buffer;
}

export interface V1ReceiverOptions {
  /** Whether the probe of a client may come first. Default false. */
  readonly probe?: boolean;
  /** The encoding of text: unencoded bytes must be text in it. Default: any bytes. */
  readonly encoding?: 'ascii' | 'latin1' | 'utf-8' | undefined;
}

export class V1Receiver {
  harm: Harm | undefined;
  /** The messages that the program received, in order. */
  readonly messages: V1Message[] = [];
  readonly #options: V1ReceiverOptions;
  readonly #answer: (answer: Answer) => void;
  /** The answers that this peer waits for, in order. */
  readonly #due: Answer[] = [];
  #mode = 0;
  #block: number[] = [];
  #offset = 0;
  #blocks = 0;
  /** The number of empty blocks that may come now. */
  #fill = 0;

  /** @param answer called for each answer that a Python peer would write */
  constructor(options: V1ReceiverOptions = {}, answer: (answer: Answer) => void = () => {}) {
    this.#options = options;
    this.#answer = answer;
  }

  /** This peer has sent something that requires an answer. */
  expect(answer: Answer): void {
    this.#due.push(answer);
  }

  /** Processes received bytes. */
  receive(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.harm) return;
      const why = byte === blockEnd ? this.#end() : this.#add(byte);
      if (why !== undefined) this.harm = { offset: this.#offset, why };
      this.#offset++;
    }
  }

  /** A byte within a block. */
  #add(byte: number): string | undefined {
    this.#fill = 0;
    this.#block.push(byte);
    if (this.#block[0] === controlStart) return this.#addControl();
    const previous = this.#block.at(-2);
    const isAcknowledged = this.#mode % 2 === 1;
    if (isAcknowledged && previous === transmissionEnd) return `${hexByte(byte)} after the 04 of mode ${this.#mode}`;
    if (byte === transmissionEnd) return isAcknowledged ? undefined : `a raw 04 in mode ${this.#mode}`;
    if (this.#mode >= 2 && !base85Bytes.has(byte)) return `${hexByte(byte)} is not base85, in mode ${this.#mode}`;
    if (this.#mode < 2 && this.#options.encoding === 'ascii' && byte > 0x7f) return `${hexByte(byte)} in an ASCII text`;
    return undefined;
  }

  #addControl(): string | undefined {
    const word = this.#word();
    return words.some((known) => known.startsWith(word)) ? undefined : `no control word begins with ${show(word)}`;
  }

  /** The end of a block. */
  #end(): string | undefined {
    const block = this.#block;
    this.#block = [];
    const first = this.#blocks === 0;
    this.#blocks++;
    if (block.length === 0) {
      if (this.#fill === 0) return 'an empty block, which is skipped: a message was lost';
      this.#fill--;
      return undefined;
    }
    if (block[0] !== controlStart) return this.#data(block);
    return this.#control(String.fromCharCode(...block.slice(1)), first);
  }

  #control(word: string, first: boolean): string | undefined {
    if (setModeWords.includes(word)) {
      this.#mode = Number(word.at(-1));
      if (first && this.#options.probe && this.#mode === 0) this.#fill = probeFill;
      this.#answer('ACKMODCG');
      return undefined;
    }
    if (!words.includes(word)) return `an unknown control word ${show(word)}`;
    const due = this.#due.shift();
    if (due === word) return undefined;
    return `${word} without a request${due ? `: ${due} comes first` : ''}`;
  }

  #data(block: number[]): string | undefined {
    const isAcknowledged = this.#mode % 2 === 1;
    if (isAcknowledged && block.pop() !== transmissionEnd) return `a block of mode ${this.#mode} without its 04`;
    const bytes = this.#mode < 2 ? block : base85Decode(block);
    const why = this.#mode < 2 ? this.#faultOfText(block) : faultOfBase85(block, bytes, this.#mode);
    if (why !== undefined) return why;
    this.messages.push({ mode: this.#mode, bytes: Buffer.from(bytes as number[]) });
    if (isAcknowledged) this.#answer('ACKEOT!!');
    return undefined;
  }

  #faultOfText(block: number[]): string | undefined {
    const bytes = Buffer.from(block);
    if (this.#options.encoding !== 'utf-8' || Buffer.from(bytes.toString('utf8')).equals(bytes)) return undefined;
    return 'a text that is not UTF-8';
  }

  #word(): string {
    return String.fromCharCode(...this.#block.slice(1));
  }
}

/** CPython reads more forms than it writes: received base85 must be what CPython writes. */
function faultOfBase85(text: number[], bytes: number[] | undefined, mode: number): string | undefined {
  if (bytes === undefined) return 'base85 of a group above 32 bits';
  if (base85Encode(bytes).join() !== text.join()) return 'base85 that Python writes differently';
  if (mode < 4) return undefined;
  const [first, protocol = 0] = bytes;
  const isPickle = first === 0x80 && protocol >= 2 && protocol <= 5 && bytes.at(-1) === 0x2e;
  return isPickle ? undefined : `not a pickle, in mode ${mode}`;
}

function show(word: string): string {
  return JSON.stringify(word);
}
