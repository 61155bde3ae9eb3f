/** What comes out of a session, and where it goes: bytes onto the link there is, everything else to whoever waits for it. */
import { randomBytes } from 'node:crypto';
import { BufferPool } from '../buffers/buffer-pool.js';
import { allocateMessage } from '../buffers/message-buffer.js';
import type { Environment } from '../environment.js';
import type { SerpyError } from '../errors.js';
import type { Link } from '../link/link.js';
import type { OutboundMessage } from '../protocol/message.js';
import type { LinkHolder, ProgressInfo } from '../protocol/resumable-session.js';
import type { SessionHost } from '../protocol/session.js';
import type { SendQueue } from '../queue/send-queue.js';
import type { Transport, WriteSlot } from '../transport/transport.js';
import type { Notifier } from './notifier.js';
import type { Counters } from './stats.js';

/** Whose outlet it is. */
export interface SessionHostListener {
  /** Goes on over a transport that is given then. False, and it is left where it is, when the connection is over. */
  takeOver(give: () => Transport | undefined): boolean;
  /** The link belongs to another connection now. */
  linkReleased(): void;
}

export class ChannelSessionHost implements SessionHost<OutboundMessage>, LinkHolder {
  readonly #outbox: SendQueue<OutboundMessage>;
  readonly #counters: Counters;
  readonly #notifier: Notifier;
  readonly #environment: Environment;
  readonly #listener: SessionHostListener;
  #link: Link | undefined;
  /** What had been sent before this link, less what its transport had sent for another connection. */
  #bytesBefore = 0;
  /** Made when memory is first handed back. */
  #pool: BufferPool | undefined;

  constructor(
    outbox: SendQueue<OutboundMessage>,
    counters: Counters,
    notifier: Notifier,
    environment: Environment,
    listener: SessionHostListener,
  ) {
    this.#outbox = outbox;
    this.#counters = counters;
    this.#notifier = notifier;
    this.#environment = environment;
    this.#listener = listener;
  }

  /** The link that bytes go onto, or went onto last. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Goes on over another link. */
  attach(link: Link): void {
    this.#bytesBefore = this.#counters.bytesSent - link.transport.flushedBytes;
    this.#link = link;
  }

  /** A transport knows only whether all of a large piece has left; what TLS adds to it is not told apart. */
  get unsentBytes(): number {
    const link = this.#link;
    if (link === undefined || link.over) return 0;
    const { unsentBytes, flushedBytes } = link.transport;
    return Math.max(0, Math.min(unsentBytes, this.#counters.bytesSent - this.#bytesBefore - flushedBytes));
  }

  // Bytes, and memory for them.

  write(piece: Uint8Array): void {
    this.#counters.bytesSent += piece.length;
    this.#link?.write(piece);
  }

  reserve(bytes: number): WriteSlot {
    this.#counters.bytesSent += bytes;
    return this.#link?.reserve(bytes) ?? { buffer: Buffer.allocUnsafe(bytes), offset: 0 };
  }

  allocate(sizeBytes: number): Buffer {
    return this.#pool?.allocate(sizeBytes) ?? allocateMessage(sizeBytes);
  }

  /** Memory of a message that the program has done with. */
  release(bytes: Uint8Array): void {
    this.#pool ??= new BufferPool();
    this.#pool.release(bytes);
  }

  randomBytes(count: number): Buffer {
    return (this.#environment.randomBytes ?? randomBytes)(count);
  }

  // What became of messages.

  acknowledged(outgoing: OutboundMessage): void {
    this.#outbox.acknowledged(outgoing);
    this.#link?.acknowledged();
  }

  rejected(outgoing: OutboundMessage, error: SerpyError): void {
    this.#outbox.rejected(outgoing, error);
  }

  putBack(messages: readonly OutboundMessage[]): void {
    this.#outbox.putBack(messages);
    this.#counters.messagesSent -= messages.length;
  }

  progress(info: ProgressInfo): void {
    this.#notifier.progress(info);
  }

  warn(error: SerpyError, about?: 'bad-frame', count = 1): void {
    if (about === 'bad-frame') this.#counters.badFrames += count;
    this.#notifier.deferWarning(error);
  }

  // Links that change hands.

  get linkHolder(): LinkHolder {
    return this;
  }

  get identity(): string | undefined {
    return this.#link?.transport.identity;
  }

  takeOverLink(other: LinkHolder): boolean {
    return this.#listener.takeOver(() => other.releaseLink());
  }

  releaseLink(): Transport | undefined {
    const transport = this.#link?.release();
    this.#link = undefined;
    this.#listener.linkReleased();
    return transport;
  }
}
