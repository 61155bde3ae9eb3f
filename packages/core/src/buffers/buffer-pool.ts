/** Memory of messages that the program has handed back, for messages of the same size to come: their pages need not be made again. */
import { allocateMessage, exactFromBytes } from './message-buffer.js';

/** How much is kept, of what was handed back last. The last one is kept however large it is. */
const maxBytes = 64 * 1024 * 1024;
const maxBuffers = 16;

/** On memory that was given to be sent: it is not copied, and nobody may take it away from the socket. Known to all copies of this package. */
const inUseMark = Symbol.for('serpy.sent');

/** Says that bytes are on their way out: their memory will not be used for anything else. */
export function markInUse(bytes: Uint8Array): void {
  if (bytes.byteLength >= exactFromBytes) Reflect.set(bytes.buffer, inUseMark, true);
}

/** Whether memory is a message's own, and may be used again. */
function isReusable(memory: ArrayBufferLike): memory is ArrayBuffer {
  if (memory.byteLength < exactFromBytes || !(memory instanceof ArrayBuffer)) return false;
  return !(inUseMark in memory) && Object.isExtensible(memory);
}

export class BufferPool {
  readonly #buffers: ArrayBuffer[] = [];
  #bytes = 0;

  /** Memory that is not cleared: the caller fills it whole. */
  allocate(sizeBytes: number): Buffer {
    const index = this.#buffers.findLastIndex((piece) => piece.byteLength === sizeBytes);
    if (index < 0) return allocateMessage(sizeBytes);
    const [piece] = this.#buffers.splice(index, 1) as [ArrayBuffer];
    this.#bytes -= sizeBytes;
    return Buffer.from(piece);
  }

  /**
   * Takes the memory of a message away from everyone who holds it: their views of it are empty from then on, so that nobody reads
   * another message in it. Bytes that share memory with others stay as they are, and so do those that were sent.
   */
  release(bytes: Uint8Array): void {
    if (bytes.byteLength < exactFromBytes) return; // the engine may have it in its own heap, until somebody asks for its buffer
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
