/** Delivers the bytes of one socket to its handler: not while it is paused, and at most a share in each turn of the event loop. */
import { ReadShare } from './read-share.js';
import { systemClock } from './system-clock.js';
import type { TransportHandler } from './transport.js';

/** The used part of a socket. */
interface PausableSocket {
  pause(): unknown;
  resume(): unknown;
}

/** The time of smaller chunks is not measured: they take too little. */
const smallChunkBytes = 4096;

export class TcpIntake {
  readonly #socket: PausableSocket;
  /** Whether the socket reads into the shared buffer. Then it is paused only when the next chunk arrives, so that it can report the end of the peer until then. With Node's own reading the socket does that by itself. */
  readonly #sharedBuffer: boolean;
  /** Receives the bytes. Until it is set, they are kept. */
  handler: TransportHandler | undefined;
  #paused = false;
  /** The bytes that arrived while the intake was paused, yielded, or had no handler. */
  #pausedChunk: Buffer | undefined;
  /** Whether the end of the stream followed these bytes: TLS reports it on a paused socket too. */
  #pausedEnd = false;
  /** Created for the first chunk that is not small. */
  #share: ReadShare | undefined;
  /** Whether the share of this turn is used up. */
  #yielding = false;

  constructor(socket: PausableSocket, lent: boolean) {
    this.#socket = socket;
    this.#sharedBuffer = lent;
  }

  /** The handler has been set. */
  start(): void {
    if (this.#pausedChunk) process.nextTick(deliverPaused, this);
    else if (this.#sharedBuffer || !this.#paused) this.#socket.resume();
  }

  received(chunk: Buffer): void {
    if (this.#paused || this.#yielding || !this.handler) this.#bufferChunk(Buffer.from(chunk));
    else if (chunk.length < smallChunkBytes) this.handler.received(chunk);
    else this.#deliver(chunk, false);
  }

  ended(): void {
    if (this.#pausedChunk) this.#pausedEnd = true;
    else this.handler?.ended();
  }

  /** Ends the intake and removes its handler. @returns the handler */
  stop(): TransportHandler | undefined {
    const [handler, chunk] = [this.handler, this.#paused ? undefined : this.#pausedChunk];
    this.handler = undefined;
    this.#pausedChunk = undefined;
    if (chunk) handler?.received(chunk); // it waited for its turn only
    return handler;
  }

  pause(): void {
    this.#paused = true;
    if (!this.#sharedBuffer) this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#pausedChunk) process.nextTick(deliverPaused, this);
    else if (!this.#sharedBuffer && !this.#yielding) this.#socket.resume();
  }

  deliverPaused(): void {
    const chunk = this.#pausedChunk;
    if (chunk === undefined || this.#paused || this.#yielding) return;
    this.#pausedChunk = undefined;
    this.#deliver(chunk, true);
    if (this.#pausedChunk) return;
    if (this.#pausedEnd) this.handler?.ended();
    else this.#resumeSocket();
  }

  /** Delivers a chunk, up to the share of this turn. @param owned whether the memory of the chunk is not reused */
  #deliver(chunk: Buffer, owned: boolean): void {
    this.#share ??= new ReadShare();
    for (let at = 0; at < chunk.length; ) {
      // A small rest of a chunk is delivered: a copy would take longer.
      if (this.#paused || (this.#yielding && chunk.length - at > this.#share.partBytes)) {
        const rest = chunk.subarray(at);
        this.#bufferChunk(owned ? rest : Buffer.from(rest));
        return;
      }
      const end = Math.min(at + this.#share.partBytes, chunk.length);
      const startMs = systemClock.now();
      this.handler?.received(chunk.subarray(at, end));
      this.#share.record(end - at, systemClock.now() - startMs);
      if (this.#share.exhausted) this.#yield();
      at = end;
    }
  }

  #bufferChunk(chunk: Buffer): void {
    this.#pausedChunk = this.#pausedChunk ? Buffer.concat([this.#pausedChunk, chunk]) : chunk;
    this.#socket.pause();
  }

  #yield(): void {
    if (this.#yielding) return;
    this.#yielding = true;
    this.#socket.pause();
    systemClock.setImmediate(() => {
      this.#yielding = false;
      this.#share?.reset();
      if (this.#pausedChunk) this.deliverPaused();
      else this.#resumeSocket();
    });
  }

  #resumeSocket(): void {
    if (!this.#yielding && (this.#sharedBuffer || !this.#paused)) this.#socket.resume();
  }
}

function deliverPaused(intake: TcpIntake): void {
  intake.deliverPaused();
}
