/** One direction of a running link: its pipeline at work between an end that sends and an end that receives. */

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
  /** How many bytes have come from the sender. */
  readonly bytesIn: number;
  /** How many have gone to the receiver. */
  readonly bytesOut: number;
  /** How many are under way in the proxy. */
  readonly heldBytes: number;
  /** The faults in force, complete. */
  readonly faults: FaultSettings;
  /**
   * Sets faults; those that are left out stay as they are. A place that has been passed already counts as reached, so that
   * a cut or an insertion there happens now. What is under way keeps the latency that it was given.
   * @throws `ERR_FAULT_PROXY_OPTION`
   */
  apply(faults: Faults): void;
  /** Ends all faults, a stall too. What a cut has done stays done. */
  clear(): void;
  /** Nothing passes any more, until `resume`: what comes waits, and then the sender is held back. */
  stall(): void;
  /** What has waited goes on, in one burst. */
  resume(): void;
  /**
   * Cuts it now; what is under way is lost.
   * @throws `ERR_FAULT_PROXY_OPTION`
   */
  cut(how: CutHow): void;
}

export interface DirectionOptions {
  readonly name: 'up' | 'down';
  readonly random: (stage: string) => Random;
  readonly clock: Clock;
  readonly maxBufferedBytes: number;
  /** The link is to be cut: `behind` the bytes that were written, or at once. */
  readonly cut: (how: Exclude<CutHow, 'stall'>, behind: boolean) => void;
  /** Nothing more will come out of it. */
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
  /** The sender sends no more: it has ended, or is gone. */
  #senderEnded = false;
  /** Nothing passes any more, ever: what comes is dropped. */
  #dead = false;
  #backpressured = false;
  #planned: { readonly atMs: number; readonly cancel: () => void } | undefined;

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

  /** Whether nothing more will come out of it. */
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

  /** Both ends are up: begins to read from the sender. */
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

  /** The sender ends its stream. */
  end(): void {
    this.#senderEnded = true;
    this.#push({ kind: 'end' });
  }

  /** The sender is gone: with an error, its connection was reset. */
  lose(error: Error | undefined): void {
    this.#senderEnded = true;
    if (error) this.#push({ kind: 'reset' });
    else this.#settle();
  }

  /** Something that was written has left this process. */
  flushed(): void {
    this.#settle();
  }

  /** From now on everything is dropped, what is under way too. */
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

  /** Does what is due at the place where the direction is now. */
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

  /** After anything has happened: holds the sender back or lets it go on, and plans when to look again. */
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
    if (dueMs === this.#planned?.atMs) return;
    this.#planned?.cancel();
    this.#planned = dueMs === Number.POSITIVE_INFINITY ? undefined : { atMs: dueMs, cancel: this.#wake(dueMs) };
  }

  #wake(dueMs: number): () => void {
    const { clock } = this.#options;
    const woken = () => {
      this.#planned = undefined;
      this.#pipeline.tick(clock.now());
      this.#settle();
    };
    const delayMs = dueMs - clock.now();
    if (delayMs <= 0) return nextTurn(woken);
    const timer = clock.setTimeout(woken, delayMs);
    return () => clock.clearTimeout(timer);
  }
}
