/** Transports over TCP: sockets at work. Small verbs, no policy. */
import type { Socket } from 'node:net';
import { ValueError } from '../errors.js';
import type { Address } from './address.js';
import type { Reading } from './read-buffer.js';
import { leftBytesOf } from './socket-progress.js';
import { TcpIntake } from './tcp-intake.js';
import type { Place, Transport, TransportHandler } from './transport.js';
import { WriteBatch } from './write-buffer.js';
import { partBytes, WriteParts } from './write-parts.js';

/** With this much on its way, more waits in the send queue, where it can still be counted, dropped or sent on another link. */
const highWaterBytes = 1024 * 1024;

/** For so many turns after one of several flushes. */
const patientTurns = 16;

/** Whose socket it is. With it all sockets share their listeners, which took 400 bytes of each idle connection. */
const owner = Symbol('owner');

type OwnedSocket = Socket & { [owner]?: TcpTransport };

export class TcpTransport implements Transport {
  readonly #socket: Socket;
  readonly #reading: Reading | undefined;
  readonly #intake: TcpIntake;
  readonly #batch = new WriteBatch();
  #handler: TransportHandler | undefined;
  /** How much the socket held when that was last looked at. */
  #inSocketBytes = 0;
  /** Whether somebody was told to wait. */
  #full = false;
  #sent: (() => void) | undefined;
  /** Writes that the socket has not told the end of. */
  #underWay = 0;
  /** Whether a flush waits for the end of the turn, and for how many turns more each does so. */
  #planned = false;
  #patientTurns = 0;
  /** What is written part by part, while it is. */
  #parts: WriteParts | undefined;
  /** Whether the end comes behind it. */
  #ending = false;

  /** @param reading how the paused socket reads, if not in Node's own way */
  constructor(socket: OwnedSocket, reading: Reading | undefined, keepAliveMs: number) {
    this.#socket = socket;
    this.#reading = reading;
    this.#intake = new TcpIntake(socket, reading !== undefined);
    socket[owner] = this;
    socket.setNoDelay(true);
    // The system counts in seconds, and takes 0 for its own two hours.
    if (keepAliveMs > 0) socket.setKeepAlive(true, Math.ceil(keepAliveMs / 1000) * 1000);
    // Until `start` nobody listens, and an unheard 'error' would end the program.
    socket.on('error', ignore);
  }

