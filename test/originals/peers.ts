/** Originals at the far end of links in memory: they take what comes as strictly as can be, answer, and say what a test has them say. */
import type { Transport, TransportHandler } from 'serpy-core';
import { base85Encode, control, type OracleMessage } from '../../packages/serpy-v1/test/oracle.js';
import { frame } from '../../packages/serpy-v2/test/oracle.js';
import type { Harm } from './harm.js';
import { V1Receiver, type V1ReceiverOptions } from './v1.js';
import { V2Receiver, type V2ReceiverOptions } from './v2.js';

export abstract class Original implements TransportHandler {
  /** Whether it has stopped answering, as a program that hangs. */
  mute = false;
  /** Whether it is gone. */
  over = false;
  protected readonly transport: Transport;
  #ended = false;
  #spoken = false;
  #raved = false;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  abstract readonly harm: Harm | undefined;
  /** What its program got, in order, in words that tell one message from another. */
  abstract readonly heard: readonly string[];
  /** Says something of its own; the number tells what. */
  say(n: number): void {
    if (this.#raved) return;
    this.#spoken = true;
    this.sayOwn(n);
  }
  abstract received(chunk: Buffer): void;

  /** Writes what it should not. By then it has shown which protocol it speaks, and afterwards it says nothing that could be understood. */
  rave(bytes: Uint8Array): void {
    if (!this.#spoken) this.say(0);
    this.#raved = true;
    this.write(bytes);
  }

  protected abstract sayOwn(n: number): void;

  /** Whether it writes nothing more. */
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

  /** Ends its stream, as a program that closes in good order. */
  hangUp(): void {
    this.#ended = true;
    this.transport.end();
  }

  drained(): void {}

  ended(): void {
    this.hangUp();
  }

  closed(): void {
    this.over = true;
  }
}

export class OriginalV1 extends Original {
  readonly #receiver: V1Receiver;
  #mode = 0;
  /** The block that it is writing, and the mode that those before it have set at who reads them. */
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

  /** What is asked for goes by the blocks that come of its bytes: of rubbish without an end, the next word is a part. */
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

export class OriginalV2 extends Original {
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

  /** How many HELLOs it has dropped with a warning. */
  get hellos(): number {
    return this.#receiver.hellos.length;
  }

  protected sayOwn(n: number): void {
    this.write(Uint8Array.from(frame(0x21, Buffer.from(`said ${n}`))));
  }
}
