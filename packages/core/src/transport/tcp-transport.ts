/** Transports over TCP: one socket each. Contains mechanisms and no policy. */
import type { Socket } from 'node:net';
import { ValueError } from '../errors.js';
import type { Address } from './address.js';
import type { SocketReader } from './read-buffer.js';
import { flushedBytes } from './socket-progress.js';
import { TcpIntake } from './tcp-intake.js';
import type { Transport, TransportHandler, WriteSlot } from './transport.js';
import { WriteBuffer } from './write-buffer.js';
import { hasSeparate, maxWriteBytes, WriteParts } from './write-parts.js';

/** 1 MiB in flight: further messages wait in the send queue, where they can still be counted, dropped or sent on another link. */
const highWaterBytes = 1024 * 1024;

/** After a turn with several flushes, the flushes of the next 16 turns are coalesced. */
const coalesceTurns = 16;

/** The transport of a socket. With this property all sockets share their listeners, which took 400 bytes of each idle connection. */
const owner = Symbol('owner');

type OwnedSocket = Socket & { [owner]?: TcpTransport };

export class TcpTransport implements Transport {
  readonly encrypted: boolean = false;
  readonly #socket: Socket;
  readonly #reader: SocketReader | undefined;
  readonly #intake: TcpIntake;
  readonly #writeBuffer = new WriteBuffer();
  #handler: TransportHandler | undefined;
  /** The bytes in the socket at the last check. */
  #inSocketBytes = 0;
  /** Whether `writable` is false, so that `drained` must follow. */
  #needsDrain = false;
  #onWritten: (() => void) | undefined;
  /** Writes of which the socket has not reported the end. */
  #writesInFlight = 0;
  /** Whether a flush waits for the end of the turn. */
  #flushIsDeferred = false;
  /** The number of further turns in which flushes are coalesced. */
  #coalesceTurns = 0;
  /** The bytes that are written part by part. */
  #parts: WriteParts | undefined;
  /** Whether the end of the stream follows the parts. */
  #ending = false;

  /** @param reading reads from the paused socket; undefined for Node's own reading */
  constructor(socket: OwnedSocket, reading: SocketReader | undefined, keepAliveMs: number) {
    this.#socket = socket;
    this.#reader = reading;
    this.#intake = new TcpIntake(socket, reading !== undefined);
    socket[owner] = this;
    socket.setNoDelay(true);
    // The system counts in seconds, and 0 selects its default of two hours.
    if (keepAliveMs > 0) socket.setKeepAlive(true, Math.ceil(keepAliveMs / 1000) * 1000);
    // Until `start` there is no other listener, and an 'error' without a listener ends the program.
    socket.on('error', noop);
  }

  get remote(): Address {
    return { host: this.#socket.remoteAddress ?? '', port: this.#socket.remotePort ?? 0 };
  }

  get local(): Address {
    return { host: this.#socket.localAddress ?? '', port: this.#socket.localPort ?? 0 };
  }

  get unsentBytes(): number {
    return this.#writeBuffer.bytes + this.#inFlightBytes();
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
    if (again) return; // another connection has taken over the link
    const socket = this.#socket;
    if (this.#reader) this.#reader.receiver = this;
    else socket.on('data', onReceived);
    socket.on('end', onEnded);
    socket.on('close', onClosed);
    this.#intake.start();
    if (socket.readableEnded) process.nextTick(() => this.ended());
    if (socket.destroyed) process.nextTick(() => this.closed()); // 'close' may have been emitted before
  }

  ended(): void {
    this.#intake.ended();
  }

  /** Reports the end once. */
  closed(): void {
    const handler = this.#intake.stop();
    this.#handler = undefined;
    handler?.closed(this.failure());
  }

  /** The error that closed the socket. */
  protected failure(): Error | undefined {
    const error: NodeJS.ErrnoException | undefined = this.#socket.errored ?? undefined;
    // The memory of the bytes was freed before the system read it.
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
   * The first flush of a turn is sent at once, for a short round trip. The socket reports its end when the turn ends, and all bytes that
   * were written in between are sent together: one system call instead of one for each message. After a turn with several flushes, the
   * first flush of the next turns waits for the others, because these turns are likely to have several too. That makes acknowledged
   * messages 1.5 times as fast, because groups of them stay together.
   */
  flush(): void {
    if (this.#writesInFlight > 0 || this.#flushIsDeferred) {
      if (this.#coalesceTurns < coalesceTurns && this.#isFilled()) this.#coalesceTurns = coalesceTurns;
      return;
    }
    if (!this.#isFilled()) return;
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

  #isFilled(): boolean {
    return this.#writeBuffer.bytes > 0 || this.#handler?.gathered === true;
  }

  #send(): void {
    this.#handler?.flushing?.();
    if (this.#writeBuffer.bytes === 0) return;
    const { bytes } = this.#writeBuffer;
    const pieces = this.#writeBuffer.take();
    const isSplit = bytes > maxWriteBytes || (this.encrypted && hasSeparate(pieces));
    // The header before these bytes is in flight: only the end of the link can report to the peer that they do not follow.
    if (lengthOf(pieces) !== bytes) this.#socket.destroy(detachedError());
    else if (this.#parts) {
      this.#parts.add(pieces);
      this.#needsDrain ||= this.#inFlightBytes() >= highWaterBytes;
    } else if (isSplit || this.#inSocketBytes > 0) {
      // The program could transfer bytes that wait in the socket, and the socket would not detect it. So they wait here.
      this.#parts = new WriteParts(this.encrypted);
      this.#parts.add(pieces);
      if (this.#inSocketBytes === 0) this.#writePart(this.#parts);
      else this.#needsDrain ||= this.#inFlightBytes() >= highWaterBytes;
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
    // The system mostly accepts all bytes at once, and their memory can be reused.
    if (this.#inFlightBytes() === 0) this.#writeBuffer.recycle();
    else if (this.#inFlightBytes() >= highWaterBytes) this.#needsDrain = true;
  }

  /** The bytes that were taken from the write buffer and have not left this process. */
  #inFlightBytes(): number {
    return this.#inSocketBytes + (this.#parts?.bytes ?? 0);
  }

  /** The bytes of one flush have left this process, or the socket was destroyed with them. */
  #written(): void {
    this.#writesInFlight--;
    if (this.#socket.destroyed) return;
    this.#inSocketBytes = this.#socket.writableLength;
    if (this.#writesInFlight === 0) {
      if (this.#parts) this.#writePart(this.#parts);
      else if (this.#isFilled()) this.#send();
      else if (this.#inSocketBytes === 0) this.#writeBuffer.recycle(); // over TLS no write completes at once
    }
    if (!this.#needsDrain || this.#inFlightBytes() >= highWaterBytes) return;
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
    'the program transferred or shrank the bytes of a message while it was being sent. The connection was closed in the middle of that message, ' +
      'which the peer does not receive: send a copy (Buffer.from(bytes))',
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
