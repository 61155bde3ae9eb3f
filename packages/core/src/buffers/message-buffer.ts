/** Allocates the memory of messages that are delivered as bytes. */

/** 4 KiB: from this size on, a message gets memory of its own, which is filled as the bytes arrive and can be released. A smaller message is copied from the received chunk. */
export const exactFromBytes = 4096;

/** 128 KiB: from this size on, freed memory returns to the system by default. */
const mmapFromBytes = 128 * 1024;

/** 16 MiB: the size of one block that is allocated and freed once, to raise glibc's mmap threshold. */
const mmapPrimeBytes = 16 * 1024 * 1024;

class MessageAllocator {
  #primed = process.platform !== 'linux';

  allocate(sizeBytes: number): Buffer {
    if (!this.#primed && sizeBytes >= mmapFromBytes) this.#primeMmapThreshold();
    return Buffer.allocUnsafeSlow(sizeBytes);
  }

  /**
   * glibc returns the memory of large messages to the system and maps it again page by page, until a larger block was freed: then it
   * keeps up to twice that size. With a raised threshold (M_MMAP_THRESHOLD) a receiver of 1 MiB messages takes 25 % less time.
   */
  #primeMmapThreshold(): void {
    this.#primed = true;
    Buffer.allocUnsafeSlow(mmapPrimeBytes);
  }
}

const allocator = new MessageAllocator();

/** The class of the result of `buffer.subarray`. */
const OwnBuffer = (Buffer as unknown as { [Symbol.species]: unknown })[Symbol.species] as {
  new (memory: ArrayBufferLike, start: number, length: number): Buffer;
  new (bytes: Uint8Array): Buffer;
};

/**
 * A copy of a few bytes, in memory of exactly their size: a program that keeps one small message does not keep the memory of others. The
 * engine puts up to 64 bytes on its heap, which takes 5 to 35 ns longer than a view.
 */
export function ownCopy(bytes: Buffer, start: number, count: number): Buffer {
  return new OwnBuffer(new OwnBuffer(bytes.buffer, bytes.byteOffset + start, count));
}

/** Memory of exactly this size that is not cleared: the caller fills it completely. */
export function allocateMessage(sizeBytes: number): Buffer {
  return allocator.allocate(sizeBytes);
}
