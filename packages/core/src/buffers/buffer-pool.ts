/** Keeps the memory of messages that the program released, for later messages of the same size: the system need not map its pages again. */
import { allocateMessage, exactFromBytes } from './message-buffer.js';

/** At most 64 MiB in 16 buffers are kept: the last that were released. The last one is always kept, whatever its size. */
const maxBytes = 64 * 1024 * 1024;
const maxBuffers = 16;

/** Marks memory that was passed to `sendData`: it is not copied, so it must not be taken from the socket. All copies of this package know the mark. */
const inUseMark = Symbol.for('serpy.sent');

/** Marks bytes that are being sent: their memory will not be reused. */
export function markInUse(bytes: Uint8Array): void {
  if (bytes.byteLength >= exactFromBytes) Reflect.set(bytes.buffer, inUseMark, true);
}

/** Whether memory belongs to one message only, and may be reused. */
function isReusable(memory: ArrayBufferLike): memory is ArrayBuffer {
  if (memory.byteLength < exactFromBytes || !(memory instanceof ArrayBuffer)) return false;
  return !(inUseMark in memory) && Object.isExtensible(memory);
}

export class BufferPool {
  readonly #buffers: ArrayBuffer[] = [];
  #bytes = 0;

  /** Memory that is not cleared: the caller fills it completely. */
  allocate(sizeBytes: number): Buffer {
    const index = this.#buffers.findLastIndex((piece) => piece.byteLength === sizeBytes);
    if (index < 0) return allocateMessage(sizeBytes);
    const [piece] = this.#buffers.splice(index, 1) as [ArrayBuffer];
    this.#bytes -= sizeBytes;
    return Buffer.from(piece);
  }

  /**
   * Detaches the memory of a message: all views of it become empty, so that they never show another message. Bytes that share their memory
   * with others, and bytes that were sent, stay as they are.
   */
  release(bytes: Uint8Array): void {
    if (bytes.byteLength < exactFromBytes) return; // the engine may keep it on its heap until `buffer` is read
    const memory = bytes.buffer;
    if (memory.byteLength !== bytes.byteLength || !isReusable(memory)) return;
    const piece = structuredClone(memory, { transfer: [memory] });
    this.#buffers.push(piece);
    this.#bytes += piece.byteLength;
    while (this.#buffers.length > maxBuffers || (this.#bytes > maxBytes && this.#buffers.length > 1)) {
      this.#bytes -= (this.#buffers.shift() as ArrayBuffer).byteLength;
    }
  }
}
