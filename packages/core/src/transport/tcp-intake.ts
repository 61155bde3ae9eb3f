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
  /** The number of bytes read directly into a message before that chunk. */
  #pausedFilled = 0;
  /** Made for the first chunk that is not small. */
  #share: ReadShare | undefined;
  /** Whether the share of this turn is used up. */
  #yielding = false;

  constructor(socket: PausableSocket, lent: boolean) {
    this.#socket = socket;
    this.#sharedBuffer = lent;
  }

  /** The handler has been set. */
  start(): void {
    if (this.#isHolding()) process.nextTick(deliverPaused, this);
    else if (this.#sharedBuffer || !this.#paused) this.#socket.resume();
  }

  received(chunk: Buffer): void {
    if (this.#paused || this.#yielding || !this.handler) this.#bufferChunk(Buffer.from(chunk));
    else if (chunk.length < smallChunkBytes) this.handler.received(chunk);
    else this.#deliver(chunk, false);
  }

  target(leastBytes: number): Buffer | undefined {
    return this.#paused || this.#yielding || this.#isHolding() ? undefined : this.handler?.target?.(leastBytes);
  }

  /** So many bytes were put where `target` said: they come before what is held. */
  filled(count: number): void {
    if (this.#paused || this.#yielding || !this.handler) {
      this.#pausedFilled += count;
      this.#socket.pause();
    } else this.#deliverFilled(count);
  }

  #deliverFilled(count: number): void {
    this.#share ??= new ReadShare();
    const startMs = systemClock.now();
    this.handler?.filled?.(count);
    this.#share.record(count, systemClock.now() - startMs);
    if (this.#share.exhausted) this.#yield();
  }

  #isHolding(): boolean {
    return this.#pausedChunk !== undefined || this.#pausedFilled > 0;
  }

  ended(): void {
    if (this.#isHolding()) this.#pausedEnd = true;
    else this.handler?.ended();
  }

  /** Ends the intake and removes its handler. @returns the handler */
  stop(): TransportHandler | undefined {
    const [handler, held] = [this.handler, this.#paused ? undefined : this.#pausedChunk];
    const filled = this.#paused ? 0 : this.#pausedFilled;
    this.handler = undefined;
    this.#pausedChunk = undefined;
    this.#pausedFilled = 0;
    if (filled > 0) handler?.filled?.(filled);
    if (held) handler?.received(held); // it rested, and would have got it
    return handler;
  }

  pause(): void {
    this.#paused = true;
    if (!this.#sharedBuffer) this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#isHolding()) process.nextTick(deliverPaused, this);
    else if (!this.#sharedBuffer && !this.#yielding) this.#socket.resume();
  }

  deliverPaused(): void {
    if (!this.#isHolding() || this.#paused || this.#yielding) return;
    const filled = this.#pausedFilled;
    this.#pausedFilled = 0;
    if (filled > 0) this.#deliverFilled(filled);
    const held = this.#pausedChunk;
    if (held !== undefined) {
      if (this.#paused || this.#yielding) return;
      this.#pausedChunk = undefined;
      this.#deliver(held, true);
    }
    if (this.#isHolding()) return;
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
      if (this.#isHolding()) this.deliverPaused();
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
