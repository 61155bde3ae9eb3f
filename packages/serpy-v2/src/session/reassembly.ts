/** A message that comes in pieces, put together in its own memory as soon as its announced size is to be believed. */
import { ByteQueue, type SessionHost } from 'serpy-core';
import { maxAllocationRatio } from '../wire/payload-buffer.js';
import type { OutboundFrame } from './frames/segment.js';

export class Reassembly {
  readonly type: number;
  readonly totalBytes: number;
  /** The number of its first piece. */
  number = 0;
  filled = 0;
  readonly #output: Pick<SessionHost<OutboundFrame>, 'allocate'>;
  #bytes: Buffer | undefined;
  #unbelieved: ByteQueue | undefined;

  constructor(type: number, totalBytes: number, output: Pick<SessionHost<OutboundFrame>, 'allocate'>) {
    this.type = type;
    this.totalBytes = totalBytes;
    this.#output = output;
  }

  /** Memory that is held for it. */
  get heldBytes(): number {
    return this.#bytes?.length ?? this.#unbelieved?.length ?? 0;
  }

  get missing(): number {
    return this.totalBytes - this.filled;
  }

  /** Where the next bytes may be put; undefined where so much memory is not to be set aside yet, or it is not as much as that. */
  place(dataBytes: number, believedBytes: number): Buffer | undefined {
    if (dataBytes > this.missing) return undefined;
    this.#believe(believedBytes);
    return this.#bytes?.subarray(this.filled, this.filled + dataBytes);
  }

  /** So many bytes were put where `place` said. */
  placed(dataBytes: number): void {
    this.filled += dataBytes;
  }

  /** Adds a copy of bytes. */
  add(data: Buffer, receivedBytes: number): void {
    this.#believe(receivedBytes * maxAllocationRatio);
    if (this.#bytes) {
      this.#bytes.set(data, this.filled);
    } else {
      this.#unbelieved ??= new ByteQueue();
      this.#unbelieved.pushCopy(data);
    }
    this.filled += data.length;
  }

  finish(): Buffer {
    this.#believe(this.totalBytes);
    return this.#bytes as Buffer;
  }

  #believe(believedBytes: number): void {
    if (this.#bytes !== undefined || this.totalBytes > believedBytes) return;
    this.#bytes = this.#output.allocate(this.totalBytes);
    let at = 0;
    for (const chunk of this.#unbelieved?.takeChunks() ?? []) {
      this.#bytes.set(chunk, at);
      at += chunk.length;
    }
    this.#unbelieved = undefined;
  }
}
