/** What comes out of a session, and where it goes: bytes onto the link there is, everything else to whoever waits for it. */
import { randomBytes } from 'node:crypto';
import { MessagePool } from '../buffers/buffer-pool.js';
import { messageMemory } from '../buffers/message-buffer.js';
import type { Environment } from '../environment.js';
import type { SerpyError } from '../errors.js';
import type { Link } from '../link/link.js';
import type { Outgoing } from '../protocol/message.js';
import type { ProgressInfo, Seat } from '../protocol/resumable-session.js';
import type { SessionOutput } from '../protocol/session.js';
import type { SendQueue } from '../queue/send-queue.js';
import type { Place, Transport } from '../transport/transport.js';
import type { Counters } from './stats.js';
import type { Warnings } from './warnings.js';

/** Whose outlet it is. */
export interface OutletOwner {
  /** Goes on over a transport that is given then. False, and it is left where it is, when the connection is over. */
  takeLink(give: () => Transport | undefined): boolean;
  /** The link belongs to another connection now. */
  gaveLink(): void;
  progress(info: ProgressInfo): void;
}

export class Outlet implements SessionOutput<Outgoing>, Seat {
  readonly #outbox: SendQueue<Outgoing>;
  readonly #counters: Counters;
  readonly #warnings: Warnings;
  readonly #environment: Environment;
  readonly #owner: OutletOwner;
  #link: Link | undefined;
  /** What had been sent before this link, less what its transport had sent for another connection. */
  #bytesBefore = 0;
  /** Made when memory is first handed back. */
  #pool: MessagePool | undefined;

  constructor(
    outbox: SendQueue<Outgoing>,
    counters: Counters,
    warnings: Warnings,
    environment: Environment,
    owner: OutletOwner,
  ) {
    this.#outbox = outbox;
    this.#counters = counters;
    this.#warnings = warnings;
    this.#environment = environment;
    this.#owner = owner;
  }

  /** The link that bytes go onto, or went onto last. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Goes on over another link. */
  attach(link: Link): void {
    this.#bytesBefore = this.#counters.bytesSent - link.transport.leftBytes;
    this.#link = link;
  }

  /** A transport knows only whether all of a large piece has left; what TLS adds to it is not told apart. */
  get unsentBytes(): number {
    const link = this.#link;
    if (link === undefined || link.over) return 0;
    const { unsentBytes, leftBytes } = link.transport;
    return Math.max(0, Math.min(unsentBytes, this.#counters.bytesSent - this.#bytesBefore - leftBytes));
  }

  // Bytes, and memory for them.

  write(piece: Uint8Array): void {
    this.#counters.bytesSent += piece.length;
    this.#link?.write(piece);
  }

  reserve(bytes: number): Place {
    this.#counters.bytesSent += bytes;
    return this.#link?.reserve(bytes) ?? { memory: Buffer.allocUnsafe(bytes), start: 0 };
  }

  allocate(sizeBytes: number): Buffer {
    return this.#pool?.allocate(sizeBytes) ?? messageMemory(sizeBytes);
  }

  /** Memory of a message that the program has done with. */
  release(bytes: Uint8Array): void {
    this.#pool ??= new MessagePool();
    this.#pool.release(bytes);
  }

  randomBytes(count: number): Buffer {
    return (this.#environment.randomBytes ?? randomBytes)(count);
  }

  // What became of messages.

  acknowledged(outgoing: Outgoing): void {
    this.#outbox.acknowledged(outgoing);
    this.#link?.acknowledged();
  }

  rejected(outgoing: Outgoing, error: SerpyError): void {
    this.#outbox.rejected(outgoing, error);
  }

  putBack(messages: readonly Outgoing[]): void {
    this.#outbox.putBack(messages);
    this.#counters.messagesSent -= messages.length;
  }

  progress(info: ProgressInfo): void {
    this.#owner.progress(info);
  }

  warn(error: SerpyError, about?: 'bad-frame', count = 1): void {
    if (about === 'bad-frame') this.#counters.badFrames += count;
    this.#warnings.hold(error);
  }

  // Links that change hands.

  get seat(): Seat {
    return this;
  }

  get identity(): string | undefined {
    return this.#link?.transport.identity;
  }

  get encrypted(): boolean {
    return this.#link?.transport.encrypted ?? false;
  }

  takeLinkOf(other: Seat): boolean {
    return this.#owner.takeLink(() => other.giveLink());
  }

  giveLink(): Transport | undefined {
    const transport = this.#link?.handOver();
    this.#link = undefined;
    this.#owner.gaveLink();
    return transport;
  }
}
