/** One direction of a link in memory: a bounded pipe of bytes that a test can slice, stall and cut at any byte. */
import { Fifo } from '../buffers/fifo.js';
import type { Scheduler } from './scheduler.js';

/**
 * In which chunks bytes arrive:
 * - `'writes'`: each write as one chunk
 * - a number: chunks of at most that many bytes, independent of the writes
 * - `'small'`: chunks of 3 bytes, and of 509 bytes after the first 64 KiB of the link, since many bytes would take long
 * - `'random'`: chunks of random length, which cut and join writes anywhere
 */
export type Slicing = 'writes' | 'random' | 'small' | number;

/**
 * What happens at a cut:
 * - `'fin'`: both streams end, as when a program between the ends is killed
 * - `'reset'`: both ends are reset
 * - `'half-close'`: the stream of the receiver ends; what the sender sends afterwards is lost
 * - `'stall'`: nothing arrives and neither end gets an event, as with a pulled cable
 */
export type Cut = 'fin' | 'reset' | 'half-close' | 'stall';

/** The receiving end of a pipe. */
export interface PipeReceiver {
  /** Whether the end has a handler. */
  readonly started: boolean;
  /** Whether it accepts bytes: started and not paused. */
  readonly reading: boolean;
  received(chunk: Buffer): void;
  ended(): void;
  reset(): void;
}

/** The sending end of a pipe. */
export interface PipeSender {
  /** The pipe has room. */
  room(): void;
  reset(): void;
}

/** Both directions together. */
export interface PipeLink {
  finish(): void;
  reset(): void;
}

/** The faults of one direction of a link, for tests. */
export interface MemoryStream {
  slicing: Slicing;
  /** The number of bytes that have arrived. */
  readonly carriedBytes: number;
  /** The number of bytes in flight. */
  readonly bytesInFlight: number;
  /** Nothing arrives until `release`. */
  stall(): void;
  release(): void;
  /** Inverts one bit of the next chunk. */
  damageNext(): void;
  /** Cuts the link when this many bytes have arrived in this direction since the start of the link. */
  cutAfter(bytes: number, how: Cut): void;
}

/** The longest chunk of `'random'` is 2^16 bytes; half of the chunks are shorter than 18 bytes. */
const maxRandomBits = 16;

const smallUntilBytes = 2 ** 16;

export class MemoryPipe implements MemoryStream {
  slicing: Slicing;
  readonly #capacityBytes: number;
  readonly #scheduler: Scheduler;
  readonly #random: () => number;
  #sender: PipeSender | undefined;
  #receiver: PipeReceiver | undefined;
  #link: PipeLink | undefined;
  /** The bytes in flight, in the chunks of the sender. */
  readonly #flight = new Fifo<Buffer>();
  /** How many bytes of the first chunk have arrived. */
  #arrivedOfFirst = 0;
  #flightBytes = 0;
  #carriedBytes = 0;
  #planned = false;
  #stalled = false;
  #abandoned = false;
  #damaged = false;
  #swallowing = false;
  #finish: 'no' | 'sent' | 'arrived' = 'no';
  #reset: 'no' | 'sent' | 'arrived' = 'no';
  #cut: { readonly afterBytes: number; readonly how: Cut } | undefined;

  constructor(capacityBytes: number, slicing: Slicing, scheduler: Scheduler, random: () => number) {
    this.#capacityBytes = capacityBytes;
    this.slicing = slicing;
    this.#scheduler = scheduler;
    this.#random = random;
  }

  get carriedBytes(): number {
    return this.#carriedBytes;
  }

  get bytesInFlight(): number {
    return this.#flightBytes;
  }

  get roomBytes(): number {
    return this.#abandoned || this.#swallowing ? Number.POSITIVE_INFINITY : this.#capacityBytes - this.#flightBytes;
  }

  connect(sender: PipeSender, receiver: PipeReceiver, link: PipeLink): void {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#link = link;
  }

  stall(): void {
    this.#stalled = true;
  }

  release(): void {
    this.#stalled = false;
    this.plan();
  }

  damageNext(): void {
    this.#damaged = true;
  }

  cutAfter(bytes: number, how: Cut): void {
    this.#cut = { afterBytes: bytes, how };
    this.#cutIfDue();
  }

