/** Transports over TCP: sockets at work. Small verbs, no policy. */
import type { Socket } from 'node:net';
import { ValueError } from '../errors.js';
import type { Address } from './address.js';
import type { SocketReader } from './read-buffer.js';
import { flushedBytes } from './socket-progress.js';
import { TcpIntake } from './tcp-intake.js';
import type { Transport, TransportHandler, WriteSlot } from './transport.js';
import { WriteBuffer } from './write-buffer.js';
import { maxWriteBytes, WriteParts } from './write-parts.js';

/** With this much on its way, more waits in the send queue, where it can still be counted, dropped or sent on another link. */
const highWaterBytes = 1024 * 1024;

/** For so many turns after one of several flushes. */
const coalesceTurns = 16;

/** Whose socket it is. With it all sockets share their listeners, which took 400 bytes of each idle connection. */
const owner = Symbol('owner');

type OwnedSocket = Socket & { [owner]?: TcpTransport };

export class TcpTransport implements Transport {
  readonly #socket: Socket;
  readonly #reader: SocketReader | undefined;
  readonly #intake: TcpIntake;
  readonly #writeBuffer = new WriteBuffer();
  #handler: TransportHandler | undefined;
  /** How much the socket held when that was last looked at. */
  #inSocketBytes = 0;
  /** Whether somebody was told to wait. */
  #needsDrain = false;
  #onWritten: (() => void) | undefined;
  /** Writes that the socket has not told the end of. */
  #writesInFlight = 0;
  /** Whether a flush waits for the end of the turn, and for how many turns more each does so. */
  #flushIsDeferred = false;
  #coalesceTurns = 0;
  /** What is written part by part, while it is. */
  #parts: WriteParts | undefined;
  /** Whether the end comes behind it. */
  #ending = false;

  /** @param reading how the paused socket reads, if not in Node's own way */
  constructor(socket: OwnedSocket, reading: SocketReader | undefined, keepAliveMs: number) {
    this.#socket = socket;
    this.#reader = reading;
    this.#intake = new TcpIntake(socket, reading !== undefined);
    socket[owner] = this;
    socket.setNoDelay(true);
    // The system counts in seconds, and takes 0 for its own two hours.
    if (keepAliveMs > 0) socket.setKeepAlive(true, Math.ceil(keepAliveMs / 1000) * 1000);
    // Until `start` nobody listens, and an unheard 'error' would end the program.
    socket.on('error', noop);
  }