  get remote(): Address {
    return { host: this.#socket.remoteAddress ?? '', port: this.#socket.remotePort ?? 0 };
  }

  get local(): Address {
    return { host: this.#socket.localAddress ?? '', port: this.#socket.localPort ?? 0 };
  }

  get unsentBytes(): number {
    return this.#batch.bytes + this.#takenBytes;
  }

  get leftBytes(): number {
    return leftBytesOf(this.#socket);
  }

  get writable(): boolean {
    return !this.#full;
  }

  start(handler: TransportHandler): void {
    const again = this.#handler !== undefined;
    this.#handler = handler;
    this.#intake.handler = handler;
    if (again) return; // the link was given to another connection
    const socket = this.#socket;
    if (this.#reading) this.#reading.reader = this;
    else socket.on('data', tellReceived);
    socket.on('end', tellEnded);
    socket.on('close', tellClosed);
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
    return error?.code === 'EFAULT' ? takenAway({ cause: error }) : error;
  }

  received(chunk: Buffer): void {
    this.#intake.received(chunk);
  }

  write(piece: Uint8Array): void {
    this.#batch.add(piece);
    if (this.#batch.full) this.#send();
  }

  reserve(bytes: number): Place {
    if (this.#batch.full) this.#send();
    return this.#batch.reserve(bytes);
  }

  /**
   * The first flush of a turn goes out at once, for a short round trip. The socket tells that it is done with it when the turn
   * ends, and what was written meanwhile goes out together: one system call for all of it instead of one for each message.
   * After a turn of many the next ones are expected to be like it, and their first waits for the others: half as many again
   * acknowledged messages, as groups of them stay together.
   */
  flush(): void {
    if (this.#underWay > 0 || this.#planned) {
      if (this.#patientTurns < patientTurns && this.#isFilled) this.#patientTurns = patientTurns;
      return;
    }
    if (!this.#isFilled) return;
    if (this.#patientTurns > 0) {
      this.#patientTurns--;
      this.#planned = true;
      process.nextTick(sendPlanned, this);
    } else {
      this.#send();
    }
  }

  sendPlanned(): void {
    this.#planned = false;
    this.#send();
  }

  get #isFilled(): boolean {
    return this.#batch.bytes > 0 || this.#handler?.gathered === true;
  }

  #send(): void {
    this.#handler?.flushing?.();
    if (this.#batch.bytes === 0) return;
    const { bytes } = this.#batch;
    const isLarge = bytes > partBytes;
    const pieces = this.#batch.take();
    // The header that stands before them is on its way: nothing but the end of the link tells the peer that they do not follow.
    if (lengthOf(pieces) !== bytes) this.#socket.destroy(takenAway());
    else if (this.#parts) {
      this.#parts.add(pieces);
      this.#full ||= this.#takenBytes >= highWaterBytes;
    } else if (isLarge || this.#inSocketBytes > 0) {
      // What the socket would keep until it can write it could be taken away by the program meanwhile, unseen.
      this.#parts = new WriteParts();
      this.#parts.add(pieces);
      if (this.#inSocketBytes === 0) this.#writePart(this.#parts);
      else this.#full ||= this.#takenBytes >= highWaterBytes;
    } else {
      this.#write(pieces);
    }
  }

  #writePart(parts: WriteParts): void {
    const part = parts.take();
    if (part === undefined) {
      this.#socket.destroy(takenAway());
      return;
    }
    if (parts.bytes === 0) this.#parts = undefined;
    this.#write(part);
    if (this.#ending && !this.#parts) this.#socket.end();
  }

  #write(pieces: Uint8Array[]): void {
    const socket = this.#socket;
    const last = pieces.length - 1;
    this.#underWay++;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(pieces[i] as Uint8Array);
    this.#sent ??= () => this.#wasSent();
    socket.write(pieces[last] as Uint8Array, this.#sent);
    if (last > 0) socket.uncork();
    this.#inSocketBytes = socket.writableLength;
    // Mostly the system takes all of it at once, and the memory can be used again.
    if (this.#takenBytes === 0) this.#batch.recycle();
    else if (this.#takenBytes >= highWaterBytes) this.#full = true;
  }

  /** What was taken out of the batch and has not left. */
  get #takenBytes(): number {
    return this.#inSocketBytes + (this.#parts?.bytes ?? 0);
  }

  /** What one flush wrote has left this process, or the socket has died with it. */
  #wasSent(): void {
    this.#underWay--;
    if (this.#socket.destroyed) return;
    this.#inSocketBytes = this.#socket.writableLength;
    if (this.#underWay === 0) {
      if (this.#parts) this.#writePart(this.#parts);
      else if (this.#isFilled) this.#send();
      else if (this.#inSocketBytes === 0) this.#batch.recycle(); // over TLS no write is done at once
    }
    if (!this.#full || this.#takenBytes >= highWaterBytes) return;
    this.#full = false;
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

function takenAway(options?: ErrorOptions): ValueError {
  return new ValueError(
    'the program took the memory of a message away while it was being sent (transferred it, or made it smaller), so the link had to end in the ' +
      'middle of that message, which the peer does not get: send a copy (Buffer.from(bytes))',
    options,
  );
}

function ignore(): void {}

function tellReceived(this: OwnedSocket, chunk: Buffer): void {
  this[owner]?.received(chunk);
}

function tellEnded(this: OwnedSocket): void {
  this[owner]?.ended();
}

function tellClosed(this: OwnedSocket): void {
  this[owner]?.closed();
}

function sendPlanned(transport: TcpTransport): void {
  transport.sendPlanned();
}
