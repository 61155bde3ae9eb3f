/** What comes in from one socket, and when its handler gets it: not while it is paused, and not at the expense of other sockets. */
import { ReadShare } from './read-share.js';
import { systemClock } from './system-clock.js';
import type { TransportHandler } from './transport.js';

/** What it needs of a socket. */
interface PausableSocket {
  pause(): unknown;
  resume(): unknown;
}

/** Smaller chunks take so little time that it is not looked at. */
const smallChunkBytes = 4096;

export class TcpIntake {
  readonly #socket: PausableSocket;
  /** Whether the socket reads into our memory, and so goes on reading for one chunk after it was paused: until then it can tell that the peer has gone. In Node's own way the socket does the same by itself. */
  readonly #sharedBuffer: boolean;
  /** Who gets it; until there is one, everything is held. */
  handler: TransportHandler | undefined;
  #paused = false;
  /** What came while it was paused, rested, or had no handler yet. */
  #pausedChunk: Buffer | undefined;
  /** Whether the end came after that: over TLS it comes to a paused socket too. */
  #pausedEnd = false;
  /** So many bytes before that were put where they belong. */
  #pausedFilled = 0;
  /** Made for the first chunk that is not small. */
  #share: ReadShare | undefined;
  /** Whether it has read its share of this turn. */
  #yielding = false;

  constructor(socket: PausableSocket, lent: boolean) {
    this.#socket = socket;
    this.#sharedBuffer = lent;
  }

  /** The handler is there. */
  start(): void {
    if (this.#isHolding) process.nextTick(deliverPaused, this);
    else if (this.#sharedBuffer || !this.#paused) this.#socket.resume();
  }

  received(chunk: Buffer): void {
    if (this.#paused || this.#yielding || !this.handler) this.#bufferChunk(Buffer.from(chunk));
    else if (chunk.length < smallChunkBytes) this.handler.received(chunk);
    else this.#deliver(chunk, false);
  }

  target(leastBytes: number): Buffer | undefined {
    return this.#paused || this.#yielding || this.#isHolding ? undefined : this.handler?.target?.(leastBytes);
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

  get #isHolding(): boolean {
    return this.#pausedChunk !== undefined || this.#pausedFilled > 0;
  }

  ended(): void {
    if (this.#isHolding) this.#pausedEnd = true;
    else this.handler?.ended();
  }

  /** Nothing more comes, and nobody hears of what does. */
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
    if (this.#isHolding) process.nextTick(deliverPaused, this);
    else if (!this.#sharedBuffer && !this.#yielding) this.#socket.resume();
  }

  deliverPaused(): void {
    if (!this.#isHolding || this.#paused || this.#yielding) return;
    const filled = this.#pausedFilled;
    this.#pausedFilled = 0;
    if (filled > 0) this.#deliverFilled(filled);
    const held = this.#pausedChunk;
    if (held !== undefined) {
      if (this.#paused || this.#yielding) return;
      this.#pausedChunk = undefined;
      this.#deliver(held, true);
    }
    if (this.#isHolding) return;
    if (this.#pausedEnd) this.handler?.ended();
    else this.#resumeSocket();
  }

  /** Hands a chunk over, as far as this socket may go in this turn. @param owned whether its memory is not read into again */
  #deliver(chunk: Buffer, owned: boolean): void {
    this.#share ??= new ReadShare();
    for (let at = 0; at < chunk.length; ) {
      // What is left of a chunk and takes no time is not worth a copy.
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
      if (this.#isHolding) this.deliverPaused();
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
