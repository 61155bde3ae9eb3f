/** Python peers at the other end of links in memory: they check received bytes strictly, answer, and send what a test requests. */
import type { Transport, TransportHandler } from 'serpy-core';
import { base85Encode, control, type OracleMessage } from '../../packages/serpy-v1/test/oracle.js';
import { frame } from '../../packages/serpy-v2/test/oracle.js';
import type { Harm } from './harm.js';
import { V1Receiver, type V1ReceiverOptions } from './v1.js';
import { V2Receiver, type V2ReceiverOptions } from './v2.js';

export abstract class PythonPeer implements TransportHandler {
  /** Whether the peer has stopped answering, like a program that hangs. */
  mute = false;
  /** Whether the transport is closed. */
  over = false;
  protected readonly transport: Transport;
  #ended = false;
  #hasSent = false;
  #sentInvalid = false;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  abstract readonly harm: Harm | undefined;
  /** The received messages in order, as unique text. */
  abstract readonly heard: readonly string[];
  /** Sends the message with a number. */
  say(n: number): void {
    if (this.#sentInvalid) return;
    this.#hasSent = true;
    this.sayOwn(n);
  }
  abstract received(chunk: Buffer): void;

  /** Writes invalid bytes. The peer has shown its protocol before, and sends no valid message afterwards. */
  sendInvalid(bytes: Uint8Array): void {
    if (!this.#hasSent) this.say(0);
    this.#sentInvalid = true;
    this.write(bytes);
  }

  protected abstract sayOwn(n: number): void;

  /** Whether the peer writes nothing more. */
  protected get silent(): boolean {
    return this.over || this.#ended;
  }

  /** Writes bytes as they are. */
  protected write(bytes: Uint8Array): void {
    if (this.silent) return;
    this.transport.write(Uint8Array.from(bytes));
    this.transport.flush();
  }

  pause(): void {
    this.transport.pause();
  }

  resume(): void {
    if (!this.over) this.transport.resume();
  }

  /** Ends its stream, like a program that closes cleanly. */
  end(): void {
    this.#ended = true;
    this.transport.end();
  }

  drained(): void {}

  ended(): void {
    this.end();
  }

  closed(): void {
    this.over = true;
  }
}

export class PythonV1Peer extends PythonPeer {
  readonly #receiver: V1Receiver;
  #mode = 0;
  /** The block that is being written, and the mode that the blocks before have set at the reader. */
  #block: number[] = [];
  #blockMode = 0;

  constructor(transport: Transport, options: V1ReceiverOptions = {}) {
    super(transport);
    this.#receiver = new V1Receiver(options, (answer) => {
      if (!this.mute) this.write(Uint8Array.from(control(answer)));
    });
  }

  get harm(): Harm | undefined {
    return this.#receiver.harm;
  }

  get heard(): readonly string[] {
    return this.#receiver.messages.map(({ mode, bytes }) => `${mode < 4 ? 'data' : 'pickle'} ${bytes.toString('hex')}`);
  }

  received(chunk: Buffer): void {
    this.#receiver.receive(chunk);
  }

  protected sayOwn(n: number): void {
    const mode = n % 6;
    if (mode !== this.#mode) {
      this.write(Uint8Array.from(control(`SETMODE${mode}`)));
      this.#mode = mode;
    }
    this.write(Uint8Array.from(blockOf({ mode, bytes: [...Buffer.from(`said ${n}`)] })));
  }

  /** The expected answers follow from the written blocks: invalid bytes without an end join the next control word. */
  protected override write(bytes: Uint8Array): void {
    if (this.silent) return;
    for (const byte of bytes) {
      if (byte === 0x1f) this.#blockEnded();
      else this.#block.push(byte);
    }
    super.write(bytes);
  }

  #blockEnded(): void {
    const word = String.fromCharCode(...this.#block);
    const isData = this.#block.length > 0 && this.#block[0] !== 0x01;
    this.#block = [];
    const [, mode] = /^\x01SETMODE([0-5])$/.exec(word) ?? [];
    if (mode !== undefined) {
      this.#blockMode = Number(mode);
      this.#receiver.expect('ACKMODCG');
    } else if (isData && this.#blockMode % 2 === 1) {
      this.#receiver.expect('ACKEOT!!');
    }
  }
}

function blockOf({ mode, bytes }: OracleMessage): number[] {
  const pickle = [0x80, 3, 0x4b, (bytes.at(-1) as number) & 0x7f, 0x2e]; // a small number
  const data = mode < 2 ? bytes : base85Encode(mode < 4 ? bytes : pickle);
  return [...data, ...(mode % 2 === 1 ? [0x04] : []), 0x1f];
}

export class PythonV2Peer extends PythonPeer {
  readonly #receiver: V2Receiver;
  readonly #now: () => number;

  constructor(transport: Transport, options: V2ReceiverOptions, now: () => number) {
    super(transport);
    this.#receiver = new V2Receiver(options);
    this.#now = now;
  }

  get harm(): Harm | undefined {
    return this.#receiver.harm;
  }

  get heard(): readonly string[] {
    return this.#receiver.messages.map(({ type, value }) =>
      type === 'bytes' ? `bytes ${value.toString('hex')}` : `${type} ${Object.is(value, -0) ? '-0' : value}`,
    );
  }

  received(chunk: Buffer): void {
    this.#receiver.receive(chunk, this.#now());
  }

  /** The number of HELLOs that the peer has dropped with a warning. */
  get hellos(): number {
    return this.#receiver.hellos.length;
  }

  protected sayOwn(n: number): void {
    this.write(Uint8Array.from(frame(0x21, Buffer.from(`said ${n}`))));
  }
}
