/** What comes in from one socket, and when its handler gets it: not while it is paused, and not at the expense of other sockets. */
import { ReadShare } from './read-share.js';
import { systemClock } from './system-clock.js';
import type { TransportHandler } from './transport.js';

/** What it needs of a socket. */
interface Source {
  pause(): unknown;
  resume(): unknown;
}

/** Smaller chunks take so little time that it is not looked at. */
const smallChunkBytes = 4096;

export class TcpIntake {
  readonly #socket: Source;
  /** Whether the socket reads into our memory, and so goes on reading for one chunk after it was paused: until then it can tell that the peer has gone. In Node's own way the socket does the same by itself. */
  readonly #lent: boolean;
  /** Who gets it; until there is one, everything is held. */
  handler: TransportHandler | undefined;
  #paused = false;
  /** What came while it was paused, rested, or had no handler yet. */
  #held: Buffer | undefined;
  /** Whether the end came after that: over TLS it comes to a paused socket too. */
  #heldEnd = false;
  /** Made for the first chunk that is not small. */
  #share: ReadShare | undefined;
  /** Whether it has read its share of this turn. */
  #resting = false;

  constructor(socket: Source, lent: boolean) {
    this.#socket = socket;
    this.#lent = lent;
  }

  /** The handler is there. */
  start(): void {
    if (this.#held) process.nextTick(deliverHeld, this);
    else if (this.#lent || !this.#paused) this.#socket.resume();
  }

  received(chunk: Buffer): void {
    if (this.#paused || this.#resting || !this.handler) this.#hold(Buffer.from(chunk));
    else if (chunk.length < smallChunkBytes) this.handler.received(chunk);
    else this.#handOver(chunk, false);
  }

  ended(): void {
    if (this.#held) this.#heldEnd = true;
    else this.handler?.ended();
  }

  /** Nothing more comes, and nobody hears of what does. */
  stop(): TransportHandler | undefined {
    const [handler, held] = [this.handler, this.#paused ? undefined : this.#held];
    this.handler = undefined;
    this.#held = undefined;
    if (held) handler?.received(held); // it rested, and would have got it
    return handler;
  }

  pause(): void {
    this.#paused = true;
    if (!this.#lent) this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#held) process.nextTick(deliverHeld, this);
    else if (!this.#lent && !this.#resting) this.#socket.resume();
  }

  deliverHeld(): void {
    const held = this.#held;
    if (held === undefined || this.#paused || this.#resting) return;
    this.#held = undefined;
    this.#handOver(held, true);
    if (this.#held) return;
    if (this.#heldEnd) this.handler?.ended();
    else this.#readOn();
  }

  /** Hands a chunk over, as far as this socket may go in this turn. @param owned whether its memory is not read into again */
  #handOver(chunk: Buffer, owned: boolean): void {
    this.#share ??= new ReadShare();
    for (let at = 0; at < chunk.length; ) {
      // What is left of a chunk and takes no time is not worth a copy.
      if (this.#paused || (this.#resting && chunk.length - at > this.#share.partBytes)) {
        const rest = chunk.subarray(at);
        this.#hold(owned ? rest : Buffer.from(rest));
        return;
      }
      const end = Math.min(at + this.#share.partBytes, chunk.length);
      const startMs = systemClock.now();
      this.handler?.received(chunk.subarray(at, end));
      this.#share.take(end - at, systemClock.now() - startMs);
      if (this.#share.over) this.#rest();
      at = end;
    }
  }

  #hold(chunk: Buffer): void {
    this.#held = this.#held ? Buffer.concat([this.#held, chunk]) : chunk;
    this.#socket.pause();
  }

  #rest(): void {
    if (this.#resting) return;
    this.#resting = true;
    this.#socket.pause();
    systemClock.setImmediate(() => {
      this.#resting = false;
      this.#share?.renew();
      if (this.#held) this.deliverHeld();
      else this.#readOn();
    });
  }

  #readOn(): void {
    if (!this.#resting && (this.#lent || !this.#paused)) this.#socket.resume();
  }
}

function deliverHeld(intake: TcpIntake): void {
  intake.deliverHeld();
}