  get remote(): Address {
    return { host: this.#socket.remoteAddress ?? '', port: this.#socket.remotePort ?? 0 };
  }

  get local(): Address {
    return { host: this.#socket.localAddress ?? '', port: this.#socket.localPort ?? 0 };
  }

  get unsentBytes(): number {
    return this.#writeBuffer.bytes + this.#inFlightBytes;
  }

  get flushedBytes(): number {
    return flushedBytes(this.#socket);
  }

  get writable(): boolean {
    return !this.#needsDrain;
  }

  start(handler: TransportHandler): void {
    const again = this.#handler !== undefined;
    this.#handler = handler;
    this.#intake.handler = handler;
    if (again) return; // the link was given to another connection
    const socket = this.#socket;
    if (this.#reader) this.#reader.receiver = this;
    else socket.on('data', onReceived);
    socket.on('end', onEnded);
    socket.on('close', onClosed);
    this.#intake.start();
    if (socket.readableEnded) process.nextTick(() => this.ended());
    if (socket.destroyed) process.nextTick(() => this.closed()); // its event may have been already
  }

  ended(): void {
    this.#intake.ended();
  }

  /** Tells it once. */
  closed(): void {
    const handler = this.#intake.stop();
    this.#handler = undefined;
    handler?.closed(this.failure());
  }

  /** What broke it. */
  protected failure(): Error | undefined {
    const error: NodeJS.ErrnoException | undefined = this.#socket.errored ?? undefined;
    // The system found no memory where the bytes had been that it was given.
    return error?.code === 'EFAULT' ? detachedError({ cause: error }) : error;
  }

  received(chunk: Buffer): void {
    this.#intake.received(chunk);
  }

  target(leastBytes: number): Buffer | undefined {
    return this.#intake.target(leastBytes);
  }

  filled(count: number): void {
    this.#intake.filled(count);
  }

  write(piece: Uint8Array): void {
    this.#writeBuffer.add(piece);
    if (this.#writeBuffer.full) this.#send();
  }

  reserve(bytes: number): WriteSlot {
    if (this.#writeBuffer.full) this.#send();
    return this.#writeBuffer.reserve(bytes);
  }

  /**
   * The first flush of a turn goes out at once, for a short round trip. The socket tells that it is done with it when the turn
   * ends, and what was written meanwhile goes out together: one system call for all of it instead of one for each message.
   * After a turn of many the next ones are expected to be like it, and their first waits for the others: half as many again
   * acknowledged messages, as groups of them stay together.
   */
  flush(): void {
    if (this.#writesInFlight > 0 || this.#flushIsDeferred) {
      if (this.#coalesceTurns < coalesceTurns && this.#isFilled) this.#coalesceTurns = coalesceTurns;
      return;
    }
    if (!this.#isFilled) return;
    if (this.#coalesceTurns > 0) {
      this.#coalesceTurns--;
      this.#flushIsDeferred = true;
      process.nextTick(flushDeferred, this);
    } else {
      this.#send();
    }
  }

  flushDeferred(): void {
    this.#flushIsDeferred = false;
    this.#send();
  }

  get #isFilled(): boolean {
    return this.#writeBuffer.bytes > 0 || this.#handler?.gathered === true;
  }

  #send(): void {
    this.#handler?.flushing?.();
    if (this.#writeBuffer.bytes === 0) return;
    const { bytes } = this.#writeBuffer;
    const isLarge = bytes > maxWriteBytes;
    const pieces = this.#writeBuffer.take();
    // The header that stands before them is on its way: nothing but the end of the link tells the peer that they do not follow.
    if (lengthOf(pieces) !== bytes) this.#socket.destroy(detachedError());
    else if (this.#parts) {
      this.#parts.add(pieces);
      this.#needsDrain ||= this.#inFlightBytes >= highWaterBytes;
    } else if (isLarge || this.#inSocketBytes > 0) {
      // What the socket would keep until it can write it could be taken away by the program meanwhile, unseen.
      this.#parts = new WriteParts();
      this.#parts.add(pieces);
      if (this.#inSocketBytes === 0) this.#writePart(this.#parts);
      else this.#needsDrain ||= this.#inFlightBytes >= highWaterBytes;
    } else {
      this.#write(pieces);
    }
  }

  #writePart(parts: WriteParts): void {
    const part = parts.take();
    if (part === undefined) {
      this.#socket.destroy(detachedError());
      return;
    }
    if (parts.bytes === 0) this.#parts = undefined;
    this.#write(part);
    if (this.#ending && !this.#parts) this.#socket.end();
  }

  #write(pieces: Uint8Array[]): void {
    const socket = this.#socket;
    const last = pieces.length - 1;
    this.#writesInFlight++;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(pieces[i] as Uint8Array);
    this.#onWritten ??= () => this.#written();
    socket.write(pieces[last] as Uint8Array, this.#onWritten);
    if (last > 0) socket.uncork();
    this.#inSocketBytes = socket.writableLength;
    // Mostly the system takes all of it at once, and the memory can be used again.
    if (this.#inFlightBytes === 0) this.#writeBuffer.recycle();
    else if (this.#inFlightBytes >= highWaterBytes) this.#needsDrain = true;
  }

  /** What was taken out of the batch and has not left. */
  get #inFlightBytes(): number {
    return this.#inSocketBytes + (this.#parts?.bytes ?? 0);
  }

  /** What one flush wrote has left this process, or the socket has died with it. */
  #written(): void {
    this.#writesInFlight--;
    if (this.#socket.destroyed) return;
    this.#inSocketBytes = this.#socket.writableLength;
    if (this.#writesInFlight === 0) {
      if (this.#parts) this.#writePart(this.#parts);
      else if (this.#isFilled) this.#send();
      else if (this.#inSocketBytes === 0) this.#writeBuffer.recycle(); // over TLS no write is done at once
    }
    if (!this.#needsDrain || this.#inFlightBytes >= highWaterBytes) return;
    this.#needsDrain = false;
    this.#handler?.drained();
  }

  pause(): void {
    this.#intake.pause();
  }

  resume(): void {
    this.#intake.resume();
  }

  end(): void {
    this.#send();
    this.#ending = true;
    if (!this.#parts) this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const { length } of pieces) bytes += length;
  return bytes;
}

function detachedError(options?: ErrorOptions): ValueError {
  return new ValueError(
    'the program took the memory of a message away while it was being sent (transferred it, or made it smaller), so the link had to end in the ' +
      'middle of that message, which the peer does not get: send a copy (Buffer.from(bytes))',
    options,
  );
}

function noop(): void {}

function onReceived(this: OwnedSocket, chunk: Buffer): void {
  this[owner]?.received(chunk);
}

function onEnded(this: OwnedSocket): void {
  this[owner]?.ended();
}

function onClosed(this: OwnedSocket): void {
  this[owner]?.closed();
}

function flushDeferred(transport: TcpTransport): void {
  transport.flushDeferred();
}
