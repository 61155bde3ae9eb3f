/** One direction of a running link: moves items from the sender's endpoint through the pipeline to the receiver's. */

import type { Clock } from './clock.js';
import type { Endpoint } from './net/endpoint.js';
import { nextTurn } from './net/system.js';
import { type CutHow, cutHows, type FaultSettings, type Faults, noFaults, parseFaults } from './options/faults.js';
import { option } from './options/option.js';
import { Pipeline } from './pipeline.js';
import type { Random } from './random.js';
import type { Item } from './stages/item.js';

/** One direction of a link: `up` from the client to the target, `down` from the target to the client. */
export interface Direction {
  /** Bytes received from the sender. */
  readonly bytesIn: number;
  /** Bytes written to the receiver. */
  readonly bytesOut: number;
  /** Bytes inside the proxy. */
  readonly heldBytes: number;
  /** The current faults, completed with their defaults. */
  readonly faults: FaultSettings;
  /**
   * Sets these faults and keeps the others. A position that has already passed counts as reached, so a cut or an insertion
   * there happens now. Bytes inside the proxy keep their latency.
   * @throws `ERR_FAULT_PROXY_OPTION`
   */
  apply(faults: Faults): void;
  /** Ends all faults, including a stall. It does not undo a cut. */
  clear(): void;
  /** Stops this direction until `resume`: bytes wait, up to `maxBufferedBytes`, and then the sender is throttled. */
  stall(): void;
  /** Ends a stall. The bytes that waited pass in one burst. */
  resume(): void;
  /**
   * Cuts it now. Bytes inside the proxy are lost.
   * @throws `ERR_FAULT_PROXY_OPTION`
   */
  cut(how: CutHow): void;
}

export interface DirectionOptions {
  readonly name: 'up' | 'down';
  readonly random: (stage: string) => Random;
  readonly clock: Clock;
  readonly maxBufferedBytes: number;
  /** Cuts the link: at once, or if `afterWritten`, after the bytes that were already written. */
  readonly cut: (how: Exclude<CutHow, 'stall'>, afterWritten: boolean) => void;
  /** Reports that nothing more will come out of this direction. */
  readonly done: () => void;
}

const cutHow = option.choice(cutHows);

export class LiveDirection implements Direction {
  readonly #options: DirectionOptions;
  readonly #pipeline: Pipeline;
  #faults = noFaults;
  #ends: { readonly sender: Endpoint; readonly receiver: Endpoint } | undefined;
  #bytesIn = 0;
  #bytesOut = 0;
  /** The sender ended its stream, or its connection closed. */
  #senderEnded = false;
  /** Everything that arrives is dropped, until the end of the link. */
  #dead = false;
  #backpressured = false;
  #nextTick: { readonly atMs: number; readonly cancel: () => void } | undefined;

  constructor(options: DirectionOptions) {
    this.#options = options;
    this.#pipeline = new Pipeline({
      random: options.random,
      isWritten: () => this.#ends?.receiver.bufferedBytes === 0,
      outlet: (item) => this.#deliver(item),
    });
  }

  get bytesIn(): number {
    return this.#bytesIn;
  }

  get bytesOut(): number {
    return this.#bytesOut;
  }

  get heldBytes(): number {
    return this.#pipeline.heldBytes;
  }

  get faults(): FaultSettings {
    return this.#faults;
  }

  /** Whether nothing more will come out of this direction. */
  get isDone(): boolean {
    return this.#senderEnded && (this.#dead || this.#pipeline.memoryBytes === 0);
  }

  apply(faults: Faults): void {
    this.#set(parseFaults(faults, this.#faults, `${this.#options.name}.`));
  }

  clear(): void {
    this.#set(noFaults);
    this.resume();
  }

  stall(): void {
    this.#pipeline.stall();
  }

  resume(): void {
    this.#pipeline.resume(this.#nowMs);
    this.#settle();
  }

  cut(how: CutHow): void {
    const parsed = cutHow.parse(how, 'how');
    if (parsed === 'stall') this.stall();
    else this.#options.cut(parsed, false);
  }

  /** Both endpoints are connected: starts reading from the sender. */
  start(sender: Endpoint, receiver: Endpoint): void {
    this.#ends = { sender, receiver };
    sender.resume();
    this.#scheduleTick();
  }

  receive(bytes: Buffer): void {
    const at = this.#bytesIn;
    this.#bytesIn += bytes.length;
    this.#push({ kind: 'bytes', bytes, at });
  }

  /** The sender ended its stream. */
  end(): void {
    this.#senderEnded = true;
    this.#push({ kind: 'end' });
  }

  /** The sender's connection closed. With an error it was reset. */
  lost(error: Error | undefined): void {
    this.#senderEnded = true;
    if (error) this.#push({ kind: 'reset' });
    else this.#settle();
  }

  /** The receiver's socket passed written bytes to the operating system. */
  flushed(): void {
    this.#settle();
  }

  /** Drops everything from now on, including the bytes inside the proxy. */
  die(): void {
    this.#dead = true;
    this.#pipeline.clear();
    this.#settle();
  }

  get #nowMs(): number {
    return this.#options.clock.now();
  }

  #set(given: Partial<FaultSettings>): void {
    this.#faults = { ...this.#faults, ...given };
    this.#pipeline.apply(given);
    if (this.#ends) this.#scheduleTick();
  }

  /** Pushes an empty piece, which triggers what is due at the current position. */
  #scheduleTick(): void {
    this.#push({ kind: 'bytes', bytes: Buffer.alloc(0), at: this.#bytesIn });
  }

  #push(item: Item): void {
    if (!this.#dead) this.#pipeline.push(item, this.#nowMs);
    this.#settle();
  }

  #deliver(item: Item): void {
    const receiver = this.#ends?.receiver;
    if (this.#dead || !receiver) return;
    if (item.kind === 'bytes') {
      this.#bytesOut += item.bytes.length;
      receiver.write(item.bytes);
    } else if (item.kind === 'end') {
      receiver.end();
    } else if (item.kind === 'reset') {
      receiver.reset();
    } else if (item.kind === 'cut') {
      this.#options.cut(item.how, true);
    }
  }

  /** Runs after each step: throttles or resumes the sender, and plans the next tick. */
  #settle(): void {
    this.#applyBackpressure();
    this.#plan();
    if (this.isDone) this.#options.done();
  }

  #applyBackpressure(): void {
    if (!this.#ends) return;
    const { sender, receiver } = this.#ends;
    const full = !this.#dead && this.#pipeline.memoryBytes + receiver.bufferedBytes >= this.#options.maxBufferedBytes;
    if (full === this.#backpressured) return;
    this.#backpressured = full;
    if (full) sender.pause();
    else sender.resume();
  }

  #plan(): void {
    const dueMs = this.#dead ? Number.POSITIVE_INFINITY : this.#pipeline.dueMs;
    if (dueMs === this.#nextTick?.atMs) return;
    this.#nextTick?.cancel();
    this.#nextTick = dueMs === Number.POSITIVE_INFINITY ? undefined : { atMs: dueMs, cancel: this.#wake(dueMs) };
  }

  #wake(dueMs: number): () => void {
    const { clock } = this.#options;
    const onDue = () => {
      this.#nextTick = undefined;
      this.#pipeline.tick(clock.now());
      this.#settle();
    };
    const delayMs = dueMs - clock.now();
    if (delayMs <= 0) return nextTurn(onDue);
    const timer = clock.setTimeout(onDue, delayMs);
    return () => clock.clearTimeout(timer);
  }
}