  /** Accepts bytes of the sender; the caller has copied them. */
  push(piece: Buffer): void {
    if (this.#abandoned) this.#scheduler.schedule(this, () => this.#sender?.reset());
    if (this.#abandoned || this.#swallowing) return;
    this.#flight.push(piece);
    this.#flightBytes += piece.length;
    this.plan();
  }

  /** The sender ends its stream. */
  finish(): void {
    if (this.#finish !== 'no' || this.#swallowing) return;
    this.#finish = 'sent';
    this.plan();
  }

  /** The sender is gone without ending its stream: the receiver is reset after the bytes in flight. */
  sendReset(): void {
    if (this.#reset !== 'no') return;
    this.#reset = 'sent';
    this.plan();
  }

  /** The receiver is gone: later writes are answered with a reset. @returns whether bytes were unread */
  abandon(): boolean {
    const unread = this.#flightBytes > 0;
    this.#abandoned = true;
    this.drop();
    this.#sender?.room();
    return unread;
  }

  /** Discards the bytes in flight. */
  drop(): void {
    this.#flight.clear();
    this.#arrivedOfFirst = 0;
    this.#flightBytes = 0;
  }

  /** Schedules a delivery if one is possible now. */
  plan(): void {
    if (this.#planned || !this.#deliverable()) return;
    this.#planned = true;
    this.#scheduler.schedule(this, () => {
      this.#planned = false;
      if (this.#deliverable()) this.#deliver();
    });
  }

  #deliverable(): boolean {
    if (this.#stalled || !this.#receiver?.started) return false;
    if (this.#flightBytes > 0) return this.#receiver.reading;
    // As with a socket: a pause delays bytes, and an end only behind bytes.
    return this.#finish === 'sent' || this.#reset === 'sent';
  }

  #deliver(): void {
    if (this.#flightBytes > 0) {
      const chunk = this.#damaged ? this.#damage(this.#take()) : this.#take();
      this.#carriedBytes += chunk.length;
      this.#receiver?.received(chunk);
      this.#sender?.room();
      this.#cutIfDue();
    } else if (this.#finish === 'sent') {
      this.#finish = 'arrived';
      this.#receiver?.ended();
    } else {
      this.#reset = 'arrived';
      this.#receiver?.reset();
    }
    this.plan();
  }

  /** Inverts a random bit. */
  #damage(chunk: Buffer): Buffer {
    this.#damaged = false;
    const damaged = Buffer.from(chunk);
    const at = Math.floor(this.#random() * damaged.length);
    damaged[at] = (damaged[at] as number) ^ (1 << Math.floor(this.#random() * 8));
    return damaged;
  }

  #take(): Buffer {
    const untilCut = this.#cut ? this.#cut.afterBytes - this.#carriedBytes : Number.POSITIVE_INFINITY;
    const count = Math.min(this.#sliceBytes(), this.#flightBytes, untilCut);
    const pieces: Buffer[] = [];
    for (let left = count; left > 0; ) {
      const first = this.#flight.first as Buffer;
      const piece = first.subarray(this.#arrivedOfFirst, this.#arrivedOfFirst + left);
      pieces.push(piece);
      left -= piece.length;
      this.#arrivedOfFirst += piece.length;
      if (this.#arrivedOfFirst < first.length) break;
      this.#flight.shift();
      this.#arrivedOfFirst = 0;
    }
    this.#flightBytes -= count;
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  }

  #sliceBytes(): number {
    if (this.slicing === 'writes') return (this.#flight.first as Buffer).length - this.#arrivedOfFirst;
    if (this.slicing === 'small') return this.#carriedBytes < smallUntilBytes ? 3 : 509;
    if (this.slicing !== 'random') return this.slicing;
    return 1 + Math.floor(2 ** (this.#random() ** 2 * maxRandomBits));
  }

  /** Ends the stream of the receiver; later bytes of the sender are lost. */
  #halfClose(): void {
    this.drop();
    this.finish();
    this.#swallowing = true;
    this.#sender?.room();
  }

  #cutIfDue(): void {
    if (!this.#cut || this.#carriedBytes < this.#cut.afterBytes) return;
    const { how } = this.#cut;
    this.#cut = undefined;
    if (how === 'fin') this.#link?.finish();
    else if (how === 'reset') this.#link?.reset();
    else if (how === 'stall') this.stall();
    else this.#halfClose();
  }
}
