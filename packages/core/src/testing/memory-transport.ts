/** One end of a link in memory. It emits the same events as a TCP socket of Node, in the same order. */

import type { Address } from '../transport/address.js';
import type { Transport, TransportHandler, WriteSlot } from '../transport/transport.js';
import type { MemoryPipe, PipeReceiver, PipeSender } from './memory-pipe.js';
import type { Scheduler } from './scheduler.js';

/** 16 KiB of unsent bytes: the high-water mark, as of Node's streams. */
const highWaterBytes = 16 * 1024;

export class MemoryTransport implements Transport, PipeReceiver, PipeSender {
  readonly remote: Address;
  readonly local: Address;
  readonly #out: MemoryPipe;
  readonly #in: MemoryPipe;
  readonly #scheduler: Scheduler;
  #handler: TransportHandler | undefined;
  #unsent: Uint8Array[] = [];
  /** The number of sent pieces. They are removed together after the last, because each `shift` would move the others. */
  #sentCount = 0;
  #unsentBytes = 0;
  #flushedBytes = 0;
  #reserved: Buffer | undefined;
  #needsDrain = false;
  #paused = false;
  #ending = false;
  #peerEnded = false;
  #destroyed = false;
  #failure: Error | undefined;

  constructor(addresses: { local: Address; remote: Address }, out: MemoryPipe, into: MemoryPipe, scheduler: Scheduler) {
    this.local = addresses.local;
    this.remote = addresses.remote;
    this.#out = out;
    this.#in = into;
    this.#scheduler = scheduler;
  }

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  get flushedBytes(): number {
    return this.#flushedBytes;
  }

  get writable(): boolean {
    return !this.#needsDrain;
  }

  /** Whether the transport is closed. */
  get destroyed(): boolean {
    return this.#destroyed;
  }

  get started(): boolean {
    return this.#handler !== undefined && !this.#destroyed;
  }

  get reading(): boolean {
    return this.started && !this.#paused;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    if (this.#destroyed) this.#scheduler.schedule(this, () => handler.closed(this.#failure));
    else this.#in.plan();
  }

  /** Sends the reserved bytes. Written bytes are sent without a flush. */
  flush(): void {
    this.#handler?.flushing?.();
    this.#writeReserved();
  }

  write(piece: Uint8Array): void {
    this.#writeReserved();
    if (this.#destroyed) return;
    if (this.#ending) {
      this.#over(systemError('write after end', 'ERR_STREAM_WRITE_AFTER_END'));
      return;
    }
    if (piece.length === 0) return;
    this.#unsent.push(piece);
    this.#unsentBytes += piece.length;
    if (this.#unsentBytes >= highWaterBytes) this.#needsDrain = true;
    this.room();
  }

  reserve(bytes: number): WriteSlot {
    this.#writeReserved();
    this.#reserved = Buffer.alloc(bytes);
    return { buffer: this.#reserved, offset: 0 };
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#in.plan();
  }

  end(): void {
    this.flush();
    if (this.#destroyed || this.#ending) return;
    this.#ending = true;
    this.room();
  }

  destroy(): void {
    this.#over(undefined);
  }

  room(): void {
    while (!this.#destroyed && this.#unsentBytes > 0 && this.#out.roomBytes > 0) {
      const first = this.#unsent[this.#sentCount] as Uint8Array;
      const count = Math.min(first.length, this.#out.roomBytes);
      if (count === first.length) this.#sentCount++;
      else this.#unsent[this.#sentCount] = first.subarray(count);
      this.#unsentBytes -= count;
      this.#flushedBytes += count;
      this.#out.push(Buffer.from(first.subarray(0, count))); // a copy: the sender may change its bytes from now on
    }
    if (this.#destroyed || this.#unsentBytes > 0) return;
    this.#unsent = [];
    this.#sentCount = 0;
    if (this.#needsDrain) {
      this.#scheduler.schedule(this, () => {
        if (this.#destroyed || !this.#needsDrain || this.#unsentBytes > 0) return;
        this.#needsDrain = false;
        this.#handler?.drained();
      });
    }
    if (this.#ending) {
      this.#out.finish();
      this.#closeIfDone();
    }
  }

  received(chunk: Buffer): void {
    this.#handler?.received(chunk);
    chunk.fill(0xa5); // the chunk was lent: code that still uses it fails
  }

  ended(): void {
    this.#peerEnded = true;
    this.#handler?.ended();
    this.#closeIfDone();
  }

  reset(): void {
    this.#over(systemError('read ECONNRESET', 'ECONNRESET'));
  }

  #writeReserved(): void {
    const piece = this.#reserved;
    this.#reserved = undefined;
    if (piece) this.write(piece);
  }

  #closeIfDone(): void {
    if (this.#peerEnded && this.#ending && this.#unsentBytes === 0) this.#over(undefined);
  }

  #over(failure: Error | undefined): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#failure = failure;
    this.#unsent = [];
    const leftUnread = this.#in.abandon();
    if (leftUnread || failure) this.#out.sendReset();
    else this.#out.finish();
    this.#scheduler.schedule(this, () => this.#handler?.closed(failure));
  }
}

/** An error like those of the system. */
export function systemError(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}
